// How the page looks: heights, times, columns and the drawer of facets.

import { MODES } from "../lib/time.js";
import { heads, renderAll, table } from "./screen.js";
import { $, display, remember, state } from "./state.js";

/** @import { Column } from "../parts/columns.js" */
/** @import { Choices } from "./display.js" */

/**
 * Changes the row height or time format.
 * @param {Choices} changes
 */
export function look(changes) {
  display.set(changes);
  state.mode = table.mode = display.mode;
  table.updateTimes();
  table.measure();
  renderAll();
}

export const retime = () => look({ mode: MODES[(MODES.indexOf(state.mode) + 1) % MODES.length] });

export const density = () => look({ comfortable: !display.comfortable });

/**
 * Changes the columns or their widths.
 * @param {Column[]} chosen
 */
export function columns(chosen) {
  state.columns = display.columns = chosen;
  heads.show(chosen);
  remember();
}

/**
 * Shows the columns of a view while it is open, else the user's own choice.
 * @param {Column[] | null} brought
 */
export function showColumns(brought) {
  state.columns = brought ?? display.columns;
  heads.show(state.columns);
}

export function facetsDrawer(open = !$("facets").classList.contains("open")) {
  $("facets").classList.toggle("open", open);
  $("facets-open").setAttribute("aria-expanded", String(open));
}
