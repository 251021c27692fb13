// The chart: bars on a canvas, stacked by kind, in the page's colours, with an axis, values at a cursor and marks.

import { KINDS, Rate } from "../events/rate.js";
import { rounded, spanOf, ticks } from "../lib/axis.js";
import { brush } from "../lib/brush.js";
import { count } from "../lib/text.js";

/** @import { Seconds } from "../lib/brush.js" */
/** @import { Mode } from "../lib/time.js" */

/**
 * What is shown: the numbers, up to when they are drawn (0 if no time is known yet), and what they are numbers of.
 * @typedef {{ rate: Rate, to: number, mode: Mode, words: string }} Shown
 */
/** @typedef {{ at: number, words: string }} Mark in ms since 1970 */
/**
 * What is told at the cursor; `left` is where it is, as a part of the width.
 * @typedef {{ time: string, values: [kind: string, number: number][], marks: string[], left: number }} Told
 */
/**
 * @typedef {object} On
 * @property {(told: Told | null) => void} say
 * @property {(first: number, last: number) => void} select
 */

const PITCH = 6; // pixels per bar with its gap
const AXIS = 15; // pixels below the bars
const PER_LABEL = 96; // pixels
const LEAST_LOST = 2; // pixels of what went wrong, however rare
const COLOURS = [
  "--sl-created",
  "--sl-updated",
  "--sl-deleted",
  "--sl-silent",
  "--sl-undone",
  "--sl-deleted",
  "--sl-deleted",
];
const ALPHAS = [1, 1, 0.5, 1, 1, 1, 1]; // red in full is what failed, or was refused
export const SAID = ["created", "updated", "deleted", "other", "rolled back", "refused", "failed"];
const LOST = KINDS.indexOf("undone"); // from here on, what went wrong

export class Chart {
  /** @type {Shown} */
  shown = { rate: new Rate(), to: Date.now(), mode: "local", words: "" };
  /** @type {Mark[]} */
  marks = [];
  /** @type {Seconds | null} */
  chosen = null;
  /** @type {number | undefined} */
  hovered;
  /** @type {number[][]} */
  sums = [];
  /** @type {string[]} */
  fills = [];
  ground = "";
  wash = "";
  edge = "";
  ink = "";
  back = "";
  font = "";

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {On} on
   */
  constructor(canvas, on) {
    this.canvas = canvas;
    this.on = on;
    this.colours();
    new ResizeObserver(() => this.draw()).observe(canvas);
    new MutationObserver(() => this.colours()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"])
      matchMedia(query).addEventListener("change", () => this.colours());
    brush(canvas, {
      bars: () => this.sums.length || 1,
      secondsOf: (first, last) => this.#secondsOf(first, last),
      show: (bar, seconds) => this.#show(bar, seconds),
      select: (seconds) => this.shown.to && on.select(...seconds),
    });
  }

  /** A canvas does not resolve custom properties: read them from a real element. */
  colours() {
    const probe = document.createElement("i");
    this.canvas.after(probe);
    /** @param {string} name */
    const colour = (name) => {
      probe.style.color = `var(${name})`;
      return getComputedStyle(probe).color;
    };
    this.fills = COLOURS.map(colour);
    this.ground = colour("--sl-line-strong");
    this.wash = colour("--sl-accent-wash");
    this.edge = colour("--sl-accent");
    this.ink = colour("--sl-ink-3");
    this.back = colour("--sl-raised");
    this.font = `11px ${getComputedStyle(probe).fontFamily}`;
    probe.remove();
    this.draw();
  }

  /** How many of each kind there are in all, in the order of `KINDS`. */
  get totals() {
    return KINDS.map((_, k) => this.sums.reduce((sum, bar) => sum + bar[k], 0));
  }

  draw(shown = this.shown) {
    this.shown = shown;
    const { canvas } = this;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width || !height) return;
    const scale = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    const { rate, to } = shown;
    this.sums = rate.bars(Math.max(1, Math.min(rate.slots, Math.floor(width / PITCH))), to);
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const floor = height - AXIS;
    this.#lit = this.#litBars();
    this.#band(context, width, floor);
    const top = rounded(Math.max(4, ...this.sums.map((bar) => bar.reduce((a, b) => a + b))));
    this.#axis(context, width, floor);
    this.#stack(context, width, floor, top);
    this.#scale(context, width, top);
    this.#marks(context, width, floor);
    // While it has the focus, its value describes the current bar.
    if (document.activeElement !== canvas) canvas.setAttribute("aria-label", this.words());
  }

  /** What the chart shows, for screen readers. */
  words() {
    const said = this.totals.map((number, k) => (number ? `${count(number)} ${SAID[k]}` : "")).filter(Boolean);
    const keys =
      "Arrow keys move, Shift and arrow keys select a time range, Enter shows it, minus and plus zoom out and in";
    return `Operations, ${this.shown.words}: ${said.join(", ") || "none"}. ${keys}`;
  }

  /** @type {[first: number, last: number] | null} */
  #lit = null;

