// What the server has found written past Django, for the events that the page holds.

/** @import { Store } from "../events/store.js" */
/** @import { Ask } from "./older.js" */

/** @typedef {{ found: [id: number, fields: string[]][], skipped: [first: number, last: number][] }} Answer */

const EVERY = 15_000; // ms: the server looks some seconds behind the newest event

export class PastWrites {
  /** @type {Map<number, string[]>} */
  found = new Map();
  /** @type {[first: number, last: number][]} */
  skipped = [];
  askedAt = -EVERY;

  /**
   * `ask(query)` returns what /past-writes/?format=json does.
   * @param {{ ask: Ask }} of
   */
  constructor({ ask }) {
    this.ask = ask;
  }

  /**
   * Asks now and then about everything that the stores hold; returns whether events say something new.
   * @param {Store[]} stores
   * @param {number} now
   */
  async look(stores, now) {
    const floors = stores.map(({ floor }) => floor).filter(Boolean);
    if (!floors.length || Math.abs(now - this.askedAt) < EVERY) return false;
    this.askedAt = now;
    try {
      /** @type {Answer} */
      const answer = await this.ask({ after: Math.max(0, Math.min(...floors) - 1) });
      this.found = new Map(answer.found);
      this.skipped = answer.skipped;
    } catch {
      return false; // the connection's state tells what is wrong
    }
    let changed = false;
    for (const [id, fields] of this.found) for (const store of stores) changed = store.tell(id, fields) || changed;
    return changed;
  }

  /**
   * How many events of a store found something.
   * @param {Store} store
   */
  count(store) {
    let number = 0;
    for (const id of this.found.keys()) if (store.operationOf(id)) number += 1;
    return number;
  }

  /**
   * Whether nobody has looked at some of the events between a store's first and last.
   * @param {Store} store
   */
  isPartial({ floor, newestId }) {
    return Boolean(floor) && this.skipped.some(([first, last]) => first <= newestId && last >= floor);
  }
}
