// The minimap of a trace with the viewport marked: drag to select a time range, click to go to a row.

import { between, END, isWhole } from "./span.js";

/** @import { Bar, Span } from "./span.js" */

const CLICK = 4; // pixels that the pointer may move during a click
const ROW = 3; // pixels per row where there is room
const LOWEST = 24; // minimum height in pixels that can be dragged on

/**
 * The position of a row of `total` within a height, as [y, height of at least a pixel].
 * @param {number} index
 * @param {number} total
 * @param {number} height
 */
export function lineOf(index, total, height) {
  const pitch = Math.min(ROW, height / Math.max(1, total));
  return [index * pitch, Math.max(1, pitch - (pitch >= 2 ? 1 : 0))];
}

export class Minimap {
  /** @type {Bar[]} */
  bars = [];
  /** @type {Span} */
  span = [0, END];
  view = [0, 0];
  /** @type {Span | null} */
  chosen = null;
  drawn = document.createElement("canvas");

  /**
   * `most` is the number of rows at most; `on` is told of a drag, and of a click on a row.
   * @param {HTMLCanvasElement} canvas
   * @param {number} most
   * @param {{ select: (span: Span) => void, go: (index: number) => void }} on
   */
  constructor(canvas, most, on) {
    canvas.style.maxHeight = `${Math.max(LOWEST, most * ROW + 4)}px`;
    this.canvas = canvas;
    this.on = on;
    this.#listen();
    new ResizeObserver(() => this.#redraw()).observe(canvas);
  }

  /**
   * Shows one for each visible row.
   * @param {Bar[]} bars
   */
  show(bars) {
    this.bars = bars;
    this.#redraw();
  }

  /**
   * Marks a time span and the rows in view, as [first, after the last].
   * @param {Span} span
   * @param {number[]} view
   */
  mark(span, view) {
    Object.assign(this, { span, view });
    this.#overlay();
  }

  #size() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    return { width, height, scale: devicePixelRatio || 1 };
  }

  /** @param {HTMLCanvasElement} canvas */
  #context(canvas) {
    const { width, height, scale } = this.#size();
    const [wide, tall] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== wide || canvas.height !== tall) Object.assign(canvas, { width: wide, height: tall });
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    return context;
  }

  /**
   * Draws the rows once per change; the marks go over a copy. Errors come last, so that nothing covers them.
   */
  #redraw() {
    const { width, height } = this.#size();
    if (!width || !height) return;
    const context = this.#context(this.drawn);
    /** @type {(bar: Bar, index: number) => void} */
    const paint = (bar, index) => {
      if (bar.width === null) return;
      const [y, tall] = lineOf(index, this.bars.length, height);
      context.fillStyle = bar.colour;
      context.fillRect(
        (bar.x / END) * width,
        y,
        Math.max(bar.bad ? 3 : 1, (bar.width / END) * width),
        bar.bad ? Math.max(2, tall) : tall,
      );
    };
    for (const [index, bar] of this.bars.entries()) if (!bar.bad) paint(bar, index);
    for (const [index, bar] of this.bars.entries()) if (bar.bad) paint(bar, index);
    this.#overlay();
  }

  #overlay() {
    const { width, height } = this.#size();
    if (!width || !height) return;
    const context = this.#context(this.canvas);
    const style = getComputedStyle(this.canvas);
    const [left, right] = (this.chosen ?? this.span).map((at) => (at / END) * width);
    const [top] = lineOf(this.view[0], this.bars.length, height);
    const [bottom] = lineOf(this.view[1], this.bars.length, height);
    context.fillStyle = style.getPropertyValue("background-color");
    context.drawImage(this.drawn, 0, 0, width, height);
    context.globalAlpha = 0.5; // outside of the view
    context.fillRect(0, 0, left, height);
    context.fillRect(right, 0, width - right, height);
    context.fillRect(left, 0, right - left, top);
    context.fillRect(left, bottom, right - left, height - bottom);
    context.globalAlpha = 1;
    if (isWhole(this.span) && !this.chosen && this.view[1] - this.view[0] >= this.bars.length) return; // all in view
    context.strokeStyle = style.color;
    context.lineWidth = 1.5;
    context.strokeRect(left + 1, top + 1, Math.max(2, right - left - 2), Math.max(4, bottom - top - 2));
  }

  /** Let go of what is being dragged. */
  cancel = () => {};

  #listen() {
    const { canvas } = this;
    /** @type {{ x: number, at: number } | null} */
    let start = null;
    /** @param {PointerEvent} event */
    const timeAt = ({ clientX }) => {
      const left = canvas.getBoundingClientRect().left + canvas.clientLeft;
      return ((clientX - left) / canvas.clientWidth) * END;
    };
    /** @type {(event: PointerEvent, from: number) => boolean} */
    const far = (event, from) => Math.abs(event.clientX - from) >= CLICK;
    this.cancel = () => {
      start = this.chosen = null;
      this.#overlay();
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      start = { x: event.clientX, at: timeAt(event) };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!start) return;
      this.chosen = far(event, start.x) ? between(start.at, timeAt(event)) : null;
      this.#overlay();
    });
    canvas.addEventListener("pointerup", (event) => {
      if (!start) return;
      const span = far(event, start.x) && between(start.at, timeAt(event));
      this.cancel();
      if (span) return this.on.select(span);
      const [pitch] = lineOf(1, this.bars.length, canvas.clientHeight);
      this.on.go(
        Math.min(
          this.bars.length - 1,
          Math.floor((event.clientY - canvas.getBoundingClientRect().top - canvas.clientTop) / pitch),
        ),
      );
    });
    canvas.addEventListener("pointercancel", this.cancel);
  }
}
