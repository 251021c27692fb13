// The rate chart: bars on a canvas, stacked by kind, in the page's colours; a time range can be selected on it.

import { KINDS } from "../events/rate.js";
import { brush } from "../lib/brush.js";
import { count } from "../lib/text.js";
import { clock } from "../lib/time.js";

/** @import { Range } from "../events/range.js" */
/** @import { Rate } from "../events/rate.js" */
/** @import { Seconds } from "../lib/brush.js" */

const PITCH = 6; // pixels per bar with its gap
const COLOURS = ["--sl-created", "--sl-updated", "--sl-deleted", "--sl-undone", "--sl-silent"];
const SAID = ["created", "updated", "deleted", "rolled back or failed", "other"];

export class Chart {
  /** @type {Range | null} */
  range = null;
  /** @type {Seconds | null} */
  chosen = null;
  /** @type {number | undefined} */
  hovered;
  /** @type {number | undefined} */
  now;
  /** @type {number[][]} */
  sums = [];
  /** @type {string[]} */
  fills = [];
  ground = "";
  wash = "";
  edge = "";

  /**
   * `on`: say(words or null) about the hovered bar; select(first second, last second).
   * @param {HTMLCanvasElement} canvas
   * @param {Rate} rate
   * @param {{ say: (words: string[] | null) => void, select: (first: number, last: number) => void }} on
   */
  constructor(canvas, rate, on) {
    this.canvas = canvas;
    this.rate = rate;
    this.on = on;
    this.colours();
    new ResizeObserver(() => this.draw()).observe(canvas);
    new MutationObserver(() => this.colours()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.colours());
    brush(canvas, {
      bars: () => this.sums.length || 1,
      secondsOf: (first, last) => this.rate.secondsOf(first, last, this.sums.length),
      show: (bar, seconds) => this.#show(bar, seconds),
      select: (seconds) => on.select(...seconds),
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
    this.ground = colour("--sl-line");
    this.wash = colour("--sl-accent-wash");
    this.edge = colour("--sl-accent");
    probe.remove();
    this.draw();
  }

  draw(now = this.now ?? Date.now()) {
    const { canvas } = this;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width || !height) return;
    const scale = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    this.now = now;
    this.sums = this.rate.bars(Math.max(1, Math.floor(width / PITCH)), now);
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    this.#lit = this.#litBars();
    this.#band(context, width, height);
    context.fillStyle = this.ground;
    context.fillRect(0, height - 1, width, 1);
    this.#stack(context, width, height - 1);
    // While it has the focus, its value describes the current bar.
    if (document.activeElement !== canvas) canvas.setAttribute("aria-label", this.words());
  }

  /** What the chart shows, for screen readers. */
  words() {
    const totals = KINDS.map((_, k) => this.sums.reduce((sum, bar) => sum + bar[k], 0));
    const said = SAID.map((word, k) => (totals[k] ? `${count(totals[k])} ${word}` : "")).filter(Boolean);
    const keys = "Arrow keys move, Shift and arrow keys select a time range, Enter shows it";
    return `Operations in the last ten minutes: ${said.join(", ") || "none"}. ${keys}`;
  }

  /** @type {[first: number, last: number] | null} */
  #lit = null;

  /**
   * The first and last bar of the selection or the time range shown.
   * @returns {[number, number] | null}
   */
  #litBars() {
    const { range, chosen, sums } = this;
    const span =
      chosen ??
      (range && [range.from === null ? -Infinity : range.from / 1000, range.to === null ? Infinity : range.to / 1000]);
    if (!span) return null;
    const inside = sums
      .map((_, bar) => this.rate.secondsOf(bar, bar, sums.length))
      .map(([from, to]) => to + 1 > span[0] && from <= span[1]);
    return inside.includes(true) ? [inside.indexOf(true), inside.lastIndexOf(true)] : [-1, -1];
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} width
   * @param {number} height
   */
  #band(context, width, height) {
    if (!this.#lit || this.#lit[0] < 0) return;
    const step = width / this.sums.length;
    const [x, wide] = [this.#lit[0] * step, (this.#lit[1] - this.#lit[0] + 1) * step];
    context.fillStyle = this.wash;
    context.fillRect(x, 0, wide, height);
    context.fillStyle = this.edge;
    context.fillRect(x, 0, 1, height);
    context.fillRect(x + wide - 1, 0, 1, height);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} width
   * @param {number} height
   */
  #stack(context, width, height) {
    const top = Math.max(4, ...this.sums.map((bar) => bar.reduce((a, b) => a + b)));
    const step = width / this.sums.length;
    this.sums.forEach((bar, index) => {
      let y = height;
      const dim = this.#lit
        ? index < this.#lit[0] || index > this.#lit[1]
        : this.hovered !== undefined && this.hovered !== index;
      bar.forEach((number, kind) => {
        if (!number) return;
        const tall = Math.max(1, (number / top) * (height - 2));
        context.globalAlpha = dim ? 0.45 : 1;
        context.fillStyle = this.fills[kind];
        context.fillRect(Math.round(index * step), y - tall, Math.max(1, Math.round(step) - 2), tall);
        y -= tall;
      });
    });
    context.globalAlpha = 1;
  }

  /**
   * Highlights a bar or none; `seconds` is a range being selected.
   * @param {number | undefined} bar
   * @param {Seconds | null} seconds
   */
  #show(bar, seconds) {
    Object.assign(this, { hovered: bar, chosen: seconds });
    this.draw();
    if (bar === undefined) return this.on.say(null);
    const [from, to] = seconds ?? this.rate.secondsOf(bar, bar, this.sums.length);
    const said = SAID.map((word, k) => (this.sums[bar][k] ? `${this.sums[bar][k]} ${word}` : "")).filter(Boolean);
    /** @param {number} second */
    const time = (second) => clock(second * 1000, "local", this.now).slice(0, 8);
    const spoken =
      seconds && to - from > 6 ? [`${time(from)}`, `to ${time(to)}`] : [time(from), said.join(", ") || "nothing"];
    this.canvas.setAttribute("aria-valuetext", spoken.join(" "));
    this.canvas.setAttribute("aria-valuenow", String(bar));
    this.canvas.setAttribute("aria-valuemax", String(this.sums.length - 1));
    this.on.say(spoken);
  }
}
