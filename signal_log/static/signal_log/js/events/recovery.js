// Counts the events recovered after a reconnect, and reports them for a while.

/** @import { SignalEvent } from "./types.js" */

const SAID_FOR = 20_000;
const CALM = 1_500;

export class Recovery {
  #after = 0; // the server's time of the reconnect
  #calmAt = 0;
  #found = 0;
  #endedAt = 0;

  /** The connection broke: forgets the previous recovery. */
  broken() {
    this.#after = this.#found = this.#endedAt = 0;
  }

  /** @param {number} now */
  start(now) {
    this.#after = now;
    this.#calmAt = now + CALM;
    this.#found = 0;
  }

  /**
   * Counts events that happened before the reconnect as recovered.
   * @param {SignalEvent[]} events
   * @param {number} now
   */
  note(events, now) {
    const missed = this.#after ? events.filter((event) => Date.parse(event.occurred_at) < this.#after).length : 0;
    if (!missed) return; // new events must not keep the recovery going
    this.#found += missed;
    this.#calmAt = now + CALM;
  }

  /** @param {number} now */
  tick(now) {
    if (!this.#after || now < this.#calmAt) return;
    this.#after = 0;
    this.#endedAt = now;
  }

  /** The number recovered so far, or null when no recovery is running. */
  get running() {
    return this.#after && this.#found ? this.#found : null;
  }

  /**
   * The number recovered, for a while after it ended.
   * @param {number} now
   */
  said(now) {
    return this.#endedAt && now - this.#endedAt < SAID_FOR ? this.#found : 0;
  }
}
