// The state of the live page: settings, events, selection. Everything else works on this.

import { FacetCounts, OF_FACETS } from "../events/facets.js";
import * as filtering from "../events/filters.js";
import { Rate } from "../events/rate.js";
import { Recovery } from "../events/recovery.js";
import { Store } from "../events/store.js";
import { Storm } from "../events/storm.js";
import { Announcer } from "../lib/announce.js";
import { count } from "../lib/text.js";
import { words } from "../parts/status.js";
import { hitsOf } from "../query/hits.js";
import { Before } from "../server/before.js";
import { linksFrom } from "../server/links.js";
import { querier } from "../server/older.js";
import { once } from "../server/once.js";
import { PastWrites } from "../server/past_writes.js";
import { SpanCounts } from "../server/span_counts.js";
import { SpanRate } from "../server/span_rate.js";
import { Display } from "./display.js";
import { SavedViews } from "./saved.js";
import { write } from "./trail.js";
import { readView } from "./view.js";
import { nameOf, Wanted } from "./wanted.js";

/** @import { Filter } from "../events/filters.js" */
/** @import { Range } from "../events/range.js" */
/** @import { Kind, List, Operation, Row } from "../events/types.js" */
/** @import { Mode } from "../lib/time.js" */
/** @import { Column } from "../parts/columns.js" */
/** @import { searchBox } from "../parts/search.js" */
/** @import { Polling } from "../server/polling.js" */
/** @import { Connection, Details } from "../server/socket.js" */
/** @import { olderLoaders } from "./past.js" */
/** @import { ListName } from "./view.js" */

/**
 * What the server writes into the page.
 * @typedef {object} Config
 * @property {string} socket
 * @property {string} unopened why it may never open: "wsgi", "unrouted" or "refused"
 * @property {string} home
 * @property {string} login
 * @property {string} account
 * @property {string[]} models
 * @property {{ name: string, query: string }[]} presets questions that are often asked
 * @property {number} backfill
 * @property {number} kept
 */

/**
 * Where the reader stands.
 * @typedef {object} State
 * @property {Filter[]} filters
 * @property {Filter[]} typed and not entered yet
 * @property {Filter[] | null} good those of the last subscription that the server took
 * @property {RegExp | null} hits what to mark in the rows
 * @property {Range | null} range
 * @property {ListName} list
 * @property {number} wanted the event that the address names, until it is open
 * @property {number} named the event that the address named last
 * @property {Mode} mode
 * @property {Column[]} columns
 * @property {{ name: string } & Details} connection
 * @property {boolean} socketless whether no socket opens although the server answers
 * @property {number} answered
 * @property {string} trouble
 * @property {string} refusal
 * @property {string[]} unmatched which filters nothing can ever match
 * @property {string[]} notes
 * @property {string} lost
 * @property {number} since
 * @property {number} brokenAt when the connection broke; 0 while it stands
 * @property {number} skew of the server's clock
 * @property {boolean} following
 * @property {"" | "reader" | "scroll" | "selection" | "range"} pausedBy
 * @property {{ taken: number, begun: number }} cameAtPause
 * @property {{ taken: number, begun: number }} cameAtRender
 * @property {number} begunAtHide
 * @property {List | null} frozen
 * @property {Row | null} picked
 * @property {boolean} context
 * @property {boolean} [detailStale]
 * @property {boolean} [scheduled]
 * @property {number} [rowsAt]
 * @property {number} [sideAt]
 */

/**
 * @typedef {object} Special elements
 * @property {HTMLCanvasElement} rate
 * @property {HTMLFormElement} query
 * @property {HTMLInputElement} search
 * @property {HTMLDialogElement} keys
 */

export const SETTLE = 500; // ms after "ready" in which the first events arrive; until then no list is called empty

/**
 * @template {string} I
 * @param {I} id
 * @returns {I extends keyof Special ? Special[I] : HTMLElement}
 */
export const $ = (id) => /** @type {any} */ (document.getElementById(id));
/** @type {Config} */
export const config = JSON.parse($("live-config").textContent ?? "");
export const links = linksFrom(config.home);
export const rate = new Rate(1, 600, 10);
export const recovery = new Recovery();
export const storm = new Storm();
export const announcer = new Announcer($("announcer"));

/** Events from the connection, and those the history returned for a time range. */
export const stream = new Store({ limit: config.kept, onChange: countKind });
export const ranged = new Store({ limit: config.kept });
/** Queries the history. */
export const ask = querier(links.history(""));
const askOnce = once(ask); // chart and facets have the same answer
export const before = new Before({ store: stream, rate, ask });
/** The numbers of the time range that is shown, for the chart. */
export const spanRate = new SpanRate({ store: stream, ask: askOnce });
export const facets = new FacetCounts(config.models);
export const spanCounts = new SpanCounts({ store: stream, facets, ask: askOnce });
export const wanted = new Wanted(ask);
export const pastWrites = new PastWrites({ ask: querier(links.pastWrites) });
/** The one of the two that is shown; a live binding, so importers see it change. */
export let store = stream;

