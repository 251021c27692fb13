// A value of the log in a few words, as the server has it (`show/words/short.py`).

import { line, plain } from "../lib/text.js";
import { isUnknown } from "./kinds.js";

const MOMENT = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(Z|\+00:00)?$/;
const LONGEST_VALUE = 48;
/** Characters after the seconds: none, those of milliseconds, those of microseconds. */
const PRECISIONS = [0, 4, 7];

/** @type {(value: unknown) => RegExpExecArray | null} */
const moment = (value) => (typeof value === "string" ? MOMENT.exec(value) : null);

/**
 * The value on one line, of at most this many characters.
 * @param {unknown} value
 * @param {number} most
 */
export function short(value, most = LONGEST_VALUE) {
  if (value === "") return "empty";
  if (isUnknown(value)) return "unknown";
  const [, day, time] = moment(value) ?? [];
  return line(day ? `${day} ${time}` : plain(value), most);
}

/**
 * Both sides; two times of one day need no date, and are told to the second or as exactly as they differ.
 * @param {unknown} old
 * @param {unknown} now
 * @returns {[string, string]}
 */
export function shortPair(old, now) {
  const [a, b] = [moment(old), moment(now)];
  if (!a || !b || a[1] !== b[1]) return [short(old), short(now)];
  const [before, after] = [a, b].map(([, , time, part = ""]) => PRECISIONS.map((shown) => time + part.slice(0, shown)));
  const least = before.findIndex((time, at) => time !== after[at]);
  return [before.at(least) ?? "", after.at(least) ?? ""]; // equal ones wholly
}
