// Parses a query, as Python does (`query_language/parser.py`). It never fails: what cannot be read is left out, and
// said with its place, which counts code points.

import { keyIn, known, MOMENTS, SIDES, SPACE } from "./keys.js";
import * as messages from "./messages.js";
import { joined, negated } from "./nodes.js";
import { spelled } from "./spelled.js";
import { isLater } from "./times.js";

/** @import { Node } from "./nodes.js" */

/** @typedef {{ at: number, length: number, message: string }} Problem */
/** @typedef {{ node: Node | null, since: string | null, until: string | null, problems: Problem[] }} Parsed */
/** @typedef {{ key: string, name: string }} Key before a colon: a key, or without one the name of a field */
/** @typedef {{ text: string, at: number, end: number, quoted: boolean, closed: boolean }} Value a word or a phrase */
/** @typedef {{ node: Node | null, found: boolean }} Part found: if anything stood there, perhaps left out */

const MOST_PROBLEMS = 10;
const SPACES = new RegExp(`[${SPACE}]*`, "y");
const WORD = new RegExp(`[^${SPACE}()]*`, "y");
const PHRASE = /"((?:[^"\\]|\\.)*)"/sy;
const IMPOSSIBLE = /\0|[\ud800-\udfff]/u; // PostgreSQL takes no NUL, and no database a lone surrogate
/** @type {Key} */
const TEXT = { key: "text", name: "text" };

/**
 * With `typing`, what is unfinished at the very end is no problem.
 * @param {string} text
 * @param {{ typing?: boolean }} options
 * @returns {Parsed}
 */
export function parse(text, { typing = false } = {}) {
  const { LONGEST, TOO_LONG, NO_CHARACTER } = messages;
  const length = count(text);
  const nothing = { node: null, since: null, until: null };
  if (length > LONGEST) return { ...nothing, problems: [{ at: LONGEST, length: length - LONGEST, message: TOO_LONG }] };
  const bad = IMPOSSIBLE.exec(text);
  if (bad) return { ...nothing, problems: [{ at: count(text.slice(0, bad.index)), length: 1, message: NO_CHARACTER }] };
  return new Parser(text, typing).parsed();
}

/** @type {(text: string) => number} */
const count = (text) => [...text].length;

class Parser {
  at = 0; // in UTF-16 units
  terms = 0;
  isOpen = false;
  hasOr = false;
  /** @type {Problem[]} */
  problems = [];
  /** @type {Map<string, { text: string, at: number, end: number }>} */
  moments = new Map();

  /**
   * @param {string} text
   * @param {boolean} typing
   */
  constructor(text, typing) {
    this.text = text;
    this.typing = typing;
  }

  /** @returns {Parsed} */
  parsed() {
    /** @type {Node[]} */
    const nodes = [];
    for (;;) {
      const { node } = this.#or(null, 0);
      if (node) nodes.push(node);
      if (this.at >= this.text.length) break;
      this.#problem(this.at, this.at + 1, messages.LONE_BRACKET);
      this.at += 1;
    }
    if (this.hasOr) {
      for (const { at, end } of this.moments.values()) this.#problem(at, end, messages.NOT_OUTSIDE);
      this.moments.clear();
    }
    this.#checkOrder();
    const node = joined("and", nodes);
    const [since, until] = [...MOMENTS.keys()].map((key) => this.moments.get(key)?.text ?? null);
    const problems = this.problems.sort((a, b) => a.at - b.at).slice(0, MOST_PROBLEMS);
    return { node: node && withFields(node, []), since, until, problems };
  }

