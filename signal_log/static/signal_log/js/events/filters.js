// What the reader wants to see: a list of {key, value, not}, which together are one query, in the address and on the
// wire alike. Values of one key of `ANY_OF` are alternatives; all else must hold together. A part of a query that is
// neither is a `group`, whose value is its text.

import { joined, negated, termOf, termsOf } from "../query/nodes.js";
import { namedIn, parse } from "../query/parse.js";
import { write } from "../query/write.js";

/** @import { Node, Term } from "../query/nodes.js" */
/** @import { Problem } from "../query/parse.js" */

/** @typedef {"actor" | "actor_pk" | "actor_name"} ActorKey by either, and by the one alone */
/** @typedef {"field" | "old" | "new" | "value" | "overwrote"} ChangeKey by what was changed */
/** @typedef {"outcome" | "source" | "trace" | "took" | "pinned" | "q" | "group"} OtherKey */
/** @typedef {"signal" | "sender" | "object" | ActorKey | ChangeKey | OtherKey} FilterKey */
/** @typedef {{ key: FilterKey, value: string, not?: boolean }} Filter */
/** @typedef {{ filters: Filter[], since: string, until: string, problems: Problem[] }} Read */

/** @type {Record<FilterKey, string>} */
export const LABELS = {
  signal: "signal",
  sender: "model",
  object: "object",
  actor: "actor",
  actor_pk: "actor key",
  actor_name: "actor name",
  outcome: "outcome",
  source: "source",
  trace: "trace",
  field: "changed field",
  old: "old value",
  new: "new value",
  value: "old or new value",
  overwrote: "overwrote",
  took: "took",
  pinned: "pinned",
  q: "text",
  group: "query",
};
const KEYS = /** @type {FilterKey[]} */ (Object.keys(LABELS)).filter((key) => key !== "group");
/** @type {FilterKey[]} */
const ANY_OF = ["signal", "sender", "object", "actor", "actor_pk", "actor_name", "outcome", "source", "trace"];
/** @type {Partial<Record<FilterKey, string>>} */
const TERMS = { sender: "model", q: "text" };
/** @type {Record<string, FilterKey>} */
const OF_TERMS = { model: "sender", text: "q" };
const MOST_VALUES = 50;
const LONGEST = 500;

/** @type {(a: Filter, b: Filter) => boolean} */
export const same = (a, b) => a.key === b.key && a.value === b.value;
/** @type {(filters: Filter[], wanted: Filter) => Filter | undefined} */
export const has = (filters, wanted) => filters.find((f) => same(f, wanted));

/**
 * Put a filter in, or turn the one that says the opposite; what is already there goes (a toggle).
 * @param {Filter[]} filters
 * @param {Filter} wanted
 */
export function toggle(filters, wanted) {
  const there = has(filters, wanted);
  const rest = filters.filter((f) => !same(f, wanted));
  return there && Boolean(there.not) === Boolean(wanted.not) ? rest : add(rest, wanted);
}

/**
 * @param {Filter[]} filters
 * @param {Filter} wanted
 * @returns {Filter[]}
 */
export function add(filters, wanted) {
  const value = [...wanted.value].slice(0, LONGEST).join(""); // never half of a character
  const rest = filters.filter((f) => !same(f, wanted));
  if (!value || rest.filter((f) => f.key === wanted.key).length >= MOST_VALUES) return rest;
  return [...rest, { key: wanted.key, value, not: Boolean(wanted.not) }];
}

/** @type {(filters: Filter[], more: Filter[]) => Filter[]} */
export const addAll = (filters, more) => more.reduce(add, filters);
/** @type {(filters: Filter[], gone: Filter) => Filter[]} */
export const remove = (filters, gone) => filters.filter((f) => !same(f, gone));
/** @type {(filters: Filter[], turned: Filter) => Filter[]} */
export const invert = (filters, turned) => filters.map((f) => (same(f, turned) ? { ...f, not: !f.not } : f));

/** Whether the values of a key are alternatives. */
export const isAnyOf = (/** @type {Filter} */ { key, not }) => !not && ANY_OF.includes(key);

/**
 * The filters as one query.
 * @param {Filter[]} filters
 * @returns {Node | null}
 */
export function toNode(filters) {
  /** @type {Node[]} */
  const all = [];
  for (const filter of inOrder(filters)) {
    const node = nodeOf(filter);
    const before = all.at(-1);
    if (!node) continue;
    if (before && isAnyOf(filter) && "or" in before && keyOf(before.or[0]) === filter.key) before.or.push(node);
    else if (before && isAnyOf(filter) && keyOf(before) === filter.key) all.splice(-1, 1, { or: [before, node] });
    else if ("and" in node) all.push(...node.and);
    else all.push(node);
  }
  return all.length > 1 ? { and: all } : (all[0] ?? null);
}

/**
 * The alternatives of a key side by side, else as they came.
 * @param {Filter[]} filters
 */
export function inOrder(filters) {
  /** @type {Filter[]} */
  const ordered = [];
  for (const filter of filters) {
    const last = isAnyOf(filter) ? ordered.findLastIndex((one) => isAnyOf(one) && one.key === filter.key) : -1;
    if (last < 0) ordered.push(filter);
    else ordered.splice(last + 1, 0, filter);
  }
  return ordered;
}

/**
 * @param {Filter} filter
 * @returns {Node | null}
 */
function nodeOf({ key, value, not }) {
  /** @type {Node | null} */
  const node = key === "group" ? parse(value).node : termOf(TERMS[key] ?? key, value);
  return node && not ? negated(node) : node;
}

