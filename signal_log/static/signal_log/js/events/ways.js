// What can be asked about a value, as the server's pages say it of theirs (`show/words/ways.py`): a query for it.

import { line, visible } from "../lib/text.js";
import { termOf } from "../query/nodes.js";
import { write } from "../query/write.js";
import { MASK } from "./kinds.js";
import { pairs } from "./pairs.js";

/** @import { Node } from "../query/nodes.js" */
/** @import { Piece, SignalEvent, ToldRow } from "./types.js" */

/** @typedef {{ of: string, q: string, text: string, open?: string }} Way a value: what it is of, its query, its text */
/** @typedef {Way & { cell: string, part: number }} CellWay and where a row shows it */

/**
 * The addresses of the pages of values.
 * @typedef {object} Links
 * @property {(label: string, pk: string) => string} object
 * @property {(pk: string) => string} actor
 * @property {(id: string) => string} trace
 */

const LONGEST = 400; // a longer query would leave no room for another beside it
const LONGEST_NAME = 40; // of a field in a row

/**
 * Nothing for what is too long to be asked for, or is not shown as it is.
 * @type {(of: string, node: Node, text: string, open?: string) => Way | null}
 */
function way(of, node, text, open) {
  const q = write(node);
  const isShown = visible(q) === q && visible(text) === text;
  return isShown && [...q].length <= LONGEST ? { of, q, text, open } : null;
}

/** @type {(of: string, key: string, text: string, open?: string) => Way | null} */
export const termWay = (of, key, text, open) => (text ? way(of, termOf(key, text), text, open) : null);

/** @type {(sender: string, pk: string, open?: string) => Way | null} */
export const objectOf = (sender, pk, open) =>
  sender && pk ? termWay("object", "object", `${sender}/${pk}`, open) : null;

/**
 * Whoever did it: by the account's key, else by name, else by what it came from.
 * @param {SignalEvent} event
 * @param {(pk: string) => string} [open]
 */
export function actorOf({ actor_pk: pk, actor_repr: name, source }, open) {
  if (pk) return way("actor", termOf("actor_pk", pk), name || pk, open?.(pk));
  return name ? termWay("actor", "actor", name) : termWay("source", "source", source);
}

/** @type {(name: string) => Way | null} */
export const fieldOf = (name) => termWay("changed field", "field", name);

/**
 * @param {string} name
 * @param {"old" | "new"} key
 * @param {unknown} value
 */
export function sideOf(name, key, value) {
  const asked = spelled(value);
  if (!name || !asked) return null;
  return way(`${key} value`, { and: [termOf("field", name), { ...termOf(key, asked), fields: [name] }] }, asked);
}

/**
 * A value as a query spells it; null if it can only be read: a list, a part of a row, a secret.
 * @param {unknown} value
 */
function spelled(value) {
  if (value === null) return "null";
  if (typeof value === "boolean" || Number.isSafeInteger(value)) return String(value);
  return typeof value === "string" && value && value !== MASK ? value : null;
}

/**
 * The values that a row of the list shows, in its order, as far as they can be asked for.
 * @param {ToldRow} row
 * @param {SignalEvent | undefined} told the event in full, while it is held
 * @param {Links} links
 * @returns {CellWay[]}
 */
export function rowWays(row, told, links) {
  const said = row.type === "cascade" ? row.ordered[0] : row.type === "operation" ? row : row.operation;
  /** @type {CellWay[]} */
  const found = [];
  /** @type {(cell: string, one: Way | null, part?: number) => void} */
  const put = (cell, one, part = 0) => {
    if (one) found.push({ ...one, cell, part });
  };
  put("obj", termWay("model", "model", said.sender));
  put("obj", row.type === "many" ? null : objectOf(said.sender, said.pk, links.object(said.sender, said.pk)), 1);
  if (told && row.type !== "cascade" && row.type !== "many")
    for (const [one, part] of changeWays(said.pieces, told)) put("chg", one, part);
  const source = termWay("source", "source", said.source);
  put("actor", told ? actorOf(told, links.actor) : said.actor ? termWay("actor", "actor", said.actor) : source);
  put("via", told?.path ? termWay("path", "text", told.path) : source);
  put("source", source);
  put("outcome", termWay("outcome", "outcome", told?.outcome ?? ""));
  put("trace", termWay("trace", "trace", said.trace.id, links.trace(said.trace.id)));
  return found;
}

/**
 * The values among the pieces of a line, each with which piece shows it.
 * @param {Piece[]} pieces
 * @param {SignalEvent} told
 * @returns {[Way | null, part: number][]}
 */
export function changeWays(pieces, told) {
  const fields = new Map(pairs(told.changes).map((one) => [line(one[0], LONGEST_NAME), one]));
  /** @type {[string, unknown, unknown] | undefined} */
  let named;
  return pieces.map(([role, text], part) => {
    if (role === "cause") return [termWay("receiver", "text", told.caused_by), part];
    if (role === "dim" && fields.has(text)) {
      named = fields.get(text);
      return [fieldOf(named?.[0] ?? ""), part];
    }
    if ((role === "old" || role === "new") && named)
      return [sideOf(named[0], role, named[role === "old" ? 1 : 2]), part];
    return [null, part];
  });
}
