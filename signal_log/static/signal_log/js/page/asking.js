// What is asked for: the filters and the view, and a query that cannot be read.

import * as filtering from "../events/filters.js";
import { hitsOf } from "../query/hits.js";
import { negated } from "../query/nodes.js";
import { parse } from "../query/parse.js";
import { start } from "./following.js";
import { showColumns } from "./looks.js";
import { keepFocus } from "./refocus.js";
import { renderAll } from "./screen.js";
import { activeFilters, announcer, clearRows, openId, page, remember, showRange, state } from "./state.js";
import { list } from "./unfolding.js";
import { readView } from "./view.js";

/** @import { Filter } from "../events/filters.js" */
/** @import { Range } from "../events/range.js" */
/** @import { View } from "./view.js" */

/**
 * Changes the filters and starts over; adds a history entry unless `step` is false.
 * @param {Filter[]} filters
 * @param {{ range?: Range | null, step?: boolean }} options
 */
export function change(filters, { range = state.range, step = true } = {}) {
  const [problem] = parse(filtering.toText(filters)).problems; // there may be too many, or too long ones
  if (problem) {
    state.notes = [problem.message];
    announcer.say(problem.message);
    return renderAll();
  }
  if (state.picked) {
    state.wanted = openId();
    keepFocus(state.wanted);
  }
  Object.assign(state, { filters, answered: 0, notes: [], lost: "", refusal: "", unmatched: [] });
  state.hits = hitsOf(filtering.toNode(activeFilters()));
  clearRows();
  showRange(range);
  start();
  page.connection.resubscribe();
  page.polling?.reset();
  if (step) remember(true);
  renderAll();
}

/**
 * Opens a saved view or, with an empty query, all events.
 * @param {string} query
 */
export function open(query) {
  const view = readView(query);
  showColumns(view.columns);
  state.typed = [];
  page.search.empty();
  list(view.list);
  change(view.filters, { range: view.range });
  unread(view);
}

/**
 * Says which part of an address or a view cannot be read as a query; all the rest of it is shown.
 * @param {View} view
 */
export function unread({ broken, problems = [] }) {
  if (!broken) return;
  page.search.refuse(broken, problems);
  announcer.say(`A part of this view is not a query: ${problems[0]?.message ?? ""}`);
}

/**
 * The server does not take the query: what is wrong goes back into the field, and the last good one is shown again.
 * @param {string} detail
 */
export function refuse(detail) {
  const { good } = state;
  const wrong = activeFilters().filter((one) => !good?.some((other) => filtering.same(one, other)));
  if (!good || !wrong.length) {
    state.refusal = detail;
    return;
  }
  state.typed = [];
  change(good, { step: false });
  remember();
  const kept = good.length ? "The last query that can be shown is shown again." : "All events are shown again.";
  page.search.refuse(filtering.toText(wrong), [{ at: 0, length: 0, message: `${detail} ${kept}` }]);
}

/**
 * Removes one filter or all of them, including the one being typed.
 * @param {Filter | null} filter
 */
export const drop = (filter) =>
  filter && !filtering.has(state.typed, filter) ? change(filtering.remove(state.filters, filter)) : page.search.clear();

export const clear = () => page.search.clear() && change([], { range: null });

/**
 * Narrows by the query of a value, or by its opposite.
 * @param {string} q
 * @param {boolean} not
 */
export function ask(q, not) {
  const { node } = parse(q);
  change(filtering.addAll(state.filters, filtering.fromNode(node && not ? negated(node) : node)));
}

/** @param {Filter} filter */
export const narrow = (filter) => change(filtering.toggle(state.filters, filter));

/**
 * A value of a facet alone, instead of what was asked of the facet.
 * @param {Filter} filter
 */
export const instead = (filter) =>
  change(
    filtering.add(
      state.filters.filter((one) => one.key !== filter.key),
      filter,
    ),
  );

/** @param {Filter} filter */
export const turn = (filter) => change(filtering.invert(state.filters, filter));

/**
 * Takes a filter back into the search field.
 * @param {Filter} filter
 */
export function edit(filter) {
  state.typed = [];
  change(filtering.remove(state.filters, filter));
  page.search.edit(filtering.toText([filter]));
}
