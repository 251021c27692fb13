// The counts of the span that is shown: the server is asked once, and what arrives is added, each operation once.

import { tallyOf } from "../events/facets.js";
import { lengthOf, toWire, WHOLE } from "../events/range.js";

/** @import { Answer, FacetCounts } from "../events/facets.js" */
/** @import { Range } from "../events/range.js" */
/** @import { Store } from "../events/store.js" */
/** @import { Operation } from "../events/types.js" */
/** @import { Ask, Query } from "./older.js" */

/** @typedef {Answer & { kinds: string[], since: string, complete: boolean, newest: number | null }} Counted */

const MINUTES = 600_000;
const AGAIN = 30_000; // ms after which values that the filters leave out are counted again,
const PACE = 50; // and at least so many times as long as that took

export class SpanCounts {
  place = 0; // the server counts operations whose last signal is below this id
  /** @type {number | null} */
  since = null; // where the numbers begin, in ms, if not where the span does
  /** @type {number | null} */
  newest = null; // the numbers are those of so many events
  isHeld = false; // the numbers are those of the events on this page: the server has not answered
  joined = false;
  any = false; // whether there are numbers, of this view or the last
  /** @type {Range | null} */
  range = null;
  turn = {};
  asked = false;
  askedFor = 0;
  failed = false;
  askedAt = 0;
  took = 0;

  /**
   * `ask(query)` returns what /events/?format=facets does.
   * @param {{ store: Store, facets: FacetCounts, ask: Ask }} of
   */
  constructor({ store, facets, ask }) {
    this.store = store;
    this.facets = facets;
    this.ask = ask;
  }

  /** Starts over for another view: its numbers stand until those of the next are there. */
  reset() {
    this.turn = {};
    this.askedFor = 0;
    this.asked = this.failed = this.joined = false;
  }

  /** Whether the numbers are those of the view before, until those of this one are there. */
  get isOld() {
    return this.any && !this.joined;
  }

  /** The server is back: what failed may be asked for again, and what may have been missed. */
  retry() {
    this.asked = this.failed = false;
  }

  /**
   * Asks once the first events show from which id on the page counts, or it is clear that there are none.
   * @param {{ query: Query, range: Range | null, isSettled: boolean }} of
   * @param {number} now
   * @returns {Promise<Counted> | null} the answer, if it was asked for
   */
  start({ query, range, isSettled }, now) {
    const place = this.store.floor || (isSettled ? 1 : 0);
    const isLate = this.askedFor === 1 && this.store.floor > 1; // there are some after all
    if (!place || (this.asked && !isLate)) return null;
    Object.assign(this, { asked: true, askedFor: place, range, askedAt: now, failed: false });
    const asking = this.ask({ ...query, ...toWire(range), before: place, format: "facets" });
    this.#await(asking, place, now);
    return asking;
  }

  /**
   * Whether it is time to count what does not reach this page: values that the filters leave out.
   * @param {number} now
   */
  isStale(now) {
    return this.joined && !this.failed && now - this.askedAt > Math.max(AGAIN, PACE * this.took);
  }

  /**
   * Counts an operation that is new or has changed, unless the server counts it or it is not in the span.
   * @param {Operation} operation
   */
  count(operation) {
    if (!this.joined) return;
    const was = operation.tally;
    if (was) this.facets.add(was, -1);
    const [from, to] = this.#bounds;
    const isInside = operation.at >= from && operation.at <= to;
    operation.tally = isInside ? tallyOf(operation, this.place, this.facets) : null;
    if (operation.tally) this.facets.add(operation.tally);
  }

  /**
   * Lets go of what the span has left behind; returns its first and last second.
   * @param {number} now
   * @returns {[from: number, to: number]}
   */
  span(now) {
    const isWhole = this.range?.since === WHOLE;
    const length = isWhole ? null : this.range ? lengthOf(this.range) : MINUTES;
    const { grain } = this.facets;
    const to = Math.min(now, this.range?.to ?? now) / 1000;
    const begun = isWhole ? null : (this.range?.from ?? null);
    if (length === null) return [begun === null ? Math.min(to, this.facets.first) : begun / 1000, to];
    const from = Math.floor((now - length) / 1000 / grain + 1) * grain;
    if (this.joined && from > this.#edge) {
      this.#edge = from;
      this.facets.expire(from);
    }
    return [from, to];
  }

  #edge = 0; // what happened before this second is gone

  /** @returns {[from: number, to: number]} in ms */
  get #bounds() {
    return [Math.max(this.range?.from ?? 0, 1000 * this.#edge), this.range?.to ?? Number.POSITIVE_INFINITY];
  }

  /**
   * @param {Promise<Counted>} asking
   * @param {number} place
   * @param {number} now
   */
  async #await(asking, place, now) {
    const { turn } = this;
    const began = performance.now();
    try {
      const answer = await asking;
      if (turn !== this.turn) return;
      this.took = performance.now() - began;
      this.#join(answer, place, now);
    } catch {
      if (turn !== this.turn) return;
      this.failed = true;
      if (!this.joined) this.#join(null, 0, now);
    }
  }

  /**
   * @param {Counted | null} answer null: the page counts what it holds
   * @param {number} place
   * @param {number} now
   */
  #join(answer, place, now) {
    const { facets, store } = this;
    if (answer) facets.take(answer);
    else facets.clear();
    const since = answer && !answer.complete && answer.since ? Date.parse(answer.since) : null;
    Object.assign(this, { place, joined: true, any: true, isHeld: !answer, since, newest: answer?.newest ?? null });
    this.#edge = 0;
    this.span(now);
    for (const row of store.operations.rows)
      if (row.type !== "gap") {
        row.tally = null;
        if (row.events.length) this.count(row);
      }
  }
}