  /**
   * @param {Key | null} within
   * @param {number} depth
   * @returns {Part}
   */
  #or(within, depth) {
    const first = this.#and(within, depth);
    const nodes = [first.node];
    let { found } = first;
    while (this.#word() === "OR") {
      const { at } = this;
      this.at += 2;
      this.hasOr ||= depth === 0;
      if (!found) this.#problem(at, at + 2, messages.NOTHING_BEFORE("OR"));
      const side = this.#and(within, depth);
      if (found && !side.found) this.#problem(at, at + 2, messages.NOTHING_AFTER("OR"), true);
      nodes.push(side.node);
      found = true;
    }
    return {
      node: joined(
        "or",
        nodes.filter((node) => node !== null),
      ),
      found,
    };
  }

  /**
   * @param {Key | null} within
   * @param {number} depth
   * @returns {Part}
   */
  #and(within, depth) {
    /** @type {Node[]} */
    const nodes = [];
    let found = false;
    while (!this.#isOver()) {
      const word = this.#word();
      if (word === "OR") break;
      if (word === "AND") this.#operator(found);
      else {
        const node = this.#unary(within, depth);
        if (node) nodes.push(node);
      }
      found = true;
    }
    return { node: joined("and", nodes), found };
  }

  /** @param {boolean} found whether something stands before it */
  #operator(found) {
    const { at } = this;
    this.at += 3;
    if (!found) this.#problem(at, at + 3, messages.NOTHING_BEFORE("AND"));
    else if (this.#isOver() || ["OR", "AND"].includes(this.#word()))
      this.#problem(at, at + 3, messages.NOTHING_AFTER("AND"), true);
  }

  /**
   * @param {Key | null} within
   * @param {number} depth
   * @returns {Node | null}
   */
  #unary(within, depth) {
    let [isNot, isOnce] = [false, false];
    for (;;) {
      const { at } = this;
      if ("-!".includes(this.text[at]) && !this.#endsAt(at + 1)) this.at += 1;
      else if (this.#word() === "NOT") {
        this.at += 3;
        if (this.#isOver() || ["OR", "AND"].includes(this.#word())) {
          this.#problem(at, at + 3, messages.NOTHING_AFTER("NOT"), true);
          return null;
        }
      } else break;
      [isNot, isOnce] = [!isNot, true];
    }
    const node = this.#atom(within, depth, isOnce);
    return isNot && node ? negated(node) : node;
  }

  /**
   * @param {Key | null} within
   * @param {number} depth
   * @param {boolean} isNegated
   * @returns {Node | null}
   */
  #atom(within, depth, isNegated) {
    const { at } = this;
    const isInside = depth > 0 || isNegated;
    if (this.text[at] === "(") return this.#group(within, depth + 1);
    if (this.text[at] === '"') return this.#term(within, this.#value(), at, isInside);
    const name = keyIn(this.#word());
    if (!name) {
      const value = this.#value();
      // Of what is to be excluded, nothing is typed yet.
      if (this.typing && (value.text === "-" || value.text === "!") && this.#nothingFollows(value.end)) return null;
      return this.#term(within, value, at, isInside);
    }
    if (within) {
      this.#value();
      this.#problem(at, at + name.length + 1, messages.KEY_INSIDE, true);
      return null;
    }
    const key = { key: known(name), name };
    this.at += name.length + 1;
    if (this.text[this.at] === "(") return this.#group(key, depth + 1);
    return this.#term(key, this.#value(), at, isInside);
  }

  /**
   * @param {Key | null} within
   * @param {number} depth
   * @returns {Node | null}
   */
  #group(within, depth) {
    const { at } = this;
    this.at += 1;
    if (depth > messages.DEEPEST) {
      this.#problem(at, at + 1, messages.TOO_DEEP);
      this.#skipGroup();
      return null;
    }
    const { node, found } = this.#or(within, depth);
    if (this.at >= this.text.length) {
      if (!this.isOpen) this.#problem(at, at + 1, messages.OPEN_BRACKET, true);
      this.isOpen = true;
      return node;
    }
    this.at += 1;
    if (!found) this.#problem(at, this.at, messages.NOTHING_INSIDE);
    return node;
  }

  /** Goes on behind the bracket that closes what is too deep; brackets in phrases are no brackets. */
  #skipGroup() {
    for (let deep = 1; deep && this.#skipSpaces() < this.text.length; ) {
      const char = this.text[this.at];
      if (char === "(" || char === ")") {
        deep += char === "(" ? 1 : -1;
        this.at += 1;
      } else this.#value();
    }
  }

  /**
   * @param {Key | null} within
   * @param {Value} value
   * @param {number} at
   * @param {boolean} isInside brackets or NOT
   * @returns {Node | null}
   */
  #term(within, value, at, isInside) {
    this.terms += 1;
    if (this.terms > messages.MOST_TERMS) {
      if (this.terms === messages.MOST_TERMS + 1) this.#problem(at, value.end, messages.TOO_MANY);
      return null;
    }
    if (!value.closed) this.#problem(value.at, value.end, messages.OPEN_PHRASE, true);
    const { key, name } = within ?? TEXT;
    if (!value.text && !takesNothing(key, value)) {
      if (value.closed && !value.quoted) this.#problem(at, value.end, messages.NO_VALUE(name), true);
      else if (value.closed) this.#problem(value.at, value.end, messages.NO_TEXT, true);
      return null;
    }
    const place = { at: this.#place(at), length: count(this.text.slice(at, value.end)) };
    if (!key && !value.text && !value.quoted) return { key: "field", text: name, fields: [], ...place };
    if (!key) return { key: "value", text: value.text, fields: [name], ...place };
    const told = spelled(key, value.text);
    if ("wrong" in told) this.#problem(value.at, value.end, told.wrong, true);
    else if (MOMENTS.has(key)) this.#moment(key, told.text, at, value.end, isInside);
    else return { key, text: told.text, fields: [], ...place };
    return null;
  }

  /**
   * @param {string} key
   * @param {string} text
   * @param {number} at
   * @param {number} end
   * @param {boolean} isInside
   */
  #moment(key, text, at, end, isInside) {
    if (isInside) this.#problem(at, end, messages.NOT_OUTSIDE);
    else if (this.moments.has(key)) this.#problem(at, end, messages.TWICE(key));
    else this.moments.set(key, { text, at, end });
  }

  #checkOrder() {
    const [since, until] = [...MOMENTS.keys()].map((key) => this.moments.get(key));
    if (!since || !until || !isLater(since.text, until.text)) return;
    const [key, { at, end }] = [...this.moments][1];
    this.moments.delete(key);
    this.#problem(at, end, messages.BACKWARDS, true);
  }

  /**
   * The word or the phrase here, which may be empty.
   * @returns {Value}
   */
  #value() {
    const { at } = this;
    if (this.text[at] !== '"') {
      const text = this.#match(WORD, at);
      this.at += text.length;
      return { text, at, end: this.at, quoted: false, closed: true };
    }
    PHRASE.lastIndex = at;
    const found = PHRASE.exec(this.text);
    this.at = found ? at + found[0].length : this.text.length;
    const inner = found ? found[1] : this.text.slice(at + 1);
    return { text: inner.replace(/\\(["\\])/g, "$1"), at, end: this.at, quoted: true, closed: found !== null };
  }

  #word() {
    return this.#match(WORD, this.#skipSpaces());
  }

  /**
   * @param {RegExp} pattern
   * @param {number} at
   */
  #match(pattern, at) {
    pattern.lastIndex = at;
    return pattern.exec(this.text)?.[0] ?? "";
  }

  #skipSpaces() {
    this.at += this.#match(SPACES, this.at).length;
    return this.at;
  }

  #isOver() {
    return this.#skipSpaces() >= this.text.length || this.text[this.at] === ")";
  }

  /**
   * Whether a word ends there.
   * @param {number} at
   */
  #endsAt(at) {
    return at >= this.text.length || this.text[at] === ")" || this.#match(SPACES, at) !== "";
  }

  /** @param {number} at */
  #nothingFollows(at) {
    return at + this.#match(SPACES, at).length >= this.text.length;
  }

  /** @param {number} at */
  #place(at) {
    return count(this.text.slice(0, at));
  }

  /**
   * @param {number} at
   * @param {number} end
   * @param {string} message
   * @param {boolean} unfinished
   */
  #problem(at, end, message, unfinished = false) {
    const isOpen = message === messages.OPEN_BRACKET;
    if (unfinished && this.typing && (isOpen || this.#nothingFollows(end))) return;
    this.problems.push({ at: this.#place(at), length: count(this.text.slice(at, end)), message });
  }
}

/**
 * `email:` is that it changed; `email:""` and `old:""` are that the value is empty.
 * @param {string} key
 * @param {Value} value
 */
function takesNothing(key, { quoted, closed }) {
  return quoted ? closed && (!key || SIDES.includes(key)) : !key;
}

/**
 * In a group, the names of changed fields are those of its values too, also in groups that name none.
 * @param {Node} node
 * @param {string[]} names
 * @returns {Node}
 */
function withFields(node, names) {
  if ("key" in node)
    return names.length && SIDES.includes(node.key) && !node.fields.length ? { ...node, fields: names } : node;
  if ("not" in node) return { not: withFields(node.not, names) };
  if ("or" in node) return { or: node.or.map((one) => withFields(one, names)) };
  const own = [...new Set(node.and.flatMap(namedIn))];
  return { and: node.and.map((one) => withFields(one, own.length ? own : names)) };
}

/**
 * The fields that a part of a group names: `email:`, or one of several.
 * @param {Node} node
 */
export function namedIn(node) {
  const some = "or" in node ? node.or : [node];
  const names = some.flatMap((one) => ("key" in one && one.key === "field" ? [one.text] : []));
  return names.length === some.length ? names : [];
}
