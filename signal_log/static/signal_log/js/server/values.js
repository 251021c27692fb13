// The values of a key that the server knows, asked for while a query is typed; each answer is kept for a while.

/** @import { Ask } from "./older.js" */

const KEPT = 30_000;
const MOST = 50;

export class Values {
  /** @type {Map<string, { at: number, values: [string, number | null][], scope: string }>} */
  known = new Map();
  /** @type {Set<string>} */
  asked = new Set();

  /**
   * `ask(query)` returns what /events/?format=values does; `changed()` is called when an answer has arrived.
   * @param {{ ask: Ask, changed: () => void }} of
   */
  constructor({ ask, changed }) {
    this.ask = ask;
    this.changed = changed;
  }

  /**
   * What is known of a key at once; what is not known, or no longer, is asked for.
   * @param {string} key
   * @param {string} begins
   */
  of(key, begins, now = Date.now()) {
    const name = `${key}:${begins}`;
    const found = this.known.get(name);
    if (!found || now - found.at > KEPT) this.#ask(name, key, begins, now);
    return found ?? { values: [], scope: "" };
  }

  /**
   * @param {string} name
   * @param {string} key
   * @param {string} begins
   * @param {number} now
   */
  async #ask(name, key, begins, now) {
    if (this.asked.has(name)) return;
    this.asked.add(name);
    try {
      const { values, scope } = await this.ask({ format: "values", key, begins });
      const [oldest] = this.known.size >= MOST ? this.known.keys() : [];
      if (oldest !== undefined) this.known.delete(oldest);
      this.known.set(name, { at: now, values, scope });
      this.changed();
    } catch {
      this.known.set(name, { at: now, values: [], scope: "" }); // completion is a help; what the page holds remains
    } finally {
      this.asked.delete(name);
    }
  }
}
