// What an event changed, field by field, in the words of the server (`show/words/diff.py`).

import { marked } from "../lib/diff.js";
import { plain, visible } from "../lib/text.js";
import { readable } from "../lib/time.js";
import { effect, MASK } from "./kinds.js";

const NO_OLD = ["created", "silent", "m2m", "signal"]; // a silent update knows what it wrote, never over what
const NO_NEW = ["deleted", "m2m"]; // of a relation only what was added or what was removed is said

/** [[field, old, new], ...]; a row that somebody else wrote may hold anything. */
export function pairs(changes) {
  if (!changes || typeof changes !== "object" || Array.isArray(changes)) return [];
  return Object.entries(changes).map(([name, change]) =>
    Array.isArray(change) && change.length === 2 ? [name, ...change] : [name, null, change],
  );
}

/** [{name, old, now, masked}]; a side is {style, pieces}, or null where it says nothing (the old one of a creation). */
export function fieldDiffs(event) {
  const done = effect(event);
  return pairs(event.changes).map(([name, old, now]) => {
    let before = NO_OLD.includes(done) && old === null ? null : side(old);
    let after = NO_NEW.includes(done) && now === null ? null : side(now);
    const masked = before?.style === "masked" || after?.style === "masked";
    if (before?.style === "" && after?.style === "")
      [before, after] = marked(before.pieces[0][1], after.pieces[0][1]).map((pieces) => ({ style: "", pieces }));
    return { name: visible(name), old: before, now: after, masked };
  });
}

/** A value on its own: `style` is null | empty | masked or nothing, `pieces` are [[is marked, text], ...]. */
function side(value) {
  if (value === null) return { style: "null", pieces: [[false, "null"]] };
  if (value === "") return { style: "empty", pieces: [[false, "empty"]] };
  if (value === MASK) return { style: "masked", pieces: [[false, MASK]] };
  return { style: "", pieces: [[false, visible(readable(plain(value, "")))]] };
}
