// Operations of the span shown, by the values of each facet: what the server counted, and what has arrived since.

/** @import { FilterKey } from "./filters.js" */
/** @import { Operation } from "./types.js" */

/** @type {FilterKey[]} */
export const FACETS = ["outcome", "sender", "actor", "signal", "source"];
/** @type {FilterKey[]} what a query can say of a facet */
export const OF_FACETS = [...FACETS, "actor_pk", "actor_name"];
/** @type {Partial<Record<FilterKey, string>>} */
const OF_THE_SERVER = { sender: "model" };
const OF_MODELS = ["pre_save", "post_save", "pre_delete", "post_delete", "m2m_changed"]; // which models alone send
const OWN = "signal_log.SignalEvent"; // which pins, notes and exports are events of
const BARS = 12;

/** @typedef {{ number: number, slots: Map<number, number> }} Numbers by the first of their seconds */
/** @typedef {{ values: Map<string, Numbers>, more: number }} Facet and how many values are not told */
/** @typedef {{ second: number, pairs: [FilterKey, string][] }} Tally of one operation */
/** @typedef {[value: string, number: number, slots: [slot: number, number: number][]]} ToldValue */
/** @typedef {{ values: ToldValue[], more: number }} Told */
/** @typedef {{ grain: number, total: number, seconds: number[][], facets: Record<string, Told> }} Answer */

export class FacetCounts {
  grain = 10; // seconds of a slot
  /** @type {Numbers} */
  all = { number: 0, slots: new Map() };
  /** @type {Map<FilterKey, Facet>} */
  facets = new Map();
  unsure = false; // whether something arrived that only the server can place

  /** @param {string[]} models that are known to be models, whether or not anything is counted of them */
  constructor(models = []) {
    this.models = new Set([OWN, ...models]);
    this.clear();
  }

  clear() {
    this.all = { number: 0, slots: new Map() };
    this.facets = new Map(FACETS.map((key) => [key, { values: new Map(), more: 0 }]));
    this.unsure = false;
  }

  /**
   * Starts over from what the server counted.
   * @param {Answer} answer
   */
  take({ grain, seconds, facets }) {
    this.clear();
    this.grain = grain;
    for (const [second, ...numbers] of seconds)
      this.#count(
        this.all,
        this.#slot(second),
        numbers.reduce((sum, number) => sum + number, 0),
      );
    for (const key of FACETS) {
      const { values, more } = facets[OF_THE_SERVER[key] ?? key];
      const told = values.map(
        ([value, number, slots]) => /** @type {[string, Numbers]} */ ([value, { number, slots: new Map(slots) }]),
      );
      this.facets.set(key, { values: new Map(told), more });
    }
  }

  /**
   * @param {Tally} tally
   * @param {number} by
   */
  add({ second, pairs }, by = 1) {
    const slot = this.#slot(second);
    this.#count(this.all, slot, by);
    for (const [key, value] of pairs) {
      const { values, more } = /** @type {Facet} */ (this.facets.get(key));
      if (more && !values.has(value)) continue; // how many there were before nobody has told
      const numbers = values.get(value) ?? { number: 0, slots: new Map() };
      values.set(value, numbers);
      this.#count(numbers, slot, by);
    }
  }

  /**
   * Whether a sender is shown as a model: one that only models could be, or that is known or called one by the server.
   * @param {string} sender
   * @param {string} signal
   */
  isModel(sender, signal) {
    const isTold = this.models.has(sender) || this.facets.get("sender")?.values.has(sender);
    const known = isTold || OF_MODELS.includes(signal);
    if (!known && sender) this.unsure = true;
    return Boolean(known);
  }

  /**
   * Drops what happened before this second; a slot goes as a whole.
   * @param {number} second
   */
  expire(second) {
    this.#expire(this.all, second);
    for (const { values } of this.facets.values())
      for (const [value, numbers] of values) if (this.#expire(numbers, second)) values.delete(value);
  }

  /**
   * [[value, number], …], the most frequent first, then by their text.
   * @param {FilterKey} key
   * @returns {[value: string, number: number][]}
   */
  top(key) {
    const values = [...(this.facets.get(key)?.values ?? [])];
    return values
      .map(([value, { number }]) => /** @type {[string, number]} */ ([value, number]))
      .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  }

  /**
   * How many further values there are.
   * @param {FilterKey} key
   */
  more(key) {
    return this.facets.get(key)?.more ?? 0;
  }

  /**
   * A value's numbers in twelve equal parts of a span of seconds.
   * @param {FilterKey} key
   * @param {string} value
   * @param {[from: number, to: number]} span
   */
  bars(key, value, [from, to]) {
    const bars = new Array(BARS).fill(0);
    const width = Math.max(this.grain, to - from) / BARS;
    for (const [slot, number] of this.facets.get(key)?.values.get(value)?.slots ?? [])
      bars[Math.max(0, Math.min(BARS - 1, Math.floor((slot - from) / width)))] += number;
    return bars;
  }

  /** The first second with anything in it. */
  get first() {
    return Math.min(...this.all.slots.keys());
  }

  /** @param {number} second */
  #slot(second) {
    return Math.floor(second / this.grain) * this.grain;
  }

  /**
   * @param {Numbers} numbers
   * @param {number} slot
   * @param {number} by
   */
  #count(numbers, slot, by) {
    numbers.number += by;
    numbers.slots.set(slot, (numbers.slots.get(slot) ?? 0) + by);
  }

  /**
   * Whether nothing is left.
   * @param {Numbers} numbers
   * @param {number} second
   */
  #expire(numbers, second) {
    let gone = false;
    for (const [slot, number] of numbers.slots) {
      if (slot >= second) continue;
      numbers.slots.delete(slot);
      numbers.number -= number;
      gone = true;
    }
    return gone && !numbers.number;
  }
}

/**
 * What an operation counts as: its last signal tells, and each signal of it from an id on is a value.
 * @param {Operation} operation
 * @param {number} place
 * @param {FacetCounts} facets
 * @returns {Tally | null} null if all of its signals are below the id
 */
export function tallyOf(operation, place, facets) {
  const held = operation.events.filter(({ id }) => id >= place);
  if (!held.length) return null;
  const told = operation.events.findLast(({ outcome }) => outcome !== "committed") ?? held[held.length - 1];
  const { sender, actor, outcome, source } = told;
  /** @type {[FilterKey, string][]} */
  const pairs = [
    ["outcome", outcome],
    ["source", source],
    ...[...new Set(held.map((event) => event.signal))].map(
      (signal) => /** @type {[FilterKey, string]} */ (["signal", signal]),
    ),
  ];
  if (actor) pairs.push(["actor", actor]);
  if (facets.isModel(sender, told.signal)) pairs.push(["sender", sender]);
  return { second: Math.floor(operation.at / 1000), pairs };
}
