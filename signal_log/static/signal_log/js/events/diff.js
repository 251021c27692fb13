// What an event changed, field by field, in the words of the server (`show/words/diff.py`).

import { marked } from "../lib/diff.js";
import { plain, visible } from "../lib/text.js";
import { readable } from "../lib/time.js";
import { effect, MASK } from "./kinds.js";

/** @import { Part } from "../lib/diff.js" */
/** @import { SignalEvent, Verb } from "./types.js" */

/** @typedef {[name: string, old: unknown, now: unknown]} Field */
/** @typedef {{ style: "" | "null" | "empty" | "masked", pieces: Part[] }} Side a value on its own */
/** @typedef {{ name: string, old: Side | null, now: Side | null, masked: boolean }} FieldDiff */

/** @type {Verb[]} */
const NO_OLD = ["created", "silent", "m2m", "signal"]; // a silent update knows what it wrote, never over what
/** @type {Verb[]} */
const NO_NEW = ["deleted", "m2m"]; // of a relation only what was added or what was removed is said

/**
 * A row that somebody else wrote may hold anything.
 * @param {unknown} changes
 * @returns {Field[]}
 */
export function pairs(changes) {
  if (!changes || typeof changes !== "object" || Array.isArray(changes)) return [];
  return Object.entries(changes).map(([name, change]) =>
    Array.isArray(change) && change.length === 2 ? [name, change[0], change[1]] : [name, null, change],
  );
}

/**
 * A side is null where it says nothing: the old one of a creation.
 * @param {SignalEvent} event
 * @returns {FieldDiff[]}
 */
export function fieldDiffs(event) {
  const done = effect(event);
  return pairs(event.changes).map(([name, old, now]) => {
    let before = NO_OLD.includes(done) && old === null ? null : side(old);
    let after = NO_NEW.includes(done) && now === null ? null : side(now);
    const masked = before?.style === "masked" || after?.style === "masked";
    if (before?.style === "" && after?.style === "") {
      const [ours, theirs] = marked(before.pieces[0][1], after.pieces[0][1]);
      [before, after] = [
        { style: "", pieces: ours },
        { style: "", pieces: theirs },
      ];
    }
    return { name: visible(name), old: before, now: after, masked };
  });
}

/**
 * @param {unknown} value
 * @returns {Side}
 */
function side(value) {
  if (value === null) return { style: "null", pieces: [[false, "null"]] };
  if (value === "") return { style: "empty", pieces: [[false, "empty"]] };
  if (value === MASK) return { style: "masked", pieces: [[false, MASK]] };
  return { style: "", pieces: [[false, visible(readable(plain(value, "")))]] };
}
