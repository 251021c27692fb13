// Selects a range of a chart by dragging with mouse, pen or finger, by a click on a bar, or by keys.

/**
 * @typedef {[number, number]} Seconds the first and the last one
 * @typedef {object} Brushed
 * @property {() => number} bars
 * @property {(first: number, last: number) => Seconds} secondsOf
 * @property {(bar: number | undefined, seconds: Seconds | null) => void} show
 * @property {(seconds: Seconds) => void} select
 */

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Brushed} of
 */
export function brush(canvas, of) {
  /** @type {Seconds | null} */
  let anchor = null; // the seconds of the bar where a drag began
  /** @type {number | null} */
  let from = null; // the bar that a keyboard selection starts from
  /** @type {number | null} */
  let at = null; // the bar under the keyboard cursor

  /** @type {(event: PointerEvent) => number} */
  const barAt = ({ clientX }) => {
    const { left, width } = canvas.getBoundingClientRect();
    return Math.min(of.bars() - 1, Math.max(0, Math.floor(((clientX - left) / width) * of.bars())));
  };
  /** @type {(start: Seconds, bar: number) => Seconds} */
  const spanTo = (start, bar) => {
    const [first, last] = of.secondsOf(bar, bar);
    return [Math.min(start[0], first), Math.max(start[1], last)];
  };
  const forget = () => {
    anchor = from = at = null;
    of.show(undefined, null);
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const bar = barAt(event);
    anchor = of.secondsOf(bar, bar);
    canvas.setPointerCapture(event.pointerId);
    of.show(bar, anchor);
  });
  canvas.addEventListener("pointermove", (event) => {
    const bar = barAt(event);
    of.show(bar, anchor && spanTo(anchor, bar));
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!anchor) return;
    const span = spanTo(anchor, barAt(event));
    forget();
    of.select(span);
  });
  canvas.addEventListener("pointercancel", forget);
  canvas.addEventListener("pointerleave", () => anchor || forget());
  canvas.addEventListener("blur", forget);

  /** @type {(to: number, extend: boolean) => void} */
  const move = (to, extend) => {
    from = extend ? (from ?? at ?? to) : null;
    at = Math.min(of.bars() - 1, Math.max(0, to));
    of.show(at, from === null ? null : of.secondsOf(Math.min(from, at), Math.max(from, at)));
  };
  canvas.addEventListener("keydown", (event) => {
    const { key, shiftKey } = event;
    const here = at ?? of.bars() - 1;
    if (key === "ArrowLeft") move(at === null ? here : here - 1, shiftKey);
    else if (key === "ArrowRight") move(here + 1, shiftKey);
    else if (key === "Home") move(0, shiftKey);
    else if (key === "End") move(of.bars() - 1, shiftKey);
    else if ((key === "Enter" || key === " ") && at !== null) {
      const span = of.secondsOf(Math.min(from ?? at, at), Math.max(from ?? at, at));
      forget();
      of.select(span);
    } else if (key === "Escape" && (anchor || at !== null)) forget();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}
