// Renders the page from its state and its events, and decides how often.

import { needTimes } from "../events/filters.js";
import * as range from "../events/range.js";
import { StormRows } from "../events/storm.js";
import { Later } from "../lib/later.js";
import { count, plural } from "../lib/text.js";
import { minute, zone } from "../lib/time.js";
import { renderFacets } from "../parts/facets_view.js";
import { Heads } from "../parts/heads.js";
import { renderPills } from "../parts/pills.js";
import { isConnected, kept } from "../parts/status.js";
import { renderStatusBar } from "../parts/status_bar.js";
import { Table } from "../parts/table.js";
import { historyFrom, renderEnd } from "./past.js";
import { giveFocus } from "./refocus.js";
import {
  $,
  absent,
  activeFilters,
  announcer,
  askCounts,
  config,
  facets,
  folding,
  fresh,
  links,
  now,
  operationOf,
  page,
  pastWrites,
  rate,
  recovery,
  SETTLE,
  shownRows,
  spanCounts,
  state,
  status,
  store,
  storm,
  stream,
} from "./state.js";
import { toast } from "./toast.js";

/** @import { Filter } from "../events/filters.js" */
/** @import * as actions from "./actions.js" */

const ROWS_EVERY = 100; // ms between renders of arriving rows: nobody can read more than ten a second
const SIDE_EVERY = 500; // ms between renders of the facets, the chart and the status bar,
const SIDE_EVERY_ASIDE = 2_000; // and while the list is scrolled, which needs the time
const MOST_FLASHES = 4; // per second; above that the whole list would blink

/**
 * What the controls rendered here do; live.js fills it from actions.js.
 * @typedef {typeof actions & { remove: (filter: Filter) => void }} Deeds
 */

export const controls = /** @type {Deeds} */ ({});

const titled = document.title;
export const table = new Table($("grid"), $("rows"), {
  pick: (row) => controls.pick(row),
  toggle: (row) => controls.toggle(row),
  scrolled: (atEdge) => controls.scrolled(atEdge),
  moved: () => loadOlder(),
  rendered: () => {
    state.cameAtRender = store.came;
  },
});
export const heads = new Heads($("grid"), $("heads"), {
  lay: (names) => table.setColumns(names),
  changed: (columns) => controls.columns(columns),
});
heads.show(state.columns);
/** The rows come first, then the chart above them, and what is said where there are none. */
const chart = new Later(async () => {
  const { RatePanel } = await import("./rate_panel.js");
  return new RatePanel({
    during: (time) => controls.during(time),
    narrow: (filter) => controls.narrow(filter),
  });
});
const empty = new Later(() => import("../parts/empty.js"));

/** What the numbers of facets and foot are of. */
function spanWords() {
  const { newest, since, isHeld } = spanCounts;
  if (isHeld) return "on this page";
  const from = since ? `, since ${minute(since, state.mode, now())}` : "";
  if (newest) return `of the newest ${count(newest)} events${from}`;
  return state.range ? "in this time range" : "in the last 10 minutes";
}

/** The panel's module; most readers open an event some time, and some of them when the server cannot be reached. */
export const detail = new Later(() => import("../parts/detail.js"), toast);
const help = new Later(() => import("../lib/help.js"), toast);

export const openHelp = async () => (await help.need())?.openHelp($("keys"));

export function showDetail() {
  state.detailStale = false;
  const panel = $("detail");
  panel.hidden = !state.picked || !detail.part;
  if (!detail.part) {
    if (state.picked) detail.need().then((part) => part && showDetail());
    return;
  }
  const operation = state.picked && operationOf(state.picked);
  detail.part.renderDetail(panel, operation, {
    store: operation?.home ?? store,
    links,
    context: state.context,
    hits: state.hits,
    act: {
      pick: controls.pickEvent,
      copy: controls.copyText,
      close: controls.unpick,
      context: controls.context,
      token: $("view-menu").dataset.token ?? "",
      say: (words) => announcer.say(words),
    },
  });
  giveFocus();
}

function renderRows() {
  state.rowsAt = performance.now();
  storm.update(rate, now(), store.rows);
  table.hits = state.hits;
  table.calm = rate.perSecond(now(), 3) < MOST_FLASHES;
  const shown = shownRows();
  $("grid").setAttribute("role", state.list === "cascades" || shown instanceof StormRows ? "treegrid" : "grid");
  table.show(shown);
  const more = fresh();
  $("new").hidden = !more;
  if (more) $("new").textContent = plural(more, `new ${state.list === "signals" ? "signal" : "operation"}`);
  loadOlder();
}

/** Loads older events near the end of the list, but not during a storm, whose list is cut short. */
function loadOlder() {
  const { way, settled } = page.past;
  const stormy = table.rows instanceof StormRows;
  if (way.open && settled && table.nearEnd && !stormy) way.more();
  renderEnd($("end"), way, stormy);
}

/** What is said of facets that are still those of the view before. */
const waitingFor = () =>
  isConnected(state.connection.name) ? "Counting…" : "Not counted yet: the log cannot be reached";

