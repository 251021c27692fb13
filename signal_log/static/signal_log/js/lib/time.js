// Clock times: absolute here, absolute in UTC, or relative; one choice for the whole page.

/** @type {(n: number) => string} */
const two = (n) => String(n).padStart(2, "0");
/** @type {(n: number) => string} */
const three = (n) => String(n).padStart(3, "0");
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** @typedef {"local" | "utc" | "relative"} Mode */

/** @type {Mode[]} */
export const MODES = ["local", "utc", "relative"];

/**
 * Seconds and more, in words: "now", "14 s", "3 min", "5 h", "2 d".
 * @param {number} ms
 */
export function span(ms) {
  const s = Math.max(0, ms) / 1000;
  if (s < 1) return "now";
  if (s < 100) return `${Math.floor(s)} s`;
  if (s < 6000) return `${Math.floor(s / 60)} min`;
  if (s < 172800) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}

/** @param {number} ms */
export function ago(ms) {
  const words = span(ms);
  return words === "now" ? words : `${words} ago`;
}

/**
 * The time between two rows: "+240 µs", "+12 ms", "+3.1 s", "−4 ms"; nothing where they are at once.
 * @param {number} ms
 */
export function apart(ms) {
  const size = Math.abs(ms);
  if (size < 0.001) return "";
  const said =
    size < 0.9995
      ? `${Math.round(size * 1000)} µs`
      : size < 1000
        ? `${Math.round(size)} ms`
        : size < 60_000
          ? `${(size / 1000).toFixed(1)} s`
          : span(size);
  return (ms < 0 ? "−" : "+") + said;
}

/**
 * "UTC", "UTC+1", "UTC+5:30".
 * @param {Mode} mode
 */
export function zone(mode, date = new Date()) {
  const minutes = mode === "utc" ? 0 : -date.getTimezoneOffset();
  if (minutes === 0) return "UTC";
  const size = Math.abs(minutes);
  const rest = size % 60 ? `:${two(size % 60)}` : "";
  return `UTC${minutes > 0 ? "+" : "−"}${Math.floor(size / 60)}${rest}`;
}

/**
 * A row's time: milliseconds today, the day before that.
 * @param {number} at
 * @param {Mode} mode
 */
export function clock(at, mode, now = Date.now()) {
  if (mode === "relative") return ago(now - at);
  /** @type {(ms: number) => Date} */
  const shift = (ms) => new Date(mode === "utc" ? ms : ms - new Date(ms).getTimezoneOffset() * 60000);
  const d = shift(at);
  const time = `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`;
  if (d.toISOString().slice(0, 10) === shift(now).toISOString().slice(0, 10))
    return `${time}.${three(d.getUTCMilliseconds())}`;
  return `${MONTHS[d.getUTCMonth()]} ${d.getUTCDate()} ${time.slice(0, 5)}`;
}

/**
 * "14:02" or "Nov 21 14:02".
 * @type {(at: number, mode: Mode, now?: number) => string}
 */
export const minute = (at, mode, now = Date.now()) =>
  clock(at, mode === "relative" ? "local" : mode, now).replace(/:\d\d\.\d{3}$/, "");

/**
 * The log's own text as microseconds since 1970; `Date` would leave out the last three digits.
 * @type {(text: string) => number}
 */
export const micros = (text) => Date.parse(text) * 1000 + Number((/\.\d{3}(\d{3})/.exec(text) ?? [0, 0])[1]);

const STAMP = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d(?:\.\d+)?)(?:Z|\+00:00)$/;

/**
 * A value that is a time in UTC, written for reading; any other text as it is.
 * @type {(text: string) => string}
 */
export const readable = (text) => text.replace(STAMP, "$1 $2 UTC");

/**
 * The log's own text ("2026-11-22T09:42:17.950112Z") for reading: microseconds and zone kept.
 * @type {(text: string) => string}
 */
export const exact = (text) => text.replace("T", " ").replace(/Z$|\+00:00$/, " UTC");
