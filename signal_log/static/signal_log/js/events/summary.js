// The change of an event on one line, in the words of the server (`show/words/summary.py`).

import { lastPart, line, plain } from "../lib/text.js";
import { pairs } from "./diff.js";
import { effect, MASK, verb } from "./kinds.js";

/** @import { Field } from "./diff.js" */
/** @import { Piece, SignalEvent, Verb } from "./types.js" */

const NAMING = ["username", "name", "title", "label", "slug", "email", "subject", "code"];
const STAMP = /^(updated|modified|changed|last)(_at|_on|_time)?$|_(updated|modified)(_at|_on)?$/;
const MOMENT = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(Z|\+00:00)?$/;
const ERROR = /^([A-Za-z_][\w.]*)(?:: ?([\s\S]*))?$/;
/** @type {Partial<Record<Verb, string>>} */
const TRIED = { created: "create", updated: "save", deleted: "delete", silent: "write" };
const MOST_OF_A_STATEMENT = 3;
const [LONGEST_NAME, LONGEST_VALUE, LONGEST_STATEMENT, LONGEST_LIST] = [40, 48, 80, 60];

/**
 * The whole line as [[role, text], ...] with role cause | error | dim | old | arrow | new | "": the receiver that
 * caused the event, then the error that undid it or else the change.
 * @param {SignalEvent} event
 * @returns {Piece[]}
 */
export function summary(event) {
  const error = errorOf(event);
  return [...causeOf(event), ...(error.length ? error : [...undone(event), ...change(event)])];
}

/** @type {(event: SignalEvent) => Piece[]} */
const causeOf = ({ caused_by: by }) => (by ? [["cause", line(lastPart(by), LONGEST_NAME)]] : []);

/**
 * @param {SignalEvent} event
 * @returns {Piece[]}
 */
function errorOf({ error, outcome }) {
  if (outcome === "committed" || !error) return [];
  const [, name, message] = ERROR.exec(error) ?? [];
  if (!name) return [["error", line(error)]];
  /** @type {Piece} */
  const said = ["error", line(lastPart(name), LONGEST_NAME)];
  return message ? [said, ["", line(message)]] : [said];
}

/**
 * @param {SignalEvent} event
 * @returns {Piece[]}
 */
function undone(event) {
  if (event.outcome === "committed") return [];
  const tried = TRIED[verb(event)] ?? "change";
  return [["dim", `the ${tried} ${event.outcome === "failed" ? "never finished" : "was undone"}`]];
}

/**
 * What the event changed; the telling field comes first.
 * @param {SignalEvent} event
 * @returns {Piece[]}
 */
function change(event) {
  const fields = pairs(event.changes).sort(([a], [b]) => rank(a) - rank(b));
  const isStatement = verb(event) === "silent" && !event.object_pk; // it knows what it wrote, never over what
  if (!fields.length) {
    const text = nothing(event, isStatement);
    return text ? [["dim", text]] : [];
  }
  if (isStatement)
    return fields
      .slice(0, MOST_OF_A_STATEMENT)
      .flatMap(/** @returns {Piece[]} */ ([name, , now]) => [named(name), ["new", short(now)]]);
  const done = effect(event);
  if (done === "created" || done === "deleted") return wholeRow(fields, event, done === "deleted");
  return oneField(fields, verb(event));
}

/**
 * How many fields came or went, and the one that names the object.
 * @param {Field[]} fields
 * @param {SignalEvent} event
 * @param {boolean} gone
 * @returns {Piece[]}
 */
function wholeRow(fields, event, gone) {
  const cascade = gone && wentWithAnother(event) ? "cascade · " : "";
  /** @type {Piece[]} */
  const said = [["dim", `${cascade}${fields.length} field${fields.length === 1 ? "" : "s"}`]];
  const texts = fields
    .map(([name, old, now]) => ({ name, value: gone ? old : now }))
    .filter(({ value }) => typeof value === "string" && value !== "" && value !== MASK);
  const telling = texts.find(({ value }) => value === event.object_repr) ?? texts[0];
  return telling ? [...said, named(telling.name), [gone ? "old" : "new", short(telling.value)]] : said;
}

/** @param {SignalEvent} event */
function wentWithAnother({ origin, sender }) {
  const model = origin?.model;
  return typeof model === "string" && model !== "" && model !== sender;
}

/**
 * @param {Field[]} fields
 * @param {Verb} done
 * @returns {Piece[]}
 */
function oneField(fields, done) {
  const [name, old, now] = fields.find(([, , value]) => value !== MASK) ?? fields[0];
  const pieces = [named(name), ...sides(old, now, done)];
  return fields.length > 1 ? [...pieces, ["dim", `+${fields.length - 1}`]] : pieces;
}

/**
 * @param {unknown} old
 * @param {unknown} now
 * @param {Verb} done
 * @returns {Piece[]}
 */
function sides(old, now, done) {
  if (old === MASK && now === MASK) return [["dim", "changed"]];
  if (done === "m2m" || done === "signal") {
    // of what was added, removed or given along there is one side only
    /** @type {Piece[]} */
    const both = [
      ["old", old === null ? "" : short(old)],
      ["new", now === null ? "" : short(now)],
    ];
    return both.filter((_, index) => [old, now][index] !== null);
  }
  const [before, after] = shortPair(old, now);
  /** @type {(value: unknown) => boolean} */
  const blank = (value) => value === null || value === "";
  /** @type {Piece[]} */
  const towards = [
    ["arrow", "→"],
    [blank(now) ? "dim" : "new", after],
  ];
  return blank(old) ? towards : [["old", before], ...towards];
}

/**
 * What is said of an event without a change.
 * @param {SignalEvent} event
 * @param {boolean} isStatement
 */
function nothing(event, isStatement) {
  if (isStatement) {
    const statement = event.origin?.statement;
    return typeof statement === "string" ? line(statement, LONGEST_STATEMENT) : "";
  }
  if (event.raw) return "loaded from a fixture";
  const done = effect(event);
  if (done === "deleted") return "the row";
  if (done !== "updated" && done !== "silent") return "";
  const names = Array.isArray(event.update_fields) ? event.update_fields : [];
  const saved = names.filter((name) => typeof name === "string").join(", ");
  return saved ? `saved ${line(saved, LONGEST_LIST)}, nothing changed` : "nothing changed";
}

/**
 * What names a thing first, when it was touched last.
 * @type {(name: string) => number}
 */
const rank = (name) => (STAMP.test(name) ? 2 : NAMING.includes(name) ? 0 : 1);

/** @type {(name: string) => Piece} */
const named = (name) => ["dim", line(name, LONGEST_NAME)];

/** @type {(value: unknown) => RegExpExecArray | null} */
const moment = (value) => (typeof value === "string" ? MOMENT.exec(value) : null);

/** @param {unknown} value */
function short(value) {
  if (value === "") return "empty";
  const [, day, time] = moment(value) ?? [];
  return line(day ? `${day} ${time}` : plain(value), LONGEST_VALUE);
}

/**
 * Both sides; two times of one day need no date.
 * @param {unknown} old
 * @param {unknown} now
 * @returns {[string, string]}
 */
function shortPair(old, now) {
  const [a, b] = [moment(old), moment(now)];
  if (!a || !b || a[1] !== b[1]) return [short(old), short(now)];
  /** @type {(at: RegExpExecArray) => string} */
  const clock = a[2] === b[2] ? (at) => at[2] + (at[3] ?? "").slice(0, 4) : (at) => at[2];
  return [clock(a), clock(b)];
}
