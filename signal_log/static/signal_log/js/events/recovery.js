// What came in after a broken connection: counted, said for a while, then forgotten.

const SAID_FOR = 20_000;
const CALM = 1_500;

export class Recovery {
  #after = 0; // the server's time at which the connection was back
  #calmAt = 0;
  #found = 0;
  #endedAt = 0;

  /** The connection broke: what was recovered before is old news. */
  broken() {
    this.#after = this.#found = this.#endedAt = 0;
  }

  start(now) {
    this.#after = now;
    this.#calmAt = now + CALM;
    this.#found = 0;
  }

  /** Events that happened before the connection was back are recovered ones. */
  note(events, now) {
    const missed = this.#after ? events.filter((event) => Date.parse(event.occurred_at) < this.#after).length : 0;
    if (!missed) return; // what happens now must not keep this open
    this.#found += missed;
    this.#calmAt = now + CALM;
  }

  tick(now) {
    if (!this.#after || now < this.#calmAt) return;
    this.#after = 0;
    this.#endedAt = now;
  }

  /** How many so far while it runs, null when it does not. */
  get running() {
    return this.#after && this.#found ? this.#found : null;
  }

  /** How many there were, for a while after it ended. */
  said(now) {
    return this.#endedAt && now - this.#endedAt < SAID_FOR ? this.#found : 0;
  }
}
