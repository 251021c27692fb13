// Operations by kind, in slots of equal length up to now: the numbers behind the chart. A slot is usually a second.

/** From below to the top of a bar: what went wrong is on top. */
export const KINDS = ["created", "updated", "deleted", "other", "undone", "refused", "failed"];
const SLOTS = 600;

/** @type {(kind: string) => number} */
export const lane = (kind) => {
  const known = KINDS.indexOf(kind);
  return known < 0 ? KINDS.indexOf("other") : known;
};

export class Rate {
  counts = new Uint32Array(0);
  last = 0; // the newest slot that is held
  step = 1; // seconds of a slot
  slots = SLOTS;

  /** What is older than the span leaves by so many `whole` seconds at a time, as the counts of values do. */
  constructor(step = 1, slots = SLOTS, whole = 0) {
    this.whole = whole;
    this.shape(step, slots);
  }

  /**
   * Starts over with slots of another length.
   * @param {number} step
   * @param {number} slots
   */
  shape(step, slots) {
    Object.assign(this, { step, slots, last: 0, counts: new Uint32Array(slots * KINDS.length) });
  }

  clear() {
    this.counts.fill(0);
    this.last = 0;
  }

  /**
   * Counts an operation of this kind at this time, or with `by` -1 removes one.
   * @param {number} at
   * @param {string} kind
   * @param {number} by
   */
  add(at, kind, by = 1) {
    const slot = this.#slotAt(at);
    this.#advance(slot);
    if (slot > this.last - this.slots) this.counts[this.#place(slot) + lane(kind)] += by;
  }

  /**
   * Sums for `bars` equal spans up to now, each in the order of `KINDS`.
   * @param {number} bars
   * @param {number} now
   */
  bars(bars, now) {
    this.#advance(this.#slotAt(now));
    const width = this.slots / bars;
    const sums = Array.from({ length: bars }, () => KINDS.map(() => 0));
    const { whole } = this;
    const first = whole ? Math.floor((now / 1000 - this.slots * this.step) / whole + 1) * whole : -Infinity;
    for (let age = 0; age < this.slots && (this.last - age) * this.step >= first; age += 1) {
      const place = this.#place(this.last - age);
      const sum = sums[bars - 1 - Math.min(bars - 1, Math.floor(age / width))];
      for (let k = 0; k < KINDS.length; k += 1) sum[k] += this.counts[place + k];
    }
    return sums;
  }

  /**
   * The first and last second covered by these of `bars` bars.
   * @param {number} first
   * @param {number} last
   * @param {number} bars
   * @returns {[number, number]}
   */
  secondsOf(first, last, bars) {
    const width = this.slots / bars;
    const [from, to] = [Math.ceil((bars - first) * width) - 1, Math.ceil((bars - 1 - last) * width)];
    return [(this.last - from) * this.step, (this.last - to + 1) * this.step - 1];
  }

  /**
   * The mean of the last `seconds` whole seconds.
   * @param {number} now
   * @param {number} seconds
   */
  perSecond(now, seconds = 10) {
    this.#advance(this.#slotAt(now));
    let sum = 0;
    for (let age = 1; age <= seconds; age += 1) {
      const place = this.#place(this.last - age);
      for (let k = 0; k < KINDS.length; k += 1) sum += this.counts[place + k];
    }
    return sum / seconds;
  }

  /** @param {number} at */
  #slotAt(at) {
    return Math.floor(at / 1000 / this.step);
  }

  /** @param {number} slot */
  #place(slot) {
    return (((slot % this.slots) + this.slots) % this.slots) * KINDS.length;
  }

  /** @param {number} slot */
  #advance(slot) {
    if (slot <= this.last) return;
    const from = Math.max(this.last + 1, slot - this.slots + 1);
    for (let s = from; s <= slot; s += 1) this.counts.fill(0, this.#place(s), this.#place(s) + KINDS.length);
    this.last = slot;
  }
}