/** @type {(node: Node) => FilterKey | ""} */
const keyOf = (node) => ("key" in node ? (OF_TERMS[node.key] ?? /** @type {FilterKey} */ (node.key)) : "");

/**
 * The text of the query, as Python writes it too.
 * @param {Filter[]} filters
 */
export function toText(filters) {
  const text = write(toNode(filters));
  return write(parse(text).node) || text; // too long a query is left to whoever refuses it
}

/**
 * `{q: ["model:auth.User -actor:eve"]}` for the server.
 * @param {Filter[]} filters
 * @returns {Record<string, string[]>}
 */
export function toWire(filters) {
  const text = toText(filters);
  return text ? { q: [text] } : {};
}

/**
 * The filters as a query string, the same one that /events/ takes.
 * @param {Filter[]} filters
 */
export const toQuery = (filters) => new URLSearchParams(Object.entries(toWire(filters)).map(([key, [q]]) => [key, q]));

/**
 * The filters that a query consists of; values of a key that were asked for together, not as alternatives, are groups.
 * @param {Node | null} node
 * @returns {Filter[]}
 */
export function fromNode(node) {
  const all = !node ? [] : "and" in node ? node.and : [node];
  const names = all.flatMap(namedIn).join();
  /** @type {Set<string>} */
  const seen = new Set();
  return all.flatMap((one) => {
    const not = "not" in one;
    const bare = not ? one.not : one;
    const terms = "or" in bare ? bare.or : [bare];
    const key = keyOf(terms[0]);
    const isPlain = key && terms.every((each) => keyOf(each) === key && !isNamed(each, names)) && fits(key);
    const isAlone = terms.length === 1 || not || ANY_OF.includes(key || "q");
    if (!isPlain || !isAlone || (!not && ANY_OF.includes(key) && seen.has(key)))
      return [{ key: /** @type {FilterKey} */ ("group"), value: write(bare), not }];
    if (!not) seen.add(key);
    return terms.map((each) => ({ key, value: /** @type {Term} */ (each).text, not }));
  });
}

/** @type {(key: string) => boolean} */
const fits = (key) => KEYS.some((one) => one === key);
/**
 * A value of a field that is named in the term itself, as in `email:x`, and not beside it.
 * @param {Node} node
 * @param {string} names
 */
const isNamed = (node, names) =>
  "key" in node && node.key === "value" && node.fields.length > 0 && node.fields.join() !== names;

/**
 * What was typed: `model:User -actor:eve needle`.
 * @param {string} typed
 * @returns {Read}
 */
export function fromTyped(typed) {
  const { node, since, until, problems } = parse(typed);
  return { filters: fromNode(node), since: since ?? "", until: until ?? "", problems };
}

/**
 * The filters of what is typed so far, and what is certainly wrong with it. A value at its very end may go on.
 * @param {string} typed
 */
export function whileTyping(typed) {
  const { node, problems } = parse(typed, { typing: true });
  const all = !node ? [] : "and" in node ? node.and : [node];
  const last = termsOf(all.at(-1) ?? null).at(-1);
  const goesOn = last && last.key !== "text" && last.at + last.length === [...typed].length;
  return { filters: fromNode(joined("and", goesOn ? all.slice(0, -1) : all)), problems };
}

/**
 * What an address asks for: every `q`, and the parameters of older links. Of what is wrong, `broken` has the text.
 * @param {string} query
 * @returns {Read & { broken: string }}
 */
export function fromQuery(query) {
  const given = new URLSearchParams(query);
  /** @type {Read & { broken: string }} */
  const read = { filters: addAll([], older(given)), ...NOTHING, problems: [] };
  for (const text of given.getAll("q")) {
    const turned = text.startsWith("!");
    const { node, since, until, problems } = parse(turned ? text.slice(1) : text);
    if (problems.length) Object.assign(read, { broken: read.broken || text, problems });
    else read.filters = addAll(read.filters, fromNode(node && turned ? negated(node) : node));
    read.since ||= since ?? "";
    read.until ||= until ?? "";
  }
  return read;
}

const NOTHING = { since: "", until: "", broken: "" };

/**
 * The parameters from before there was a language: values of one key are alternatives, and "!" excludes one.
 * @param {URLSearchParams} given
 */
function older(given) {
  const nodes = KEYS.flatMap((key) => {
    const texts = key === "q" ? [] : [...new Set(given.getAll(key))].filter((text) => text && text !== "!");
    /** @type {(text: string) => Node} */
    const term = (text) => termOf(TERMS[key] ?? key, text);
    const wanted = joined("or", texts.filter((text) => !text.startsWith("!")).map(term));
    const unwanted = texts.filter((text) => text.startsWith("!")).map((text) => negated(term(text.slice(1))));
    return wanted ? [wanted, ...unwanted] : unwanted;
  });
  const node = joined("and", nodes);
  return fromNode(parse(write(node)).node ?? node);
}

/**
 * Whether the times of traces decide, which are known once a trace is over.
 * @type {(filters: Filter[]) => boolean}
 */
export const needTimes = (filters) =>
  filters.some(({ key, value }) => key === "took" || (key === "group" && termsOf(parse(value).node).some(isTook)));
/** @type {(term: Term) => boolean} */
const isTook = ({ key }) => key === "took";

/**
 * The filter to drop when nothing is left: the one that was added last.
 * @type {(filters: Filter[]) => Filter | null}
 */
export const narrowest = (filters) => filters.at(-1) ?? null;
