// The numbers of a time range for the chart: what the server counted, and what has arrived since.

import { lengthOf, toWire, WHOLE } from "../events/range.js";
import { Rate } from "../events/rate.js";

/** @import { Range } from "../events/range.js" */
/** @import { Store } from "../events/store.js" */
/** @import { Kind, Operation } from "../events/types.js" */
/** @import { Ask, Query } from "./older.js" */

/**
 * @typedef {object} Answer
 * @property {string[]} kinds
 * @property {number} step
 * @property {number[][]} seconds
 * @property {number} head
 * @property {string | null} since
 * @property {string | null} until
 * @property {boolean} complete
 */

const MOST = 800; // slots
const AGAIN = 15_000; // ms after which a question that failed is asked again

/**
 * A range before it is counted: no numbers, over the times that it is known to mean; `to` is 0 if it is not.
 * @param {Range} range
 * @param {number} now
 */
export function uncounted(range, now) {
  const length = range.since === WHOLE ? null : lengthOf(range);
  const to = range.to ?? (range.until && length === null ? 0 : now);
  const from = range.from ?? (length === null ? null : now - length);
  if (from === null || to <= from) return { rate: new Rate(), to: 0 };
  const seconds = Math.ceil((to - from) / 1000);
  const step = Math.ceil(seconds / MOST);
  return { rate: new Rate(step, Math.ceil(seconds / step)), to };
}

export class SpanRate {
  rate = new Rate();
  /** @type {"" | "asking" | "counted" | "failed"} */
  state = "";
  place = 0; // the server counts operations whose last signal is below this id
  askedFor = 0;
  complete = true; // whether it has counted the whole range
  from = 0; // in ms, as are the others
  to = 0;
  failedAt = 0;
  turn = {};

  /**
   * `ask(query)` returns what /events/?format=facets does.
   * @param {{ store: Store, ask: Ask }} of
   */
  constructor({ store, ask }) {
    this.store = store;
    this.ask = ask;
  }

  /** Starts over for another view: an answer still on its way is dropped. */
  reset() {
    this.state = "";
    this.askedFor = 0;
    this.turn = {};
    this.rate.clear();
  }

  /**
   * Asks, unless that was done: the same as is asked for the facets, so that one answer does for both.
   * @param {Query} query
   * @param {Range} range
   * @param {number} before from which id on the page counts; 1 if it holds nothing
   * @param {number} now
   * @returns {Promise<boolean>} whether there is something to draw
   */
  async start(query, range, before, now) {
    const isLate = this.askedFor === 1 && before > 1; // there are some after all
    const isDue = this.state === "" || (this.state === "failed" && now - this.failedAt > AGAIN);
    if (!isDue && !isLate) return false;
    this.turn = {};
    const { turn } = this;
    Object.assign(this, { state: "asking", askedFor: before });
    try {
      /** @type {Answer} */
      const answer = await this.ask({ ...query, ...toWire(range), before, format: "facets" });
      if (turn === this.turn) this.#join(answer, before, now);
    } catch {
      if (turn === this.turn) Object.assign(this, { state: "failed", failedAt: now });
    }
    return turn === this.turn;
  }

  /**
   * Counts an operation that is new or changed its kind, unless the server counts it or it is not in the range.
   * @param {Operation} operation
   * @param {Kind | ""} was
   * @param {Kind} is
   */
  count(operation, was, is) {
    if (this.state !== "counted") return;
    if (was && operation.inSpan) this.rate.add(operation.at, was, -1);
    const isIn = operation.at >= this.from && operation.at <= this.to;
    operation.inSpan = isIn && operation.events.some(({ id }) => id >= this.place);
    if (operation.inSpan) this.rate.add(operation.at, is);
  }

  /**
   * @param {Answer} answer
   * @param {number} place
   * @param {number} now
   */
  #join({ kinds, step, seconds, since, until, complete }, place, now) {
    const end = until ? Math.min(Date.parse(until), now) : now;
    const held = this.store.operations.rows.filter((row) => row.type !== "gap");
    const times = [...seconds.map(([second]) => second * 1000), ...held.map(({ at }) => at)];
    const oldest = times.reduce((least, at) => Math.min(least, at), end);
    const from = since ? Date.parse(since) : oldest; // the whole log
    const many = Math.ceil(Math.max(1, end - from) / 1000 / step / MOST);
    const [first, last] = [from, end].map((at) => Math.floor(at / 1000 / step / many));
    Object.assign(this, { state: "counted", place, complete, from, to: until ? Date.parse(until) : Infinity });
    this.rate.shape(step * many, Math.max(1, last - first + 1));
    this.rate.bars(1, end);
    for (const [second, ...numbers] of seconds)
      for (const [k, number] of numbers.entries()) if (number) this.rate.add(second * 1000, kinds[k], number);
    for (const row of held) {
      row.inSpan = false;
      if (row.kind) this.count(row, "", row.kind);
    }
  }
}
