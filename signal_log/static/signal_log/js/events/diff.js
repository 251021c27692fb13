// What an event changed, field by field, in the words of the server (`show/words/diff.py`).

import { marked } from "../lib/diff.js";
import { plain, visible } from "../lib/text.js";
import { readable } from "../lib/time.js";
import { effect, isUnknown, MASK } from "./kinds.js";
import { pairs } from "./pairs.js";
import { unseen } from "./remarks.js";

/** @import { Part } from "../lib/diff.js" */
/** @import { SignalEvent, Verb } from "./types.js" */

/** @typedef {{ style: "" | "null" | "empty" | "unknown" | "masked", pieces: Part[] }} Side a value on its own */
/**
 * @typedef {{ name: string, old: Side | null, now: Side | null, masked: boolean, unseen: boolean }} FieldDiff
 * `unseen` where the writer had not seen the old value
 */

/** @type {Verb[]} */
const NO_OLD = ["created", "silent", "m2m", "signal"]; // a silent update knows what it wrote, never over what
/** @type {Verb[]} */
const NO_NEW = ["deleted", "m2m"]; // of a relation only what was added or what was removed is said

/**
 * A side is null where it says nothing: the old one of a creation.
 * @param {SignalEvent} event
 * @returns {FieldDiff[]}
 */
export function fieldDiffs(event) {
  const done = effect(event);
  const overwritten = unseen(event);
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
    return { name: visible(name), old: before, now: after, masked, unseen: overwritten.includes(name) };
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
  if (isUnknown(value)) return { style: "unknown", pieces: [[false, "unknown"]] };
  return { style: "", pieces: [[false, visible(readable(plain(value, "")))]] };
}
