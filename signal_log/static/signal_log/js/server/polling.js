// Where no websocket opens: asks the history for news every two seconds, while the tab is visible.

import { AccessEnded } from "./older.js";

/** @import { SignalEvent } from "../events/types.js" */
/** @import { Ask, Query } from "./older.js" */

const EVERY = 2_000;
const LONGEST_WAIT = 30_000; // between attempts while the server does not answer
const LATE = 30_000; // a transaction may be open this long after its events took their ids
const LATE_IDS = 200; // in a busy log, this many ids are read again at most
const UNTIMED = 300_000; // filtered by time, an event matches when its trace is over, which may take this long
const UNTIMED_IDS = 5_000;
const SIZE = 500;
const PAGES = 4; // read at once; the rest has its turn two seconds later

/** @typedef {{ events: SignalEvent[], newer: number | null, head: number }} News newest first */

/**
 * @typedef {object} Handlers
 * @property {(events: SignalEvent[]) => void} events oldest first, repeats included; called at each answer
 * @property {(until: number) => void} failed
 * @property {(state: string) => void} ended
 */

export class Polling {
  running = false;
  well = false; // the last answer arrived
  hidden = false;
  failures = 0;
  /** @type {{ at: number, head: number }[]} */
  marks = []; // the newest id of the log at earlier answers
  place = 0; // where an answer of several pages was cut
  turn = {};
  /** @type {number | undefined} */
  timer;

  /**
   * `ask(query)` returns what /events/?format=json does; `query()` is that of the filters, `timed()` whether the times
   * of traces decide in it.
   * @param {{ ask: Ask, query: () => Query, timed?: () => boolean, backfill: number, handlers: Handlers }} of
   */
  constructor({ ask, query, timed = () => false, backfill, handlers }) {
    this.ask = ask;
    this.query = query;
    this.timed = timed;
    this.backfill = backfill;
    this.handlers = handlers;
  }

  start() {
    if (this.running) return;
    this.running = true;
    this.failures = 0;
    this.#next(0);
  }

  stop() {
    this.running = this.well = false;
    this.reset();
  }

  /** Starts over, for other filters: answers still on their way are dropped. */
  reset() {
    this.marks = [];
    this.place = 0;
    this.turn = {};
    this.#next(0);
  }

  /**
   * Nothing is asked in a hidden tab; one that is shown again asks at once.
   * @param {boolean} shown
   */
  show(shown) {
    this.hidden = !shown;
    this.#next(0);
  }

  /** @param {number} wait */
  #next(wait) {
    clearTimeout(this.timer);
    if (this.running && !this.hidden) this.timer = setTimeout(() => this.#poll(), wait);
  }

  async #poll() {
    this.turn = {};
    const { turn } = this;
    try {
      const events = await this.#news(turn);
      if (turn !== this.turn) return;
      this.well = true;
      this.failures = 0;
      this.handlers.events(events);
      this.#next(EVERY);
    } catch (problem) {
      if (turn === this.turn) this.#failed(problem);
    }
  }

  /** @param {unknown} problem */
  #failed(problem) {
    this.well = false;
    this.failures += 1;
    if (problem instanceof AccessEnded) {
      this.stop();
      return this.handlers.ended(problem.state);
    }
    const wait = Math.min(LONGEST_WAIT, EVERY * 2 ** this.failures) * (0.75 + Math.random() / 2);
    this.handlers.failed(Date.now() + wait);
    this.#next(wait);
  }

  /**
   * The newest events, or those since the last answer; of transactions that ended late, too.
   * @param {object} turn
   */
  async #news(turn) {
    /** @type {SignalEvent[]} */
    const events = [];
    let after = this.#from();
    for (let page = 0; page < PAGES && turn === this.turn; page += 1) {
      /** @type {Query} */
      const from = after === null ? { size: this.backfill } : { after, size: SIZE };
      /** @type {News} */
      const news = await this.ask({ ...this.query(), ...from });
      if (turn !== this.turn) return [];
      events.push(...news.events.reverse());
      this.place = (after !== null && news.newer) || 0;
      if (!this.place) {
        this.#mark(news.head);
        break;
      }
      after = this.place;
    }
    return events;
  }

  #from() {
    const last = this.marks.at(-1);
    return this.place || (last ? Math.max(this.marks[0].head, last.head - this.#late().ids) : null);
  }

  /** How far back what is new may be. */
  #late() {
    return this.timed() ? { ms: UNTIMED, ids: UNTIMED_IDS } : { ms: LATE, ids: LATE_IDS };
  }

  /** @param {number} head */
  #mark(head) {
    const at = Date.now();
    if (head < (this.marks.at(-1)?.head ?? 0)) this.marks = []; // another log, or one that was restored
    if (!this.marks.length) this.marks.push({ at, head: Math.max(0, head - this.#late().ids) });
    this.marks.push({ at, head });
    while (this.marks.length > 2 && this.marks[1].at < at - this.#late().ms) this.marks.shift();
  }
}
