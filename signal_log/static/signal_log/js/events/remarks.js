// What has to be said of how an event was recorded, in the words of the server (`show/words/remarks.py`).

import { line, visible } from "../lib/text.js";
import { isByHand, verb } from "./kinds.js";
import { isStamp, pairs } from "./pairs.js";
import { short } from "./short.js";

/** @import { SignalEvent } from "./types.js" */

const BY_HAND = "Sent by hand: no save or delete sent this signal.";
const UNTOLD = "The database did not tell what the row held; these are the values that the object believed.";
const INCOMPLETE = "Not fully recorded";
const ROW = "(row)";
const MOST_FIELDS = 3;
const [LONGEST_NAME, LONGEST_VALUE] = [40, 24];

/**
 * The one that is short enough for a line, usually none; a stamp is overwritten by every save, and no loss.
 * @param {SignalEvent} event
 */
export function remark(event) {
  if (isIncomplete(event)) return "not fully recorded";
  const changed = names(event).filter((name) => !isStamp(name));
  return [overwrite(event, lost(event), changed), past(event)].filter(Boolean).join("; ");
}

/**
 * Sentences, usually none.
 * @param {SignalEvent} event
 * @returns {string[]}
 */
export function remarks(event) {
  const said = [];
  if (isByHand(event)) said.push(BY_HAND);
  else if (isUntold(event)) said.push(UNTOLD);
  else
    for (const text of [overwrite(event, unseen(event), names(event)), past(event)])
      if (text) said.push(`${text[0].toUpperCase()}${text.slice(1)}.`);
  return isIncomplete(event) ? [...said, visible(event.error)] : said;
}

/**
 * The fields whose value the writer of a committed save or delete had not seen.
 * @param {SignalEvent} event
 * @returns {string[]}
 */
export function unseen(event) {
  const { outcome, overwrote } = event;
  if (!isPost(event) || outcome !== "committed" || !Array.isArray(overwrote)) return [];
  return overwrote.filter((name) => typeof name === "string");
}

/**
 * Those of them that are more than a stamp.
 * @type {(event: SignalEvent) => string[]}
 */
export const lost = (event) => unseen(event).filter((name) => !isStamp(name));

/** @type {(event: SignalEvent) => string[]} */
const names = (event) => pairs(event.changes).map(([name]) => name);

/**
 * "found stock written past Django", where that is known of the event; else empty.
 * @param {SignalEvent} event
 */
function past(event) {
  const fields = (event.past ?? []).map((name) => (name === ROW ? "the row itself" : line(name, LONGEST_NAME)));
  return fields.length ? `found ${listed(fields, fields.length)} written past Django` : "";
}

/**
 * "a, b and 2 more", of which there are so many.
 * @param {string[]} told
 * @param {number} number
 */
function listed(told, number) {
  const named = told.slice(0, MOST_FIELDS);
  if (number > MOST_FIELDS) named.push(`${number - MOST_FIELDS} more`);
  const last = named.pop();
  return named.length ? `${named.join(", ")} and ${last}` : last;
}

/**
 * "overwrote 7, which it had not seen"; with the names of the fields if several changed; empty without any.
 * @param {SignalEvent} event
 * @param {string[]} fields
 * @param {string[]} changed
 */
function overwrite(event, fields, changed) {
  if (!fields.length) return "";
  const held = new Map(pairs(event.changes).map(([name, old]) => [name, old]));
  const isAlone = fields.length === 1 && changed.length === 1 && changed[0] === fields[0];
  const told = fields.slice(0, MOST_FIELDS).map((name) => {
    const value = short(held.get(name), LONGEST_VALUE);
    return isAlone ? value : `${line(name, LONGEST_NAME)} ${value}`;
  });
  const all = listed(told, fields.length);
  return `${verb(event) === "deleted" ? "deleted" : "overwrote"} ${all}, which it had not seen`;
}

/**
 * Whether the recorder failed to build all of this event, of which nothing else failed.
 * @type {(event: SignalEvent) => boolean}
 */
export const isIncomplete = ({ outcome, error }) => outcome === "committed" && error.startsWith(INCOMPLETE);

/** @type {(event: SignalEvent) => boolean} */
const isPost = (event) => ["post_save", "post_delete"].includes(event.signal) && !isByHand(event);

/**
 * Whether this is a post event that holds believed values, because the database did not tell.
 * @type {(event: SignalEvent) => boolean}
 */
export const isUntold = (event) =>
  isPost(event) && (event.overwrote ?? null) === null && !isIncomplete(event) && !event.redacted_at;
