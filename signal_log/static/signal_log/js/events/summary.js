// The change of an event on one line, in the words of the server (`show/words/summary.py`).

import { lastPart, line } from "../lib/text.js";
import { account, effect, isByHand, isUnknown, MASK, verb } from "./kinds.js";
import { isStamp, pairs } from "./pairs.js";
import { isIncomplete, lost, remark } from "./remarks.js";
import { short, shortPair } from "./short.js";

/** @import { Field } from "./pairs.js" */
/** @import { Piece, SignalEvent, Verb } from "./types.js" */

const NAMING = ["username", "name", "title", "label", "slug", "email", "subject", "code"];
const ERROR = /^([A-Za-z_][\w.]*)(?:: ?([\s\S]*))?$/;
/** @type {Partial<Record<Verb, string>>} */
const TRIED = { created: "create", updated: "save", deleted: "delete", silent: "write" };
const MOST_OF_A_STATEMENT = 3;
const OF_ACCOUNT = ["credentials", "email", "request", "user", "username"]; // which the name tells, or the row
const OWN_REASONS = ["reason", "why", "note", "name", "format"];
const [LONGEST_NAME, LONGEST_STATEMENT, LONGEST_LIST] = [40, 80, 60];

/**
 * The whole line as [[role, text], ...] with role cause | error | dim | old | arrow | new | remark | "": the receiver
 * that caused the event, then the error that undid it or else the change, and why it was made.
 * @param {SignalEvent} event
 * @returns {Piece[]}
 */
export function summary(event) {
  const error = errorOf(event);
  return [...causeOf(event), ...(error.length ? error : [...undone(event), ...change(event)]), ...reasonOf(event)];
}

/** @type {(event: SignalEvent) => Piece[]} */
const causeOf = ({ caused_by: by }) => (by ? [["cause", line(lastPart(by), LONGEST_NAME)]] : []);

/**
 * The sentence that somebody gave; of what the log tells of itself, the label that tells most.
 * @param {SignalEvent} event
 * @returns {Piece[]}
 */
function reasonOf({ labels, signal }) {
  const names = signal.startsWith("signal_log.") ? OWN_REASONS : OWN_REASONS.slice(0, 1);
  const said = names.map((name) => labels?.[name]).find((text) => typeof text === "string" && text !== "");
  return said ? [["dim", `“${line(String(said), LONGEST_LIST)}”`]] : [];
}

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
 * What the event changed, the telling field first, and what has to be said of it.
 * @param {SignalEvent} event
 * @returns {Piece[]}
 */
function change(event) {
  const fields = pairs(event.changes).sort(([a], [b]) => rank(a) - rank(b));
  if (isByHand(event)) return byHand(fields, event);
  const text = remark(event);
  /** @type {Piece[]} */
  const said = text ? [["remark", text]] : [];
  return !fields.length && isIncomplete(event) ? said : [...changed(fields, event), ...said];
}

/**
 * Who logged in or out, or was tried; what else was given along is only counted.
 * @param {string} who
 * @param {Field[]} fields
 * @returns {Piece[]}
 */
function asAccount(who, fields) {
  const others = fields.filter(([name]) => !OF_ACCOUNT.includes(name)).length;
  /** @type {Piece[]} */
  const said = [
    ["dim", "as"],
    ["", line(who, LONGEST_LIST)],
  ];
  return others ? [...said, ["dim", `+${others}`]] : said;
}

/**
 * No change, but maybe differences between the object that was sent and its row.
 * @param {Field[]} fields
 * @param {SignalEvent} event
 * @returns {Piece[]}
 */
function byHand(fields, { signal }) {
  const said = "no save or delete sent this signal";
  if (!fields.length || !signal.endsWith("_save")) return [["dim", said]];
  const names = line(fields.map(([name]) => name).join(", "), LONGEST_LIST);
  return [["dim", `${said}; the object differs from its row in ${names}`]];
}

/**
 * @param {Field[]} fields
 * @param {SignalEvent} event
 * @returns {Piece[]}
 */
function changed(fields, event) {
  const isStatement = verb(event) === "silent" && !event.object_pk; // it knows what it wrote, never over what
  const who = account(event);
  if (who) return asAccount(who, fields);
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
  return oneField(fields, verb(event), lost(event));
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
 * @param {string[]} overwritten
 * @returns {Piece[]}
 */
function oneField(fields, done, overwritten) {
  const [name, old, now] = fields.find(([, , value]) => value !== MASK) ?? fields[0];
  const pieces = [named(name), ...sides(old, now, done, overwritten.includes(name))];
  return fields.length > 1 ? [...pieces, ["dim", `+${fields.length - 1}`]] : pieces;
}

/**
 * @param {unknown} old
 * @param {unknown} now
 * @param {Verb} done
 * @param {boolean} isToldElsewhere
 * @returns {Piece[]}
 */
function sides(old, now, done, isToldElsewhere) {
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
    [blank(now) || isUnknown(now) ? "dim" : "new", after],
  ];
  if (blank(old) || isToldElsewhere) return towards;
  return [[isUnknown(old) ? "dim" : "old", before], ...towards];
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
const rank = (name) => (isStamp(name) ? 2 : NAMING.includes(name) ? 0 : 1);

/** @type {(name: string) => Piece} */
const named = (name) => ["dim", line(name, LONGEST_NAME)];
