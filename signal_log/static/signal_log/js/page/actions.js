// User actions: follow and pause, select a row, change the view.

import * as filtering from "../events/filters.js";
import { copy } from "../lib/clip.js";
import { count } from "../lib/text.js";
import { MODES } from "../lib/time.js";
import { hitsOf } from "../query/hits.js";
import { parse } from "../query/parse.js";
import { around, recall } from "./around.js";
import { heads, renderAll, showDetail, table } from "./screen.js";
import {
  $,
  activeFilters,
  announcer,
  clearRows,
  display,
  eventIdOf,
  folding,
  isAbsent,
  links,
  operationOf,
  page,
  remember,
  shownRows,
  showRange,
  state,
  store,
  storm,
  stream,
  wanted,
} from "./state.js";
import { readView } from "./view.js";

/** @import { Filter } from "../events/filters.js" */
/** @import { Range } from "../events/range.js" */
/** @import { Second, StormRows } from "../events/storm.js" */
/** @import { Operation, Row } from "../events/types.js" */
/** @import { Column } from "../parts/columns.js" */
/** @import { Choices } from "./display.js" */
/** @import { State } from "./state.js" */
/** @import { ListName, View } from "./view.js" */

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
export function across() {
  const panel = $("detail");
  if (panel.contains(document.activeElement)) {
    $("grid").focus({ preventScroll: true });
    return announcer.say("List of events");
  }
  if (!state.picked && !step(1)) return announcer.say("There is no event to open");
  panel.focus();
  announcer.say("Selected event. Press . to go back to the list");
}

function start() {
  Object.assign(state, { picked: null, context: false });
  page.past.reset();
  table.toNewest();
  showDetail();
}

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
  if (state.picked) state.wanted = eventIdOf(state.picked);
  Object.assign(state, { filters, answered: 0, notes: [], lost: "", refusal: "", unmatched: [] });
  state.hits = hitsOf(filtering.toNode(activeFilters()));
  clearRows();
  showRange(range);
  start();
  page.connection.resubscribe();
  page.polling.reset();
  if (step) remember(true);
  renderAll();
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

/** @param {ListName} wanted */
export function list(wanted) {
  if (wanted === state.list) return;
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

function leaveContext() {
  state.context = false;
  if (state.picked?.dim) unpick();
  if (state.pausedBy === "range") state.frozen = null;
  state.frozen?.drop((row) => row.dim);
  renderAll();
  if (state.pausedBy === "selection" && !state.picked && table.atEdge) follow();
}

const BAD = ["failed", "undone", "refused"];

/** Selects the next older row that was not committed, or that tells of something tried in vain. */
export function nextError() {
  /** @param {Row} row */
  const bad = (row) => [row, ...(row.members ?? []), row.operation].some((one) => BAD.includes(one?.kind ?? ""));
  if (!step(1, bad)) toast("No older errors");
}

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
 * @param {string} text
 * @param {string} what
 */
export async function copyText(text, what) {
  const done = await copy(text);
  announcer.say(done ? `${what} copied` : "The browser blocked copying");
  state.notes = [done ? "" : "the browser blocked copying"].filter(Boolean);
  toast(done ? `${what} copied` : "Not copied");
}

/** @param {string} words */
export function toast(words) {
  $("copied").textContent = words;
  $("copied").hidden = false;
  setTimeout(() => {
    $("copied").hidden = true;
  }, 1500);
}

export function facetsDrawer(open = !$("facets").classList.contains("open")) {
  $("facets").classList.toggle("open", open);
  $("facets-open").setAttribute("aria-expanded", String(open));
}

/** Esc: closes the innermost open thing. */
export function leave() {
  if ($("facets").classList.contains("open")) return facetsDrawer(false);
  if (state.picked) return unpick();
  if (state.context) return leaveContext();
  if (state.range) return during(null);
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

/**
 * Removes one filter or all of them, including the one being typed.
 * @param {Filter | null} filter
 */
export const drop = (filter) =>
  filter && !filtering.has(state.typed, filter) ? change(filtering.remove(state.filters, filter)) : page.search.clear();
export const clear = () => page.search.clear() && change([], { range: null });
/** @param {Filter} filter */
export const only = (filter) => change(filtering.add(state.filters, filter));
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
export const shownTrace = () => state.picked && operationOf(state.picked).trace;
