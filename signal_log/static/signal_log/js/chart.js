// The chart of the rate: bars on a canvas, stacked by kind, in the colours of the page.

import { KINDS } from "./rate.js";
import { count } from "./text.js";
import { clock } from "./time.js";

const PITCH = 6; // pixels a bar and its gap take
const COLOURS = ["--sl-created", "--sl-updated", "--sl-deleted", "--sl-undone", "--sl-silent"];
const SAID = ["created", "updated", "deleted", "undone or failed", "other"];
const SPAN = 600_000;

export class Chart {
  /** `say(words or null)` is told what the bar under the pointer holds. */
  constructor(canvas, rate, say) {
    Object.assign(this, { canvas, rate, say });
    this.colours();
    new ResizeObserver(() => this.draw()).observe(canvas);
    new MutationObserver(() => this.colours()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.colours());
    canvas.addEventListener("pointermove", (event) => this.#point(event));
    canvas.addEventListener("pointerleave", () => this.#leave());
  }

  /** The canvas knows no custom properties: ask a real element what they come to. */
  colours() {
    const probe = document.createElement("i");
    this.canvas.after(probe);
    this.fills = COLOURS.map((name) => {
      probe.style.color = `var(${name})`;
      return getComputedStyle(probe).color;
    });
    probe.style.color = "var(--sl-line)";
    this.ground = getComputedStyle(probe).color;
    probe.remove();
    this.draw();
  }

  draw(now = Date.now()) {
    const { canvas } = this;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width || !height) return;
    const scale = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    this.now = now;
    this.sums = this.rate.bars(Math.max(1, Math.floor(width / PITCH)), now);
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    context.fillStyle = this.ground;
    context.fillRect(0, height - 1, width, 1);
    this.#stack(context, width, height - 1);
  }

  /** What the chart shows, for those who do not see it. */
  words() {
    const totals = KINDS.map((_, k) => this.sums.reduce((sum, bar) => sum + bar[k], 0));
    const said = SAID.map((word, k) => (totals[k] ? `${count(totals[k])} ${word}` : "")).filter(Boolean);
    return `Last ten minutes: ${said.join(", ") || "nothing"}`;
  }

  #stack(context, width, height) {
    const top = Math.max(4, ...this.sums.map((bar) => bar.reduce((a, b) => a + b)));
    const step = width / this.sums.length;
    this.sums.forEach((bar, index) => {
      let y = height;
      bar.forEach((number, kind) => {
        if (!number) return;
        const tall = Math.max(1, (number / top) * (height - 2));
        context.globalAlpha = this.over === undefined || this.over === index ? 1 : 0.45;
        context.fillStyle = this.fills[kind];
        context.fillRect(Math.round(index * step), y - tall, Math.max(1, Math.round(step) - 2), tall);
        y -= tall;
      });
    });
    context.globalAlpha = 1;
  }

  #point(event) {
    const index = Math.floor((event.offsetX / this.canvas.clientWidth) * this.sums.length);
    this.over = Math.min(this.sums.length - 1, Math.max(0, index));
    this.draw();
    const bar = this.sums[this.over];
    const said = SAID.map((word, k) => (bar[k] ? `${bar[k]} ${word}` : "")).filter(Boolean);
    const from = this.now - SPAN + (this.over * SPAN) / this.sums.length;
    this.say([clock(from, "local", this.now).slice(0, 8), said.join(", ") || "nothing"]);
  }

  #leave() {
    this.over = undefined;
    this.draw();
    this.say(null);
  }
}
