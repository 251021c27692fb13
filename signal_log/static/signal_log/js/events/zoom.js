// The spans that the chart zooms out to, step by step up to the whole log; each is a time range of the page.

import { given, ranged, WHOLE } from "./range.js";

/** @import { Range } from "./range.js" */

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];
/** @type {[length: number, since: string, words: string][]} */
const LADDER = [
  [10 * MINUTE, "", "10 min"],
  [HOUR, "now-1h", "1 h"],
  [6 * HOUR, "now-6h", "6 h"],
  [DAY, "now-1d", "1 d"],
  [7 * DAY, "now-7d", "7 d"],
  [30 * DAY, "now-30d", "30 d"],
  [36_500 * DAY, WHOLE, "all"],
];

/** @typedef {{ range: Range | null, words: string }} Zoom */

/**
 * How long a range is, and when it ends; without one it is what the chart shows by default.
 * @param {Range | null} range
 * @param {number} now
 */
function spanOf(range, now) {
  const known = LADDER.find(([, since]) => since === (range?.since ?? "") && !range?.until);
  const to = Math.min(now, range?.to ?? now);
  return { length: known ? known[0] : to - (range?.from ?? 0), to };
}

/**
 * What the next step out shows, or null if that is the whole log already. A span that ends in the past stays around
 * its middle, as long as it does not reach the present.
 * @param {Range | null} range
 * @param {number} now
 * @returns {Zoom | null}
 */
export function out(range, now) {
  const { length, to } = spanOf(range, now);
  const next = LADDER.find(([long]) => long > 1.05 * length);
  if (!next) return null;
  const [long, since, words] = next;
  const end = to - length / 2 + long / 2;
  if (end >= now || since === WHOLE) return { range: since ? ranged(since, "") : null, words };
  return { range: given(new Date(end - long), new Date(end)), words };
}

/**
 * What the next step in shows, which ends when the span ends; null if that is ten minutes already.
 * @param {Range | null} range
 * @param {number} now
 * @returns {Zoom | null}
 */
export function closer(range, now) {
  const { length, to } = spanOf(range, now);
  const next = LADDER.findLast(([long]) => long < 0.95 * length);
  if (!next) return null;
  const [long, since, words] = next;
  if (now - to < 1000) return { range: since ? ranged(since, "") : null, words };
  return { range: given(new Date(to - long), new Date(to)), words };
}
