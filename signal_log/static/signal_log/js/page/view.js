// The view in the address bar: filters, time range, list, columns and open event, so that a link shows the same.

import { fromQuery, toQuery } from "../events/filters.js";
import * as range from "../events/range.js";
import * as columns from "../parts/columns.js";

/** @import { Filter } from "../events/filters.js" */
/** @import { Range } from "../events/range.js" */
/** @import { Column } from "../parts/columns.js" */
/** @import { Problem } from "../query/parse.js" */

/** @typedef {"cascades" | "operations" | "signals"} ListName */

/**
 * @typedef {object} View
 * @property {Filter[]} filters
 * @property {Range | null} range
 * @property {ListName} list
 * @property {Column[] | null} columns
 * @property {number} event
 * @property {string} [broken] a part of the query that cannot be read
 * @property {Problem[]} [problems] what is wrong with it
 */

/** @type {ListName[]} */
const LISTS = ["cascades", "operations", "signals"];

/**
 * @param {string} query
 * @returns {View}
 */
export function readView(query) {
  const given = new URLSearchParams(query);
  const { filters, since, until, broken, problems } = fromQuery(query);
  return {
    filters,
    broken,
    problems,
    range: range.fromQuery(query) ?? range.ranged(since, until),
    list: LISTS.find((one) => one === given.get("view")) ?? "operations",
    columns: columns.fromText(given.get("cols")),
    event: Number.parseInt(given.get("event") ?? "", 10) || 0,
  };
}

/**
 * The view as a query string, without defaults.
 * @param {View} view
 */
export function toView({ filters, range: time, list, columns: shown, event }) {
  const query = range.intoQuery(toQuery(filters), time);
  if (list !== "operations") query.set("view", list);
  const cols = shown ? columns.toText(shown) : "";
  if (cols) query.set("cols", cols);
  if (event) query.set("event", String(event));
  return query.toString();
}
