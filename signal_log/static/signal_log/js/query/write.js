// Writes a query as text, in the one form in which links, pills and commands show it; `parse` gives it back.

import { isName, keyIn, known, SPACE } from "./keys.js";

/** @import { Node, Term } from "./nodes.js" */

const NEEDS_QUOTES = new RegExp(`[${SPACE}()"]`);
const OPERATORS = ["OR", "AND", "NOT"];

/**
 * The text of a query, with the moments of its time range behind it.
 * @param {Node | null} node
 * @param {string | null} [since]
 * @param {string | null} [until]
 */
export function write(node, since = null, until = null) {
  const range = /** @type {[string, string | null][]} */ ([
    ["since", since],
    ["until", until],
  ]);
  const moments = range.flatMap(([key, text]) => (text === null ? [] : [`${key}:${value(text)}`]));
  if (!node) return moments.join(" ");
  return [moments.length && "or" in node ? inside(node) : written(node), ...moments].join(" ");
}

/**
 * @param {Node} node
 * @returns {string}
 */
function written(node) {
  if ("key" in node) return term(node);
  if ("not" in node) return `-${inside(node.not)}`;
  if ("and" in node) return node.and.map(inside).join(" ");
  const key = commonKey(node.or);
  if (key) return `${key}:(${node.or.map((one) => word(/** @type {Term} */ (one).text)).join(" OR ")})`;
  return node.or.map((one) => ("or" in one ? inside(one) : written(one))).join(" OR ");
}

/**
 * What stands in a group: in brackets if it is itself one.
 * @param {Node} node
 */
function inside(node) {
  const isAlone = "key" in node || "not" in node || ("or" in node && commonKey(node.or));
  return isAlone ? written(node) : `(${written(node)})`;
}

/**
 * The key of all sides, if it need be written only once.
 * @param {Node[]} sides
 */
function commonKey(sides) {
  const keys = new Set(sides.map((one) => ("key" in one && one.text ? keyOf(one) : "")));
  const [key] = keys;
  return keys.size === 1 && key !== "text" && key !== "field" ? key : "";
}

/** @type {(term: Term) => string} */
const keyOf = ({ key, fields }) => (key === "value" && fields.length === 1 && isField(fields[0]) ? fields[0] : key);

/** @param {Term} node */
function term(node) {
  if (node.key === "text") return word(node.text);
  if (node.key === "field" && isField(node.text)) return `${node.text}:`;
  return `${keyOf(node)}:${value(node.text)}`;
}

/** @type {(name: string) => boolean} */
const isField = (name) => isName(name) && !known(name);

/**
 * A text that stands by itself.
 * @param {string} text
 */
export function word(text) {
  const stands = text && !/^[-!]/.test(text) && !OPERATORS.includes(text) && !keyIn(text);
  return stands && !NEEDS_QUOTES.test(text) ? text : phrase(text);
}

/**
 * A text behind a colon.
 * @type {(text: string) => string}
 */
export const value = (text) => (text && !text.startsWith("//") && !NEEDS_QUOTES.test(text) ? text : phrase(text));

/** @type {(text: string) => string} */
const phrase = (text) => `"${text.replace(/["\\]/g, "\\$&")}"`;