/**
 * The connection, what stands in for it, the search field and the loaders of older events; all but the second are set
 * by live.js before anything else happens.
 * @typedef {object} Page
 * @property {Connection} connection
 * @property {Polling} [polling] once no socket opens
 * @property {ReturnType<typeof searchBox>} search
 * @property {ReturnType<typeof olderLoaders>} past
 */

export const page = /** @type {Page} */ ({});

const storage = (() => {
  try {
    return localStorage;
  } catch {
    return null; // blocked
  }
})();
export const views = new SavedViews(config.account, storage);
export const display = new Display(storage);

export const opened = readView(location.search || views.first);
/** @type {State} */
export const state = {
  filters: opened.filters,
  typed: [],
  good: null,
  hits: hitsOf(filtering.toNode(opened.filters)),
  range: null,
  list: opened.list,
  wanted: opened.event,
  named: opened.event,
  mode: display.mode,
  columns: opened.columns ?? display.columns,
  connection: { name: "connecting" },
  socketless: false,
  answered: 0,
  trouble: "",
  refusal: "",
  unmatched: [],
  notes: [],
  lost: "",
  since: 0,
  brokenAt: 0,
  skew: 0,
  following: true,
  pausedBy: "",
  cameAtPause: stream.came,
  cameAtRender: stream.came,
  frozen: null,
  picked: null,
  context: false,
  begunAtHide: 0,
};
stream.show(state.list);
showRange(opened.range);

/**
 * @param {Operation} operation
 * @param {Kind | ""} was
 * @param {Kind} is
 */
function countKind(operation, was, is) {
  before.count(operation, was, is);
  spanRate.count(operation, was, is);
  spanCounts.count(operation);
  storm.operation(operation);
}

/**
 * Shows a time range or, without one, the live stream.
 * @param {Range | null} range
 */
export function showRange(range) {
  state.range = range;
  store = range ? ranged : stream;
  ranged.clear();
  spanRate.reset();
  spanCounts.reset();
  store.show(state.list);
  // With an event to open the list is not frozen before it is there.
  const pausedBy = range?.until ? "range" : state.wanted ? "selection" : "";
  Object.assign(state, {
    following: !pausedBy,
    pausedBy,
    frozen: null,
    cameAtPause: stream.came,
  });
}

export const activeFilters = () => filtering.addAll(state.filters, state.typed);
/** @type {(row: Row) => Operation} */
export const operationOf = (row) => /** @type {Operation} */ (row.operation ?? row.members?.[0] ?? row);
/** @type {(row: Row) => number} */
export const eventIdOf = (row) => row.event?.id ?? operationOf(row).events.slice(-1)[0].id;
/** The event that the address names: what is open, or is to be. */
export const openId = () => {
  const { picked, named, wanted: id } = state;
  return picked ? nameOf(picked, named, eventIdOf(picked)) : id;
};
export const now = () => Date.now() + state.skew;
export const folding = () => storm.on && state.following && !state.range;
/** @type {() => List} */
export const shownRows = () => state.frozen ?? (folding() ? storm.rows : store.rows);

/** The event named in the address that this page does not hold, once that is certain. */
export const isAbsent = () => state.wanted > 0 && state.answered > 0 && now() - state.answered > 2 * SETTLE;
/** What became of it. */
export const absent = () => {
  const isIt = state.picked ? state.picked === wanted.row : state.wanted && state.wanted === wanted.id;
  return isIt && wanted.said ? { said: wanted.said, url: links.event(wanted.id) } : null;
};

/** Whether the list waits for the event that the address names, and goes on meanwhile. */
const awaiting = () => state.pausedBy === "selection" && !state.frozen;
/** How many rows there would be on top, of operations, or of signals where these are listed. */
export function fresh() {
  if (state.following || awaiting()) return 0;
  const { taken, begun } = (state.pausedBy === "range" ? stream : store).came;
  return state.list === "signals" ? taken - state.cameAtPause.taken : begun - state.cameAtPause.begun;
}
export const perSecond = () => {
  const value = rate.perSecond(now());
  return `${value < 10 ? value.toFixed(1).replace(/\.0$/, "") : count(value)} / s`;
};

/** Asks for the counts of the span shown: once, and again for values that the filters leave out. */
export function askCounts() {
  const query = filtering.toWire(activeFilters());
  const leavesOut = facets.unsure || activeFilters().some(({ key }) => key === "group" || OF_FACETS.includes(key));
  if (leavesOut && spanCounts.isStale(now())) spanCounts.retry();
  const isSettled = state.answered > 0 && now() - state.answered > 2 * SETTLE;
  const asked = spanCounts.start({ query, range: state.range, isSettled }, now());
  before.start(query, now(), state.range ? null : asked);
}

export function clearRows() {
  stream.clear();
  ranged.clear();
  rate.clear();
  before.reset();
  spanRate.reset();
  spanCounts.reset();
  storm.clear();
}

export function remember(push = false) {
  write({ ...state, event: openId(), isOpen: state.picked !== null }, push);
}

export function status() {
  return words({
    ...state.connection,
    catching: recovery.running,
    trouble: state.trouble,
    following: state.following,
    ranged: state.pausedBy === "range",
    fresh: fresh(),
    lastAt: stream.newestAt,
    now: now(),
    offline: navigator.onLine === false,
    filtered: activeFilters().length > 0,
  });
}
