// The ten minutes before the page opened: the server's counts, joined with the page's own.

/** @import { Rate } from "../events/rate.js" */
/** @import { Store } from "../events/store.js" */
/** @import { Kind, Operation } from "../events/types.js" */
/** @import { Ask, Query } from "./older.js" */

const SPAN = 600_000;

/** @typedef {{ kinds: string[], seconds: number[][], since: string, complete: boolean }} Counts of each second */

export class Before {
  place = 0; // the server counts operations whose last signal is below this id
  /** @type {number | null} */
  since = null; // the rate is complete from here on, in ms; null while unknown
  turn = {};
  asked = false;
  failed = false;

  /**
   * `ask(query)` returns what /events/?format=counts does.
   * @param {{ store: Store, rate: Rate, ask: Ask }} of
   */
  constructor({ store, rate, ask }) {
    this.store = store;
    this.rate = rate;
    this.ask = ask;
  }

  /** Starts over for another view: answers still on their way are dropped, and the page counts what it holds. */
  reset() {
    this.place = 0;
    this.since = null;
    this.turn = {};
    this.asked = this.failed = false;
  }

  /** The server is back: allows what failed to be retried. */
  retry() {
    if (this.failed) this.asked = this.failed = false;
  }

  /**
   * Asks once the first events show from which id on the page counts.
   * @param {Query} query
   * @param {number} now
   * @param {Promise<Counts> | null} [asked] the answer, if it was just asked for
   */
  async start(query, now, asked = null) {
    const before = this.store.floor;
    if (this.asked || !before) return;
    this.asked = true;
    const oldest = this.store.operationOf(before);
    if (oldest && now - oldest.at > SPAN) return; // the page holds all ten minutes
    const { turn } = this;
    try {
      /** @type {Counts} */
      const answer = await (asked ?? this.ask({ ...query, before, format: "counts" }));
      if (turn === this.turn) this.#join(answer, before, now);
    } catch {
      if (turn === this.turn) this.failed = true; // the chart shows from when it counts
    }
  }

  /**
   * Counts an operation that is new or changed its kind, unless the server counts it.
   * @param {Operation} operation
   * @param {Kind | ""} was
   * @param {Kind} is
   */
  count(operation, was, is) {
    if (was && operation.inRate) this.rate.add(operation.at, was, -1);
    operation.inRate = operation.events.some(({ id }) => id >= this.place);
    if (operation.inRate) this.rate.add(operation.at, is);
  }

  /**
   * @param {Counts} counts
   * @param {number} before
   * @param {number} now
   */
  #join({ kinds, seconds, since, complete }, before, now) {
    this.place = before;
    this.since = complete ? now - SPAN : Date.parse(since);
    this.rate.clear();
    for (const row of this.store.operations.rows) if (row.type !== "gap" && row.kind) this.count(row, "", row.kind);
    for (const [second, ...numbers] of seconds)
      for (const [k, number] of numbers.entries()) if (number) this.rate.add(second * 1000, kinds[k], number);
  }
}
