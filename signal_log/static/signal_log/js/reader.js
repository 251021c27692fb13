// What the reader does: follow and pause, choose a row, change the view.

import { copy } from "./clip.js";
import * as filtering from "./filters.js";
import { $, announcer, forgetRows, inForce, links, operationOf, page, remember, shownRows, state, store } from "./page.js";
import { all, showDetail, table } from "./screen.js";
import { MODES } from "./time.js";

export function pause(by) {
  if (!state.following) return;
  Object.assign(state, { following: false, pausedBy: by, takenAtPause: store.taken, frozen: store.rows.frozen() });
  all();
}

export function follow() {
  Object.assign(state, { following: true, pausedBy: "", frozen: null });
  table.toEdge();
  all();
}

export function scrolled(atEdge) {
  if (!atEdge) pause("scroll");
  else if (state.pausedBy === "scroll") follow();
}

export function pick(row) {
  if (!row || row.type === "gap") return;
  pause("selection");
  state.picked = row;
  state.wanted = 0;
  table.pick(row);
  table.reveal(row);
  showDetail();
  remember();
}

export function pickEvent(id) {
  const operation = store.operationOf(id);
  if (!operation) return location.assign(links.event(id));
  const rows = shownRows();
  const row = rows.indexOf(operation) >= 0 ? operation : Array.from(rows.rows).findLast((one) => one.id === id);
  if (!row) follow();
  pick(row ?? operation);
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

export function step(by) {
  const rows = shownRows();
  const index = state.picked ? rows.indexOf(state.picked) : -1;
  for (let next = index + by; next >= 0 && next < rows.length; next += by) {
    if (rows.at(next).type !== "gap") return pick(rows.at(next));
  }
}

/** Other filters: a fresh start, which is a step to go back from unless `step` says otherwise. */
export function change(filters, { step = true } = {}) {
  state.filters = filters;
  if (state.picked) state.wanted = state.picked.id;
  state.picked = null;
  state.answered = 0;
  Object.assign(state, { following: true, pausedBy: "", frozen: null, notes: [], lost: "", refusal: "" });
  forgetRows();
  table.toEdge();
  page.connection.resubscribe();
  showDetail();
  if (step) remember(true);
  all();
}

export function unfold(wanted) {
  if (wanted === state.unfolded) return;
  state.unfolded = wanted;
  state.picked = null;
  store.unfold(wanted);
  table.pick(null);
  showDetail();
  follow();
  remember();
}

export function retime() {
  state.mode = MODES[(MODES.indexOf(state.mode) + 1) % MODES.length];
  table.mode = state.mode;
  table.retime();
  all();
}

export function density() {
  document.body.classList.toggle("roomy-rows");
  table.measure();
}

export async function take(text, what) {
  const done = await copy(text);
  announcer.say(done ? `${what} copied` : "The browser did not allow copying");
  state.notes = [done ? "" : "the browser did not allow copying"].filter(Boolean);
  $("copied").textContent = done ? `${what} copied` : "not copied";
  $("copied").hidden = false;
  setTimeout(() => ($("copied").hidden = true), 1500);
}

export function facetsDrawer(open = !$("facets").classList.contains("open")) {
  $("facets").classList.toggle("open", open);
  $("facets-open").setAttribute("aria-expanded", String(open));
}

export function escape() {
  if ($("facets").classList.contains("open")) return facetsDrawer(false);
  return unpick();
}

/** The event the address names, or the one that was open before the filters changed. */
export function repick(operation) {
  state.wanted = 0;
  state.picked = operation;
  table.pick(operation);
  showDetail();
  remember();
}

/** Let go of one filter, or of all, also of what is typed. */
export const drop = (filter) => (filter === state.typed ? page.search.clear() : change(filtering.remove(state.filters, filter)));
export const clear = () => page.search.clear() && change([]);