function renderSide() {
  state.sideAt = performance.now();
  if (chart.part) chart.part.draw();
  else chart.need().then((part) => part?.draw());
  const span = spanCounts.span(now());
  const spanned = spanWords();
  $("facets").classList.toggle("old", spanCounts.isOld);
  renderFacets($("facets"), {
    facets,
    span,
    of: spanCounts.isOld ? waitingFor() : `Operations ${spanned}`,
    filters: activeFilters(),
    toggle: controls.narrow,
    only: controls.instead,
    close: () => controls.facetsDrawer(false),
  });
  page.search?.counted();
  renderStatusBar($("status-bar"), {
    storm: folding() && {
      folded: storm.folded,
      perSecond: rate.perSecond(now(), 2),
      open: () => controls.pause("reader"),
    },
    total: spanCounts.joined ? facets.all.number : null,
    spanned,
    size: store.size,
    rows: store.rows.length,
    list: state.list,
    kept: kept({
      name: state.connection.name,
      brokenAt: state.brokenAt,
      lost: state.lost,
      recovered: recovery.said(now()),
      catching: recovery.running,
      since: state.since,
      mode: state.mode,
      now: now(),
    }),
    older: links.history(historyFrom()),
    absent: absent(),
    past: { number: pastWrites.count(store), isPartial: pastWrites.isPartial(store), url: links.pastWrites },
    notes: state.notes,
    help: openHelp,
  });
  if (state.detailStale) showDetail();
}

function renderControls() {
  const time = state.range ? range.words(state.range, state.mode, now()) : "";
  const still = range.fixed(state.range, now());
  $("times-note").hidden = !needTimes(activeFilters());
  renderPills($("pills"), {
    filters: state.filters,
    time,
    invert: controls.turn,
    edit: controls.edit,
    drop: controls.remove,
    clear: controls.clear,
    anytime: () => controls.during(null),
    fix: still && (() => controls.during(still)),
  });
  if (!empty.part) empty.need().then((part) => part && renderControls());
  empty.part?.renderEmptyState($("empty-state"), {
    connection: state.connection.name,
    answered: state.answered,
    settled: state.range !== null || now() - state.answered > SETTLE,
    refusal: state.refusal,
    unmatched: state.unmatched,
    looking: page.past.way.open || page.past.way.state === "loading",
    time,
    anytime: () => controls.during(null),
    presets: config.presets,
    open: controls.open,
    rows: shownRows().length,
    filters: activeFilters(),
    models: config.models,
    drop: controls.drop,
    clear: controls.clear,
    login: `${config.login}?next=${encodeURIComponent(location.pathname + location.search)}`,
  });
  const [tone, said] = status();
  $("state").dataset.tone = tone;
  if ($("state-words").textContent !== said) $("state-words").replaceChildren(...chipOf(said));
  const { following } = state;
  const waits = Boolean(state.since) && !isConnected(state.connection.name);
  $("follow").setAttribute("aria-pressed", String(following));
  $("follow").classList.toggle("on", following);
  $("follow-word").textContent = !following ? "Follow" : waits ? "Waiting" : "Following";
  $("follow").title = waits ? "Nothing new comes until this page is connected" : "";
  for (const button of $("lists").querySelectorAll("button"))
    button.setAttribute("aria-pressed", String(button.value === state.list));
  $("clock").textContent = state.mode === "relative" ? "Age" : `Time ${zone(state.mode)}`;
}

/**
 * The chip's words; where there is room for a few only, how many are new is what stays.
 * @param {string} said
 */
function chipOf(said) {
  const [before, fresh] = said.split(" · ");
  if (!fresh?.endsWith(" new")) return [said];
  return [Object.assign(document.createElement("span"), { className: "before", textContent: `${before} · ` }), fresh];
}

export function renderAll() {
  if (document.hidden) return;
  renderControls();
  renderRows();
  renderSide();
}

/** Renders what arrived, at a readable rate, and not at all in a hidden tab. */
export function renderSoon() {
  if (document.hidden || state.scheduled) return;
  state.scheduled = true;
  const wait = Math.max(0, ROWS_EVERY - (performance.now() - (state.rowsAt ?? 0)));
  setTimeout(
    () =>
      requestAnimationFrame(() => {
        state.scheduled = false;
        renderControls();
        renderRows();
        if (isSideDue()) requestAnimationFrame(renderSide); // the next frame's work
      }),
    wait,
  );
}

const isSideDue = () => performance.now() - (state.sideAt ?? 0) > (table.moves ? SIDE_EVERY_ASIDE : SIDE_EVERY);

export function tick() {
  recovery.tick(now());
  announcer.tick();
  askCounts();
  const missed = document.hidden ? stream.begun - state.begunAtHide : 0;
  document.title = missed ? `(${count(missed)}) ${titled}` : titled;
  if (document.hidden) return;
  controls.openAbsent();
  lookPast();
  if (state.mode === "relative") table.updateTimes();
  if (storm.on && !storm.update(rate, now(), store.rows)) renderRows();
  requestAnimationFrame(() => {
    if (isSideDue()) renderSide(); // first: what the chart measures lays out what was changed before it
    renderControls();
  });
}

/** Has events say what they found written past Django, once the server has looked. */
async function lookPast() {
  if (!(await pastWrites.look(store === stream ? [stream] : [stream, store], now()))) return;
  state.detailStale = true;
  renderSoon();
}
