// Another list of the same events, and what a row holds or stands among.

import { Later } from "../lib/later.js";
import { around } from "./around.js";
import { follow, pause } from "./following.js";
import { renderAll, table } from "./screen.js";
import { unpick } from "./selecting.js";
import { eventIdOf, remember, state, store, stream } from "./state.js";
import { toast } from "./toast.js";

/** @import { Second, StormRows } from "../events/storm.js" */
/** @import { Row } from "../events/types.js" */
/** @import { ListName } from "./view.js" */

const cascades = new Later(() => import("../events/cascades.js"), toast);

/** Loads what the list needs; until then, and if it cannot be loaded, operations are listed. */
export async function needList() {
  if (state.list !== "cascades" || cascades.part) return;
  const part = await cascades.need();
  if (state.list === "cascades") relist(part ? "cascades" : "operations");
}

/** @param {ListName} wanted */
export function list(wanted) {
  if (wanted === state.list) return;
  relist(wanted);
  needList();
}

/** @param {ListName} wanted */
function relist(wanted) {
  const event = state.picked && eventIdOf(state.picked);
  state.list = wanted;
  stream.show(wanted);
  store.show(wanted);
  state.frozen &&= store.rows.frozen();
  state.picked = (event && store.rowOf(event)) || null;
  table.pick(state.picked);
  if (state.picked) table.reveal(state.picked);
  else if (state.pausedBy !== "range") follow();
  remember();
  renderAll();
}

/**
 * Expands a second of a storm into its rows.
 * @param {Second} row
 */
function openSecond(row) {
  pause("selection");
  /** @type {StormRows} */ (state.frozen).toggle(row, store.rows);
  renderAll();
}

/**
 * Expands or collapses a cascade or a group of equal operations.
 * @param {Row | null} row
 * @param {boolean} [wanted]
 */
export function toggle(row = state.picked, wanted) {
  if (row?.type === "second") return openSecond(row);
  if (row?.type !== "cascade" && row?.type !== "many") return;
  const cascade = row.type === "cascade" ? row : row.cascade;
  if (wanted !== undefined && row.open === wanted) return;
  if (row === cascade && cascade.members.length < 2) return;
  pause("selection");
  cascade.list.toggle(row);
  if (state.frozen) {
    state.frozen.drop((one) => one.cascade === cascade);
    state.frozen.merge(cascade.inside);
  }
  if (state.picked?.cascade === cascade) {
    state.picked = store.rowOf(eventIdOf(state.picked)) ?? null;
    table.pick(state.picked);
  }
  renderAll();
}

/** Shows or hides the events around the selected one that the filters hide. */
export async function context() {
  if (state.context) return leaveContext();
  if (!state.picked) return;
  try {
    const { rows, alone } = await around(eventIdOf(state.picked));
    pause("selection");
    state.frozen ??= store.rows.frozen();
    state.frozen.merge(rows);
    state.context = rows.length > 0;
    if (!rows.length) toast(alone ? "The log has no other events" : "The list hides nothing around this event");
    renderAll();
    table.reveal(state.picked);
  } catch (problem) {
    toast(`Could not load the surrounding events: ${/** @type {Error} */ (problem).message}`);
  }
}

export function leaveContext() {
  state.context = false;
  if (state.picked?.dim) unpick();
  if (state.pausedBy === "range") state.frozen = null;
  state.frozen?.drop((row) => row.dim);
  renderAll();
  if (state.pausedBy === "selection" && !state.picked && table.atEdge) follow();
}
