// The selected row and its panel: select, move on, and find again what was selected.

import { count } from "../lib/text.js";
import { recall } from "./around.js";
import { follow, pause } from "./following.js";
import { detail, renderAll, showDetail, table } from "./screen.js";
import {
  $,
  announcer,
  folding,
  isAbsent,
  links,
  operationOf,
  remember,
  shownRows,
  state,
  store,
  wanted,
} from "./state.js";
import { toast } from "./toast.js";

/** @import { Operation, Row } from "../events/types.js" */

/** @param {Row | null | undefined} row */
export function pick(row) {
  if (!row || row.type === "gap") return;
  pause("selection");
  state.picked = row;
  state.wanted = 0;
  table.pick(row);
  table.reveal(row);
  showDetail();
  remember();
  const asking = recall(operationOf(row));
  // If this fails, the panel links to the event's page.
  asking.then((found) => found && state.picked === row && showDetail()).catch(() => {});
}

/** @param {number} id */
export function pickEvent(id) {
  const row = store.rowOf(id);
  if (!row) return location.assign(links.event(id));
  pause("selection");
  if (shownRows().indexOf(row) < 0) state.frozen?.merge([row]);
  pick(row);
}

export function unpick() {
  if (!state.picked) return;
  if ($("detail").contains(document.activeElement)) $("grid").focus();
  state.picked = null;
  table.pick(null);
  showDetail();
  remember();
  if (state.pausedBy === "selection" && table.atEdge) follow();
}

/**
 * Selects the next row, or the next one for which `wanted` holds.
 * @param {number} by
 * @param {(row: Row) => boolean} wanted
 */
export function step(by, wanted = () => true) {
  if (folding()) pause("reader");
  const rows = state.following ? shownRows().frozen(table.newest) : shownRows();
  const index = state.picked ? rows.indexOf(state.picked) : -1;
  for (let next = index + by; next >= 0 && next < rows.length; next += by) {
    const row = rows.at(next);
    if (row.type === "gap" || row.type === "second" || !wanted(row)) continue;
    pick(row);
    tell(next, rows.length);
    return true;
  }
  return false;
}

/**
 * Has a screen reader read the row moved to: the list does where it has the focus, which the panel keeps.
 * @param {number} index
 * @param {number} total
 */
function tell(index, total) {
  if (!$("detail").contains(document.activeElement)) return $("grid").focus({ preventScroll: true });
  const place = `${count(index + 1)} of ${count(total)}`;
  announcer.say(`${$("detail").querySelector("header div")?.textContent?.trim() ?? ""}, ${place}`);
}

/** Moves into the panel, or from there back to the list. */
export async function across() {
  const panel = $("detail");
  if (panel.contains(document.activeElement)) {
    $("grid").focus({ preventScroll: true });
    return announcer.say("List of events");
  }
  if (!state.picked && !step(1)) return announcer.say("There is no event to open");
  if (!(await detail.need())) return;
  panel.focus();
  announcer.say("Selected event. Press . to go back to the list");
}

const BAD = ["failed", "undone", "refused"];

/** Selects the next older row that was not committed, or that tells of something tried in vain. */
export function nextError() {
  /** @param {Row} row */
  const bad = (row) => [row, ...(row.members ?? []), row.operation].some((one) => BAD.includes(one?.kind ?? ""));
  if (!step(1, bad)) toast("No older errors");
}

/**
 * Selects the event named in the address, or the one that was open before the filters changed.
 * @param {number} id
 */
export function repick(id) {
  state.wanted = 0;
  const row = store.rowOf(id) ?? null;
  if (row) pause("selection");
  if (row && shownRows().indexOf(row) < 0) state.frozen?.merge([row]);
  state.picked = row;
  table.pick(row);
  showDetail();
  remember();
}

/** Opens the event that the address names in the panel, if the list does not hold it and the log does. */
export async function openAbsent() {
  if (!isAbsent()) return;
  const id = state.wanted;
  const row = await wanted.find(id, state.list);
  if (wanted.state === "gone" && row === null && state.wanted === id) announcer.say(wanted.said);
  if (!row || state.wanted !== id || state.picked) return;
  pause("selection");
  state.wanted = 0;
  state.picked = row;
  table.pick(row);
  showDetail();
  remember();
  renderAll();
}

/** The first events are there: the list with an open one stands still from now on; without it the page follows. */
export function settle() {
  if (state.pausedBy !== "selection" || state.frozen) return;
  if (!state.picked) return follow();
  Object.assign(state, { frozen: shownRows().frozen(), cameAtPause: store.came });
  renderAll();
  table.reveal(state.picked);
}

/**
 * Adds older rows to a frozen list as well, at its end.
 * @param {Iterable<Operation>} operations
 */
export function found(operations) {
  state.frozen?.merge([...operations].flatMap((one) => store.rowsOf(one)));
  if (state.wanted && store.operationOf(state.wanted)) repick(state.wanted);
}

export const shownTrace = () => state.picked && operationOf(state.picked).trace;
