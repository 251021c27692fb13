// The places in a text that a query asked for, to be marked where it is shown.

/** @import { Node, Term } from "./nodes.js" */

const PARTS = ["text", "object", "actor", "actor_name"];
const WHOLE = ["field", "old", "new", "value"];
const MOST = 50;

/**
 * What to mark, or null; never what a query excludes, and none of what every row then says, as the model or the signal.
 * @param {Node | null} node
 * @returns {RegExp | null}
 */
export function hitsOf(node) {
  const found = [...new Set(wantedIn(node).flatMap(patterns))].sort((a, b) => b.length - a.length).slice(0, MOST);
  return found.length ? new RegExp(found.join("|"), "giu") : null;
}

/**
 * @param {Node | null} node
 * @returns {Term[]}
 */
function wantedIn(node) {
  if (!node || "not" in node) return [];
  if ("key" in node) return [node];
  return ("and" in node ? node.and : node.or).flatMap(wantedIn);
}

/** @param {Term} term */
function patterns({ key, text, fields }) {
  if (PARTS.includes(key)) return text ? [escaped(text)] : [];
  if (!WHOLE.includes(key)) return [];
  return [text, ...fields].filter(Boolean).map((one) => `(?<![\\p{L}\\p{N}_])${escaped(one)}(?![\\p{L}\\p{N}_])`);
}

/** @type {(text: string) => string} */
const escaped = (text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");

/**
 * The text in pieces, of which some are marked.
 * @param {string} text
 * @param {RegExp | null} hits
 * @returns {[isMarked: boolean, text: string][]}
 */
export function pieces(text, hits) {
  /** @type {[boolean, string][]} */
  const found = [];
  let end = 0;
  if (hits)
    for (const match of text.matchAll(hits)) {
      if (match.index > end) found.push([false, text.slice(end, match.index)]);
      found.push([true, match[0]]);
      end = match.index + match[0].length;
    }
  if (end < text.length || !found.length) found.push([false, text.slice(end)]);
  return found;
}
