// Screen reader announcements: rare, polite, and counts instead of rows.

import { plural } from "./text.js";

const EVERY = 20_000;

export class Announcer {
  /** @param {HTMLElement} region */
  constructor(region) {
    this.region = region;
    this.fresh = 0;
    this.undone = 0;
    this.last = Date.now();
  }

  /**
   * Announces this now: a change of the connection, the result of an action.
   * @param {string} words
   */
  say(words) {
    this.region.textContent = words;
  }

  /** @param {Iterable<{ kind: string }>} operations */
  count(operations) {
    for (const { kind } of operations) {
      this.fresh += 1;
      if (kind === "undone" || kind === "failed") this.undone += 1;
    }
  }

  /** Called every second; announces at most every twenty. */
  tick(now = Date.now()) {
    if (!this.fresh || now - this.last < EVERY) return;
    this.last = now;
    this.say(plural(this.fresh, "new operation") + (this.undone ? `, ${this.undone} not committed` : ""));
    this.fresh = this.undone = 0;
  }
}
