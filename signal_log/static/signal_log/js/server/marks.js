// The marks of the chart: deployments and upkeep, as far as the log tells.

/** @import { Ask, Query } from "./older.js" */

/** @typedef {{ at: number, words: string }} Mark in ms since 1970 */

const AGAIN = 60_000; // ms

export class Marks {
  /** @type {Mark[]} */
  list = [];
  of = "";
  askedAt = 0;

  /**
   * `ask(query)` returns what /events/?format=marks does.
   * @param {Ask} ask
   */
  constructor(ask) {
    this.ask = ask;
  }

  /**
   * Asks for those of another span, or once a minute again. Where there is no answer, the chart has no marks.
   * @param {{ since?: string, until?: string }} span
   * @param {number} now
   */
  async start(span, now) {
    const of = JSON.stringify(span);
    if (of === this.of && now - this.askedAt < AGAIN) return;
    if (of !== this.of) this.list = [];
    Object.assign(this, { of, askedAt: now });
    try {
      /** @type {Query} */
      const query = { ...span, format: "marks" };
      const { marks } = await this.ask(query);
      if (of !== this.of) return;
      this.list = marks.map((/** @type {[string, string]} */ [time, words]) => ({ at: Date.parse(time), words }));
    } catch {
      this.list = of === this.of ? [] : this.list;
    }
  }
}
