// Following the newest, standing still, and looking at a span of time.

import { renderAll, showDetail, table } from "./screen.js";
import { page, remember, shownRows, showRange, state, store, storm } from "./state.js";

/** @import { Range } from "../events/range.js" */
/** @import { State } from "./state.js" */

/** @param {State["pausedBy"]} by */
export function pause(by) {
  if (!state.following) return;
  // Pausing a storm by button shows every event; scrolling in it keeps the rows as they are.
  const rows = by === "reader" ? store.rows : shownRows();
  // Events that arrived since the last render stay out, so no row moves under the pointer that clicks it.
  Object.assign(state, {
    following: false,
    pausedBy: by,
    cameAtPause: state.cameAtRender,
    frozen: rows.frozen(table.newest),
  });
  renderAll();
}

export function follow() {
  state.context = false;
  if (state.pausedBy === "range") return during(null);
  Object.assign(state, { following: true, pausedBy: "", frozen: null });
  storm.close();
  table.toNewest();
  renderAll();
}

/** @param {boolean} atEdge */
export function scrolled(atEdge) {
  if (!atEdge) pause("scroll");
  else if (state.pausedBy === "scroll") follow();
}

export function start() {
  Object.assign(state, { picked: null, context: false });
  page.past.reset();
  table.toNewest();
  showDetail();
}

/**
 * Shows a time range or, without one, live events.
 * @param {Range | null} range
 */
export function during(range) {
  state.wanted = 0;
  showRange(range);
  start();
  remember(true);
  renderAll();
}
