// A time range: {since, until} as in the address, and {from, to} in milliseconds once known.

import { clock } from "../lib/time.js";

/** @import { Mode } from "../lib/time.js" */

/**
 * @typedef {object} Range
 * @property {string} since
 * @property {string} until
 * @property {number | null} from
 * @property {number | null} to
 * @property {boolean} [known] whether the server has said what the texts mean
 */

const ZONED = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;
const AGO = /^(?:now-)?(\d+)([smhdw])$/;
/** @type {Record<string, number>} in milliseconds */
const UNITS = { s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7, w: 6.048e8 };
export const WHOLE = "now-36500d"; // since when there was no log yet
const MUCH = 1.1; // a page that has been open for so much of the time shows more than "last 5 min"
/** @type {(text: string) => number | null} */
const moment = (text) => (ZONED.test(text) ? Date.parse(text) : null); // only the server can parse other texts

/**
 * @param {string} since
 * @param {string} until
 * @returns {Range | null}
 */
export function ranged(since, until) {
  return since || until ? { since, until, from: moment(since), to: moment(until) } : null;
}

/** @param {string} query */
export function fromQuery(query) {
  const given = new URLSearchParams(query);
  return ranged(given.get("since")?.trim() ?? "", given.get("until")?.trim() ?? "");
}

/**
 * @param {URLSearchParams} query
 * @param {Range | null} range
 */
export function intoQuery(query, range) {
  if (range?.since) query.set("since", range.since);
  if (range?.until) query.set("until", range.until);
  return query;
}

/** @type {(range: Range | null) => { since?: string, until?: string }} */
export const toWire = (range) => ({
  ...(range?.since && { since: range.since }),
  ...(range?.until && { until: range.until }),
});

/**
 * A range of whole seconds, both included.
 * @param {number} first
 * @param {number} last
 */
export function between(first, last) {
  /** @type {(second: number) => string} */
  const text = (second) => new Date(second * 1000).toISOString().slice(0, 19);
  return ranged(`${text(first)}Z`, `${text(last)}.999999Z`);
}

/**
 * A range between two moments, either of which may be open.
 * @type {(from: Date | null, to: Date | null) => Range | null}
 */
export const given = (from, to) => ranged(from ? from.toISOString() : "", to ? to.toISOString() : "");

/**
 * A range from so many minutes ago that stays open to new events, and is another one tomorrow.
 * @type {(minutes: number) => Range | null}
 */
export const lately = (minutes) => ranged(`now-${minutes}m`, "");

/**
 * How long a range is that ends now, whenever that is; null for any other.
 * @type {(range: Range) => number | null}
 */
export function lengthOf({ since, until }) {
  const ago = AGO.exec(since);
  return ago && (!until || until === "now") ? Number(ago[1]) * UNITS[ago[2]] : null;
}

/**
 * The range with its times as the server parsed them.
 * @type {(range: Range, page: { since?: string | null, until?: string | null }) => Range}
 */
export const understood = (range, { since, until }) => ({
  ...range,
  from: since ? Date.parse(since) : null,
  to: until ? Date.parse(until) : null,
});

const MOVING = /^(?:now\b|\d+\s*[smhdw]$)/i;
/**
 * A range that goes along with the clock, as it is now; null if it stands still, or is not understood yet.
 * @type {(range: Range | null, now: number) => Range | null}
 */
export function fixed(range, now) {
  if (!range || !(MOVING.test(range.since) || MOVING.test(range.until))) return null;
  if ((range.since && range.from === null) || (range.until && range.to === null)) return null;
  return given(range.from === null ? null : new Date(range.from), new Date(range.to ?? now));
}

/** @type {(range: Range, at: number) => boolean} */
export const holds = ({ from, to }, at) => (from === null || at >= from) && (to === null || at <= to);

/**
 * "14:02:07 – 14:05:10", or the typed text while it is not parsed yet; "last 5 min" for a time that goes along.
 * @param {Range} range
 * @param {Mode} mode
 * @param {number} now
 */
export function words(range, mode, now) {
  /** @type {(text: string, at: number | null) => string} */
  const one = (text, at) =>
    at === null ? text : clock(at, mode === "utc" ? "utc" : "local", now).replace(/\.\d{3}$/, "");
  if (range.since === WHOLE && !range.until) return "the whole log";
  const [, number, unit] = AGO.exec(range.until ? "" : range.since) ?? [];
  if (unit && now - (range.from ?? now) < MUCH * Number(number) * UNITS[unit])
    return `last ${number} ${unit === "m" ? "min" : unit}`;
  if (!range.until) return `since ${one(range.since, range.from)}`;
  if (!range.since) return `until ${one(range.until, range.to)}`;
  const [from, to] = [one(range.since, range.from), one(range.until, range.to)];
  return from === to ? from : `${from} – ${to}`;
}
