// What the reader does: follow and pause, choose a row, change the view.

import * as filtering from "../events/filters.js";
import { copy } from "../lib/clip.js";
import { MODES } from "../lib/time.js";
import { around, recall } from "./around.js";
import { all, heads, showDetail, table } from "./screen.js";
import {
  $,
  announcer,
  display,
  eventIdOf,
  folding,
  forgetRows,
  links,
  lookAt,
  operationOf,
  page,
  remember,
  shownRows,
  state,
  store,
  storm,
  stream,
} from "./state.js";
import { readView } from "./view.js";

export function pause(by) {
  if (!state.following) return;
  // Who pauses a storm sees each event; who scrolls in it, the same as before.
  const rows = by === "reader" ? store.rows : shownRows();
  // What came after the last rendering stays out: no row moves under the pointer that clicks it.
  Object.assign(state, {
    following: false,
    pausedBy: by,
    takenAtPause: state.takenAtRender,
    frozen: rows.frozen(table.newest),
  });
  all();
}

export function follow() {
  state.context = false;
  if (state.pausedBy === "range") return during(null);
  Object.assign(state, { following: true, pausedBy: "", frozen: null });
  storm.close();
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
  const asking = recall(operationOf(row));
  // When it fails, the panel says where to read it.
  asking.then((found) => found && state.picked === row && showDetail()).catch(() => {});
}

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

/** The next row, or the next one for which `wanted` holds. */
export function step(by, wanted = () => true) {
  if (folding()) pause("reader");
  const rows = state.following ? shownRows().frozen(table.newest) : shownRows();
  const index = state.picked ? rows.indexOf(state.picked) : -1;
  for (let next = index + by; next >= 0 && next < rows.length; next += by) {
    const row = rows.at(next);
    if (row.type !== "gap" && row.type !== "second" && wanted(row)) return pick(row) ?? true;
  }
  return false;
}

function start() {
  Object.assign(state, { picked: null, context: false });
  page.past.reset();
  table.toEdge();
  showDetail();
}

/** Other filters: a fresh start, which is a step to go back from unless `step` says otherwise. */
export function change(filters, { range = state.range, step = true } = {}) {
  if (state.picked) state.wanted = eventIdOf(state.picked);
  Object.assign(state, { filters, answered: 0, notes: [], lost: "", refusal: "" });
  forgetRows();
  lookAt(range);
  start();
  page.connection.resubscribe();
  if (step) remember(true);
  all();
}

/** Look at a range of time, or at what comes. */
export function during(range) {
  state.wanted = 0;
  lookAt(range);
  start();
  remember(true);
  all();
}

export function list(wanted) {
  if (wanted === state.list) return;
  const event = state.picked && eventIdOf(state.picked);
  state.list = wanted;
  stream.show(wanted);
  store.show(wanted);
  state.frozen &&= store.rows.frozen();
  state.picked = event ? store.rowOf(event) : null;
  table.pick(state.picked);
  if (state.picked) table.reveal(state.picked);
  else if (state.pausedBy !== "range") follow();
  remember();
  all();
}

/** What happened in a second of a storm, below it. */
function openSecond(row) {
  pause("selection");
  state.frozen.toggle(row, store.rows);
  all();
}

/** Open or close a cascade, or what else has more inside. */
export function toggle(row = state.picked, wanted) {
  if (row?.type === "second") return openSecond(row);
  const cascade = row?.cascade ?? row;
  if (!cascade?.list || (wanted !== undefined && row.open === wanted)) return;
  if (row === cascade ? cascade.members.length < 2 : row.type !== "many") return;
  pause("selection");
  cascade.list.toggle(row);
  if (state.frozen) {
    state.frozen.drop((one) => one.cascade === cascade);
    state.frozen.merge(cascade.inside);
  }
  if (state.picked?.cascade === cascade) {
    state.picked = store.rowOf(eventIdOf(state.picked));
    table.pick(state.picked);
  }
  all();
}

