// A span [from, to] of a time axis from 0 to 1,000: zoomed and panned, never beyond its ends.

/** @typedef {[from: number, to: number]} Span */
/** @typedef {{ x: number, width: number | null, bad: boolean, colour: string }} Bar */

export const END = 1000;
/** @type {Span} */
export const WHOLE = [0, END];
const SHORTEST = END / 100_000; // one second zooms in to 10 µs

/** @type {(span: Span) => boolean} */
export const isWhole = ([from, to]) => from === 0 && to === END;
/** @type {(span: Span) => number} */
export const length = ([from, to]) => to - from;

/**
 * The span between two points, in either order.
 * @param {number} a
 * @param {number} b
 */
export function between(a, b) {
  const [from, to] = [Math.max(0, Math.min(a, b)), Math.min(END, Math.max(a, b))];
  return placed(from, Math.max(SHORTEST, to - from));
}

/**
 * The span scaled by `times` around its middle, or around `at`.
 * @param {Span} span
 * @param {number} times
 * @param {number} at
 */
export function zoom(span, times, at = (span[0] + span[1]) / 2) {
  const wide = Math.min(END, Math.max(SHORTEST, length(span) * times));
  return placed(at - ((at - span[0]) / length(span)) * wide, wide);
}

/**
 * The span moved by a fraction of its length.
 * @type {(span: Span, part: number) => Span}
 */
export const pan = (span, part) => placed(span[0] + part * length(span), length(span));

/**
 * The span, moved so that it contains the start of a bar.
 * @type {(span: Span, bar: Bar) => Span}
 */
export const showing = (span, { x, width }) =>
  width === null || (x >= span[0] && x <= span[1]) ? span : placed(x - length(span) / 2, length(span));

/**
 * @param {number} from
 * @param {number} wide
 * @returns {Span}
 */
function placed(from, wide) {
  const start = Math.min(END - wide, Math.max(0, from));
  return wide >= END ? WHOLE : [start, start + wide];
}
