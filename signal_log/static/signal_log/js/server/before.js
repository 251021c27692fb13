// The ten minutes before the page opened: counted by the server, joined with what the page counts itself.

const SPAN = 600_000;

export class Before {
  /** `ask(query)` answers as /events/?format=counts does. */
  constructor({ store, rate, ask }) {
    Object.assign(this, { store, rate, ask });
    this.reset();
  }

  /** Another view: whatever is still under way is not for it, and the page counts what it holds. */
  reset() {
    this.place = 0; // operations whose last signal is below it are counted by the server
    this.since = null; // the rate is whole from here on, in ms; null while that is not known
    this.turn = {};
    this.asked = this.failed = false;
  }

  /** The server is back: what failed may be asked again. */
  retry() {
    if (this.failed) this.asked = this.failed = false;
  }

  /** Ask, once what the connection brings at the beginning says from where on the page counts. */
  async start(query, now) {
    const before = this.store.floor;
    if (this.asked || !before) return;
    this.asked = true;
    if (now - this.store.operationOf(before)?.at > SPAN) return; // the page holds all of it
    const { turn } = this;
    try {
      const answer = await this.ask({ ...query, before, format: "counts" });
      if (turn === this.turn) this.#join(answer, before, now);
    } catch {
      if (turn === this.turn) this.failed = true; // the chart says since when it counts
    }
  }

  /** An operation is of another kind than before, or new: count it, unless the server does. */
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