/** Show the neighbours of the selected event that the filter hides, or hide them again. */
export async function context() {
  if (state.context) return leaveContext();
  if (!state.picked) return;
  try {
    const rows = await around(eventIdOf(state.picked));
    pause("selection");
    state.frozen ??= store.rows.frozen();
    state.frozen.merge(rows);
    state.context = true;
    if (!rows.length) toast("No other events nearby");
    all();
    table.reveal(state.picked);
  } catch (problem) {
    toast(`Could not load the surrounding events: ${problem.message}`);
  }
}

function leaveContext() {
  state.context = false;
  if (state.picked?.dim) unpick();
  if (state.pausedBy === "range") state.frozen = null;
  state.frozen?.drop((row) => row.dim);
  all();
  if (state.pausedBy === "selection" && !state.picked && table.atEdge) follow();
}

/** The next older row that was not committed. */
export function nextError() {
  const bad = (row) =>
    [row, ...(row.members ?? []), row.operation].some((one) => one?.kind === "failed" || one?.kind === "undone");
  if (!step(1, bad)) toast("No older errors");
}

/** Rows that look otherwise. */
export function look(changes) {
  display.set(changes);
  state.mode = table.mode = display.mode;
  table.retime();
  table.measure();
  all();
}

export const retime = () => look({ mode: MODES[(MODES.indexOf(state.mode) + 1) % MODES.length] });
export const density = () => look({ roomy: !display.roomy });

/** Other columns, or other widths. */
export function columns(chosen) {
  state.columns = display.columns = chosen;
  heads.show(chosen);
  remember();
}

/** Columns that a view brings are shown as long as it is; without any they are as they were chosen. */
export function showColumns(brought) {
  state.columns = brought ?? display.columns;
  heads.show(state.columns);
}

/** A view that was kept, or everything. */
export function open(query) {
  const view = readView(query);
  showColumns(view.columns);
  state.typed = null;
  page.search.empty();
  list(view.list);
  change(view.filters, { range: view.range });
}

export async function take(text, what) {
  const done = await copy(text);
  announcer.say(done ? `${what} copied` : "The browser blocked copying");
  state.notes = [done ? "" : "the browser blocked copying"].filter(Boolean);
  toast(done ? `${what} copied` : "Not copied");
}

export function toast(words) {
  $("copied").textContent = words;
  $("copied").hidden = false;
  setTimeout(() => ($("copied").hidden = true), 1500);
}

export function facetsDrawer(open = !$("facets").classList.contains("open")) {
  $("facets").classList.toggle("open", open);
  $("facets-open").setAttribute("aria-expanded", String(open));
}

/** What Esc does: leave the innermost thing that is open. */
export function leave() {
  if ($("facets").classList.contains("open")) return facetsDrawer(false);
  if (state.picked) return unpick();
  if (state.context) return leaveContext();
  if (state.range) return during(null);
}

/** The event the address names, or the one that was open before the filters changed. */
export function repick(id) {
  state.wanted = 0;
  state.picked = store.rowOf(id);
  table.pick(state.picked);
  showDetail();
  remember();
}

/** Older rows were found: a frozen list takes them too, below what it has. */
export function found(operations) {
  state.frozen?.merge([...operations].flatMap((one) => store.rowsOf(one)));
  if (state.wanted && store.operationOf(state.wanted)) repick(state.wanted);
}

/** Let go of one filter, or of all, also of what is typed. */
export const drop = (filter) =>
  filter === state.typed ? page.search.clear() : change(filtering.remove(state.filters, filter));
export const clear = () => page.search.clear() && change([], { range: null });
export const only = (filter) => change(filtering.add(state.filters, filter));
export const narrow = (filter) => change(filtering.toggle(state.filters, filter));
export const turn = (filter) => change(filtering.invert(state.filters, filter));
export const shownTrace = () => state.picked && operationOf(state.picked).trace;
