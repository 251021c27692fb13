// Back and Forward: closes or opens the panel, or shows the view of the address that the browser went to.

import { same } from "../events/filters.js";
import * as actions from "./actions.js";
import { activeFilters, page, state, store, stream } from "./state.js";
import { arrive } from "./trail.js";
import { readView } from "./view.js";

/** @import { Filter } from "../events/filters.js" */
/** @import { View } from "./view.js" */

/** @param {PopStateEvent} event */
export function went({ state: entry }) {
  const meant = arrive(entry);
  if (meant === "closed") return;
  if (meant === "close") return actions.unpick();
  const view = readView(location.search);
  if (isShown(view)) turn(view);
  else show(view);
}

/**
 * Whether the page shows these events already: only the list, its columns or the open event differ.
 * @param {View} view
 */
function isShown({ filters, range, broken }) {
  if (broken || state.typed.length) return false;
  const { since = "", until = "" } = state.range ?? {};
  if ((range?.since ?? "") !== since || (range?.until ?? "") !== until) return false;
  return filters.length === activeFilters().length && filters.every(isActive);
}

/** @param {Filter} filter */
const isActive = (filter) => activeFilters().some((one) => same(one, filter) && !one.not === !filter.not);

/** @param {View} view */
function turn({ list, columns, event }) {
  state.named = event;
  actions.list(list);
  actions.showColumns(columns);
  if (store.rowOf(event)) actions.pickEvent(event);
  else if (event)
    state.wanted = event; // which is then looked for
  else actions.unpick();
}

/** @param {View} view */
function show(view) {
  Object.assign(state, { typed: [], picked: null, wanted: view.event, named: view.event, list: view.list });
  page.search.empty();
  stream.show(view.list);
  actions.needList();
  actions.showColumns(view.columns);
  actions.change(view.filters, { range: view.range, step: false });
  actions.unread(view);
}
