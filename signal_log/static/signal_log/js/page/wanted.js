// The event that the address names, where the list does not hold it: it is fetched for the panel, or said to be gone.

import { Store } from "../events/store.js";

/** @import { Operation, Row, SignalEvent } from "../events/types.js" */
/** @import { Ask } from "../server/older.js" */
/** @import { ListName } from "./view.js" */

const EACH_WAY = 200; // an operation's signals, with those of what it set off between them

/**
 * The event by which an address names an open row: the one that it named before, if that is the row's too.
 * @param {Row} row
 * @param {number} named
 * @param {number} own the event that the row itself is named by
 */
export function nameOf(row, named, own) {
  const operation = /** @type {Operation} */ (row.operation ?? row.members?.[0] ?? row);
  return !row.event && operation.events.some(({ id }) => id === named) ? named : own;
}

export class Wanted {
  id = 0; // the event asked for last
  /** @type {Row | null} */
  row = null; // what was found
  /** @type {"" | "asking" | "apart" | "gone" | "failed"} */
  state = "";

  /** @param {Ask} ask */
  constructor(ask) {
    this.ask = ask;
  }

  /**
   * The row of an event as the list would have it, from a store of its own; null if the log has no such event, or if
   * it was asked for before.
   * @param {number} id
   * @param {ListName} list
   * @returns {Promise<Row | null>}
   */
  async find(id, list) {
    if (this.id === id) return null;
    this.id = id;
    this.state = "asking";
    try {
      const row = await this.#fetch(id, list);
      if (this.id !== id) return null;
      this.row = row;
      this.state = row ? "apart" : "gone";
      return row;
    } catch {
      if (this.id === id) this.state = "failed";
      return null;
    }
  }

  /**
   * @param {number} id
   * @param {ListName} list
   */
  async #fetch(id, list) {
    /** @type {{ events: SignalEvent[] }} */
    const { events } = await this.ask({ before: id + 1, size: 1 });
    if (events[0]?.id !== id) return null;
    const trace = events[0].trace_id;
    const [older, newer] = await Promise.all([
      this.ask({ trace, before: id + 1, size: EACH_WAY }),
      this.ask({ trace, after: id, size: EACH_WAY }),
    ]);
    const home = new Store();
    home.show(list);
    home.add([...newer.events, ...older.events].reverse());
    const operation = home.operationOf(id);
    if (operation) operation.home = home;
    return home.rowOf(id) ?? operation ?? null;
  }

  /** The state in words, for the status bar; nothing while it is not known. */
  get said() {
    if (this.state === "apart") return `Event ${this.id} is not in this list`;
    if (this.state === "gone") return `Event ${this.id} is not in the log`;
    return this.state === "failed" ? `Open event ${this.id}` : "";
  }
}