  /**
   * @param {number} first
   * @param {number} last
   */
  #secondsOf(first, last) {
    return this.shown.rate.secondsOf(first, last, this.sums.length || 1);
  }

  /**
   * The first and last bar of the selection.
   * @returns {[number, number] | null}
   */
  #litBars() {
    const { chosen, sums } = this;
    if (!chosen) return null;
    const inside = sums
      .map((_, bar) => this.#secondsOf(bar, bar))
      .map(([from, to]) => to + 1 > chosen[0] && from <= chosen[1]);
    return inside.includes(true) ? [inside.indexOf(true), inside.lastIndexOf(true)] : [-1, -1];
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} width
   * @param {number} floor
   */
  #band(context, width, floor) {
    if (!this.#lit || this.#lit[0] < 0) return;
    const step = width / this.sums.length;
    const [x, wide] = [this.#lit[0] * step, (this.#lit[1] - this.#lit[0] + 1) * step];
    context.fillStyle = this.wash;
    context.fillRect(x, 0, wide, floor);
    context.fillStyle = this.edge;
    context.fillRect(x, 0, 1, floor);
    context.fillRect(x + wide - 1, 0, 1, floor);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} width
   * @param {number} floor
   */
  #axis(context, width, floor) {
    context.fillStyle = this.ground;
    context.fillRect(0, floor, width, 1);
    if (!this.shown.to) return;
    const [from, to] = this.#edges();
    Object.assign(context, { font: this.font, textBaseline: "alphabetic" });
    for (const { at, text } of ticks(from, to, Math.max(2, Math.floor(width / PER_LABEL)), this.shown.mode)) {
      const x = ((at - from) / (to - from)) * width;
      const half = context.measureText(text).width / 2;
      context.fillStyle = this.ground;
      context.fillRect(Math.round(x), floor, 1, 4);
      if (x - half < 0 || x + half > width) continue;
      context.fillStyle = this.ink;
      context.fillText(text, x - half, floor + AXIS - 2);
    }
  }

  /** The first second shown, and the one after the last. */
  #edges() {
    const [from, to] = this.#secondsOf(0, Math.max(0, this.sums.length - 1));
    return [from, to + 1];
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} width
   * @param {number} floor
   * @param {number} top
   */
  #stack(context, width, floor, top) {
    const step = width / this.sums.length;
    this.sums.forEach((bar, index) => {
      let y = floor;
      const dim = this.#lit
        ? index < this.#lit[0] || index > this.#lit[1]
        : this.hovered !== undefined && this.hovered !== index;
      heights(bar, top, floor - 1).forEach((tall, kind) => {
        if (!tall) return;
        context.globalAlpha = ALPHAS[kind] * (dim ? 0.45 : 1);
        context.fillStyle = this.fills[kind];
        context.fillRect(Math.round(index * step), y - tall, Math.max(1, Math.round(step) - 2), tall);
        y -= tall;
      });
    });
    context.globalAlpha = 1;
  }

  /**
   * How many the highest bar could be, on a line.
   * @param {CanvasRenderingContext2D} context
   * @param {number} width
   * @param {number} top
   */
  #scale(context, width, top) {
    const text = count(top);
    context.fillStyle = this.ground;
    context.globalAlpha = 0.5;
    context.fillRect(0, 0, width, 1);
    context.globalAlpha = 0.8;
    context.fillStyle = this.back;
    context.fillRect(0, 1, context.measureText(text).width + 6, 13);
    context.globalAlpha = 1;
    context.fillStyle = this.ink;
    context.fillText(text, 2, 11);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} width
   * @param {number} floor
   */
  #marks(context, width, floor) {
    if (!this.shown.to) return;
    const [from, to] = this.#edges();
    context.fillStyle = this.edge;
    for (const { at } of this.marks) {
      const x = Math.round(((at / 1000 - from) / (to - from)) * width);
      if (x < 0 || x > width) continue;
      for (let y = 0; y < floor; y += 4) context.fillRect(x, y, 1, 2);
      context.beginPath();
      context.moveTo(x - 4, 0);
      context.lineTo(x + 5, 0);
      context.lineTo(x + 0.5, 6);
      context.fill();
    }
  }

  /**
   * Highlights a bar or none; `seconds` is a range being selected.
   * @param {number | undefined} bar
   * @param {Seconds | null} seconds
   */
  #show(bar, seconds) {
    if (bar !== undefined && !this.shown.to) return;
    Object.assign(this, { hovered: bar, chosen: seconds });
    this.draw();
    if (bar === undefined) return this.on.say(null);
    const told = this.#told(bar, seconds);
    const values = told.values.map(([kind, number]) => `${count(number)} ${kind}`);
    const spoken = [`${told.time} ${values.join(", ") || "nothing"}`, ...told.marks].join("; ");
    this.canvas.setAttribute("aria-valuetext", spoken);
    this.canvas.setAttribute("aria-valuenow", String(bar));
    this.canvas.setAttribute("aria-valuemax", String(this.sums.length - 1));
    this.on.say(told);
  }

  /**
   * The sums of a bar, or of all that are selected.
   * @param {number} bar
   * @param {Seconds | null} seconds
   * @returns {Told}
   */
  #told(bar, seconds) {
    const [from, to] = seconds ?? this.#secondsOf(bar, bar);
    const [first, last] = this.#lit ?? [bar, bar];
    const inside = this.sums.slice(Math.max(0, first), last + 1);
    return {
      time: spanOf(from, to, this.shown.mode),
      values: SAID.map((word, k) => /** @type {[string, number]} */ ([word, inside.reduce((n, one) => n + one[k], 0)]))
        .filter(([, number]) => number)
        .reverse(),
      marks: this.marks.filter(({ at }) => at >= from * 1000 && at < (to + 1) * 1000).map(({ words }) => words),
      left: (bar + 0.5) / this.sums.length,
    };
  }
}

/**
 * How tall each kind of a bar is drawn: all of it in proportion, but what went wrong never too small to be seen, for
 * which the rest gives way.
 * @param {number[]} bar
 * @param {number} top
 * @param {number} room
 */
export function heights(bar, top, room) {
  const tall = bar.map((number, kind) => (number ? Math.max(kind < LOST ? 1 : LEAST_LOST, (number / top) * room) : 0));
  const over = tall.reduce((a, b) => a + b, 0) - room;
  if (over > 0) {
    const most = tall.indexOf(Math.max(...tall));
    tall[most] -= over;
  }
  return tall;
}
