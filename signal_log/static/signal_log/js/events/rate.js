// Operations per second by kind, kept for ten minutes: the numbers behind the chart.

export const KINDS = ["created", "updated", "deleted", "undone", "other"];
const SECONDS = 600;
/** @type {Record<string, number>} */
const LANES = { created: 0, updated: 1, deleted: 2, undone: 3, failed: 3 };

/** @type {(kind: string) => number} */
export const lane = (kind) => LANES[kind] ?? 4;

export class Rate {
  counts = new Uint32Array(SECONDS * KINDS.length);
  last = 0; // the newest second that has a slot

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
    const second = Math.floor(at / 1000);
    this.#advance(second);
    if (second > this.last - SECONDS) this.counts[(second % SECONDS) * KINDS.length + lane(kind)] += by;
  }

  /**
   * Sums for `bars` equal spans up to now: a list of [created, updated, deleted, undone, other].
   * @param {number} bars
   * @param {number} now
   */
  bars(bars, now) {
    this.#advance(Math.floor(now / 1000));
    const width = SECONDS / bars;
    const sums = Array.from({ length: bars }, () => [0, 0, 0, 0, 0]);
    for (let age = 0; age < SECONDS; age += 1) {
      const slot = ((this.last - age) % SECONDS) * KINDS.length;
      const sum = sums[bars - 1 - Math.min(bars - 1, Math.floor(age / width))];
      for (let k = 0; k < KINDS.length; k += 1) sum[k] += this.counts[slot + k];
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
    const width = SECONDS / bars;
    return [this.last - Math.ceil((bars - first) * width) + 1, this.last - Math.ceil((bars - 1 - last) * width)];
  }

  /**
   * The mean of the last `seconds` whole seconds.
   * @param {number} now
   * @param {number} seconds
   */
  perSecond(now, seconds = 10) {
    this.#advance(Math.floor(now / 1000));
    let sum = 0;
    for (let age = 1; age <= seconds; age += 1) {
      const slot = ((this.last - age) % SECONDS) * KINDS.length;
      for (let k = 0; k < KINDS.length; k += 1) sum += this.counts[slot + k];
    }
    return sum / seconds;
  }

  /** @param {number} second */
  #advance(second) {
    if (second <= this.last) return;
    const from = Math.max(this.last + 1, second - SECONDS + 1);
    for (let s = from; s <= second; s += 1)
      this.counts.fill(0, (s % SECONDS) * KINDS.length, ((s % SECONDS) + 1) * KINDS.length);
    this.last = second;
  }
}
