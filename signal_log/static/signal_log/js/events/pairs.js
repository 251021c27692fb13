// The changes of an event as a list of fields, in the order in which they were recorded.

const STAMP = /^(updated|modified|changed|last)(_at|_on|_time)?$|_(updated|modified)(_at|_on)?$/;

/**
 * Whether a field of this name only tells when the row was written last.
 * @type {(name: string) => boolean}
 */
export const isStamp = (name) => STAMP.test(name);

/** @typedef {[name: string, old: unknown, now: unknown]} Field */

/**
 * A row that somebody else wrote may hold anything.
 * @param {unknown} changes
 * @returns {Field[]}
 */
export function pairs(changes) {
  if (!changes || typeof changes !== "object" || Array.isArray(changes)) return [];
  return Object.entries(changes).map(([name, change]) =>
    Array.isArray(change) && change.length === 2 ? [name, change[0], change[1]] : [name, null, change],
  );
}
