// The ten minutes before the page opened: the server's counts, joined with the page's own.

const SPAN = 600_000;

export class Before {
  /** `ask(query)` returns what /events/?format=counts does. */
  constructor({ store, rate, ask }) {
    Object.assign(this, { store, rate, ask });
    this.reset();
  }

  /** Starts over for another view: answers still on their way are dropped, and the page counts what it holds. */
  reset() {
    this.place = 0; // the server counts operations whose last signal is below this id
    this.since = null; // the rate is complete from here on, in ms; null while unknown
    this.turn = {};
    this.asked = this.failed = false;
  }

  /** The server is back: allows what failed to be retried. */
  retry() {
    if (this.failed) this.asked = this.failed = false;
  }

  /** Asks once the first events show from which id on the page counts. */
  async start(query, now) {
    const before = this.store.floor;
    if (this.asked || !before) return;
    this.asked = true;
    if (now - this.store.operationOf(before)?.at > SPAN) return; // the page holds all ten minutes
    const { turn } = this;
    try {
      const answer = await this.ask({ ...query, before, format: "counts" });
      if (turn === this.turn) this.#join(answer, before, now);
    } catch {
      if (turn === this.turn) this.failed = true; // the chart shows from when it counts
    }
  }

  /** Counts an operation that is new or changed its kind, unless the server counts it. */
  count(operation, was, is) {
    if (was && operation.inRate) this.rate.add(operation.at, was, -1);
    operation.inRate = operation.events.some(({ id }) => id >= this.place);
    if (operation.inRate) this.rate.add(operation.at, is);
  }

  #join({ kinds, seconds, since, complete }, before, now) {
    this.place = before;
    this.since = complete ? now - SPAN : Date.parse(since);
    this.rate.clear();
    for (const operation of this.store.operations.rows) if (operation.kind) this.count(operation, "", operation.kind);
    for (const [second, ...numbers] of seconds)
      for (const [k, number] of numbers.entries()) if (number) this.rate.add(second * 1000, kinds[k], number);
  }
}
