// Counts of events by signal, model, actor, outcome and source, kept as events come and go.

/** @import { FilterKey } from "./filters.js" */
/** @import { ShortEvent } from "./types.js" */

/** @type {[key: FilterKey, read: (event: ShortEvent) => string][]} */
export const FACETS = [
  ["signal", (event) => event.signal],
  ["sender", (event) => event.sender],
  ["actor", (event) => event.actor],
  ["outcome", (event) => event.outcome],
  ["source", (event) => event.source],
];

export class FacetCounts {
  constructor() {
    /** @type {Map<FilterKey, Map<string, number>>} */
    this.counts = new Map(FACETS.map(([key]) => [key, new Map()]));
  }

  /**
   * @param {ShortEvent} event
   * @param {number} by
   */
  add(event, by = 1) {
    for (const [key, read] of FACETS) {
      const value = read(event);
      const counts = this.counts.get(key);
      if (!value || !counts) continue;
      counts.set(value, Math.max(0, (counts.get(value) ?? 0) + by));
    }
  }

  /** Zeroes the counts but keeps the values, so that a filter can be widened again. */
  reset() {
    for (const counts of this.counts.values()) for (const value of counts.keys()) counts.set(value, 0);
  }

  /**
   * [[value, count], ...], highest count first, then alphabetical.
   * @param {FilterKey} key
   */
  top(key) {
    return [...(this.counts.get(key) ?? [])].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  }
}
