// A few labels of a time axis, at round times of the zone that is shown.

import { minute } from "./time.js";

/** @import { Mode } from "./time.js" */

const [MINUTE, HOUR, DAY] = [60, 3600, 86_400];
const STEPS = [1, 2, 5, 10, 15, 30, MINUTE, 120, 300, 600, 900, 1800, HOUR, 7200, 10_800, 21_600, 43_200, DAY];
const DAYS = [2, 7, 14, 30, 60, 180, 365, 730, 1825, 3650];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** @typedef {{ at: number, text: string }} Tick in seconds since 1970 */

/**
 * The ticks between two times in seconds, at most `most` of them.
 * @param {number} from
 * @param {number} to
 * @param {number} most
 * @param {Mode} mode
 * @returns {Tick[]}
 */
export function ticks(from, to, most, mode) {
  const length = to - from;
  const step = [...STEPS, ...DAYS.map((days) => days * DAY)].find((one) => length / one <= most) ?? length;
  const shift = mode === "utc" ? 0 : -60 * new Date(from * 1000).getTimezoneOffset();
  /** @type {Tick[]} */
  const found = [];
  for (let at = Math.ceil((from + shift) / step) * step - shift; at <= to; at += step)
    found.push({ at, text: text(at, step, length, mode) });
  return found;
}

/** @type {(at: number, step: number, length: number, mode: Mode) => string} */
function text(at, step, length, mode) {
  const date = new Date(at * 1000 - (mode === "utc" ? 0 : 60_000 * new Date(at * 1000).getTimezoneOffset()));
  const day = `${MONTHS[date.getUTCMonth()]} ${date.getUTCDate()}`;
  if (length > 300 * DAY) return `${day}, ${date.getUTCFullYear()}`;
  if (step >= DAY || (length > DAY && date.getUTCHours() + date.getUTCMinutes() === 0)) return day;
  const time = date.toISOString().slice(11, 19);
  return step < MINUTE ? time : time.slice(0, 5);
}

/**
 * The times of a bar: "14:02:07", "14:02 to 14:05", "Nov 21 to Nov 22".
 * @param {number} from the first second
 * @param {number} to the last
 * @param {Mode} mode
 */
export function spanOf(from, to, mode) {
  const length = to - from + 1;
  if (length < 120) return clockOf(from, mode);
  const [first, last] = [minute(from * 1000, mode, to * 1000), minute((to + 1) * 1000, mode, to * 1000)];
  return `${first} to ${last}`;
}

/** @type {(second: number, mode: Mode) => string} */
const clockOf = (second, mode) => {
  const date = new Date(second * 1000);
  const shift = mode === "utc" ? 0 : 60_000 * date.getTimezoneOffset();
  return new Date(second * 1000 - shift).toISOString().slice(11, 19);
};

/**
 * The smallest round number that is not below a number: 4, 5, 6, 8, 10, 15, 20, 30 …
 * @param {number} number
 */
export function rounded(number) {
  const power = 10 ** Math.max(0, Math.floor(Math.log10(number)));
  return /** @type {number} */ ([1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((one) => one * power).find((one) => one >= number));
}
