// The values that keys take: how each is spelled, and what is wrong with one that makes no sense.

import { MOMENTS, OUTCOMES } from "./keys.js";
import { NO_DURATION, NO_MOMENT, NO_OUTCOME, NO_PIN, NO_TRACE } from "./messages.js";
import { isMoment } from "./times.js";

const TRACE = /^([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})$/;
const TOOK = /^(?:>=?|<=?)? *([0-9]{1,9}(?:\.[0-9]{1,6})?) *(us|µs|ms|s|m|min|h)$/i;
/** @type {Record<string, number>} in microseconds */
const UNITS = { us: 1, µs: 1, ms: 1e3, s: 1e6, m: 6e7, min: 6e7, h: 3.6e9 };
const LONGEST_US = 30 * 24 * UNITS.h;

/**
 * A value as events have it, or what is wrong with it.
 * @param {string} key
 * @param {string} text
 * @returns {{ text: string } | { wrong: string }}
 */
export function spelled(key, text) {
  const lower = text.toLowerCase();
  if (key === "outcome") return OUTCOMES.includes(lower) ? { text: lower } : { wrong: NO_OUTCOME };
  if (key === "overwrote") return { text: lower === "true" || lower === "yes" ? "yes" : text };
  if (key === "pinned") return lower === "true" || lower === "yes" ? { text: "yes" } : { wrong: NO_PIN };
  if (key === "took") return isDuration(text) ? { text } : { wrong: NO_DURATION };
  if (key === "trace") return traceOf(lower);
  if (MOMENTS.has(key)) return isMoment(text) ? { text } : { wrong: NO_MOMENT };
  return { text };
}

/** @param {string} lower */
function traceOf(lower) {
  const parts = TRACE.exec(lower);
  return parts ? { text: parts.slice(1).join("-") } : { wrong: NO_TRACE };
}

/** @param {string} text */
function isDuration(text) {
  const [, amount, unit] = TOOK.exec(text) ?? [];
  return unit !== undefined && Math.round(Number(amount) * UNITS[unit.toLowerCase()]) <= LONGEST_US;
}
