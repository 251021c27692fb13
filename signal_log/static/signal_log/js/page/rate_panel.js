// The chart with its legend, its zoom and the values at its cursor: what it shows is the time range of the page.

import { has, toWire } from "../events/filters.js";
import * as range from "../events/range.js";
import { closer, out } from "../events/zoom.js";
import { plural } from "../lib/text.js";
import { minute } from "../lib/time.js";
import { Chart } from "../parts/chart.js";
import { renderLegend } from "../parts/legend.js";
import { renderTip } from "../parts/rate_tip.js";
import { isConnected } from "../parts/status.js";
import { Marks } from "../server/marks.js";
import { uncounted } from "../server/span_rate.js";
import {
  $,
  activeFilters,
  announcer,
  ask,
  before,
  now,
  page,
  perSecond,
  rate,
  spanCounts,
  spanRate,
  state,
  stream,
} from "./state.js";

/** @import { Filter } from "../events/filters.js" */
/** @import { Range } from "../events/range.js" */
/** @import { Zoom } from "../events/zoom.js" */
/** @import { Shown } from "../parts/chart.js" */

const SPAN = 600_000; // ms covered by the chart where the page has no time range

/** @typedef {{ during: (range: Range | null) => void, narrow: (filter: Filter) => void }} Does */

export class RatePanel {
  /** @param {Does} does */
  constructor(does) {
    this.does = does;
    this.marks = new Marks(ask);
    this.chart = new Chart($("rate"), {
      say: (told) => renderTip($("rate-tip"), told),
      select: (first, last) => does.during(range.between(first, last)),
    });
    $("zoom-out").onclick = () => this.#zoom(out);
    $("zoom-in").onclick = () => this.#zoom(closer);
  }

  draw() {
    this.#ask();
    if (state.answered) this.marks.start(state.range ? range.toWire(state.range) : { since: "now-10m" }, now());
    this.chart.marks = this.marks.list;
    this.chart.draw(this.#shown());
    const all = this.chart.totals.reduce((sum, number) => sum + number, 0);
    const isCounted = state.range ? spanRate.state === "counted" : spanCounts.joined;
    $("rate-now").textContent = all || isCounted ? plural(all, "operation") : "…";
    $("rate-note").textContent = this.#note();
    $("rate-pace").textContent = `${perSecond()} now`;
    $("zoom-out").setAttribute("aria-disabled", String(!out(state.range, now())));
    $("zoom-in").setAttribute("aria-disabled", String(!closer(state.range, now())));
    const filters = activeFilters();
    renderLegend($("legend"), this.chart.totals, {
      narrow: this.does.narrow,
      isOn: (filter) => Boolean(has(filters, filter)),
    });
  }

  /** @param {(range: Range | null, now: number) => Zoom | null} way */
  #zoom(way) {
    const step = way(state.range, now());
    if (!step) return announcer.say(way === out ? "This is the whole log" : "No closer than ten minutes");
    this.does.during(step.range);
    announcer.say(`Chart: ${step.words === "all" ? "the whole log" : step.words}`);
  }

  /** Has the server count a time range, when it does so for the facets. */
  async #ask() {
    if (!state.range || !spanCounts.asked) return;
    if (await spanRate.start(toWire(activeFilters()), state.range, spanCounts.askedFor, now())) this.draw();
  }

  /** @returns {Shown} */
  #shown() {
    const { mode } = state;
    const words = this.#note();
    if (!state.range) return { rate, to: now(), mode, words };
    if (spanRate.state !== "counted") return { ...uncounted(state.range, now()), mode, words };
    return { rate: spanRate.rate, to: Math.min(now(), spanRate.to), mode, words };
  }

  /** The time covered: what the server counted, else what the page holds. */
  #note() {
    const { mode } = state;
    if (state.range) {
      if (spanRate.state === "failed") return "could not be counted";
      if (spanRate.state !== "counted") return isConnected(state.connection.name) ? "counting…" : "not counted yet";
      if (!spanRate.complete) return `since ${minute(spanRate.from, mode, now())}, not all`;
      return range.words(state.range, mode, now());
    }
    const since = before.since ?? stream.operations.rows.find((row) => row.type !== "gap")?.at;
    return !since || now() - since >= SPAN || page.past?.began
      ? "last 10 minutes"
      : `since ${minute(since, mode, now())}`;
  }
}
