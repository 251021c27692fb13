// The live page: joins the connection, the store and the views, and does what the reader asks.

import { Announcer } from "./announce.js";
import { Chart } from "./chart.js";
import { copy } from "./clip.js";
import { renderDetail } from "./detail.js";
import { renderFacets } from "./facets_view.js";
import * as filtering from "./filters.js";
import { renderFoot } from "./foot.js";
import { openHelp } from "./help.js";
import { listen } from "./keys.js";
import { linksFrom } from "./links.js";
import { renderOver } from "./over.js";
import { renderPills } from "./pills.js";
import { Rate } from "./rate.js";
import { Recovery } from "./recovery.js";
import { searchBox } from "./search.js";
import { Connection } from "./socket.js";
import { words } from "./status.js";
import { Store } from "./store.js";
import { Table, gapWords } from "./table.js";
import { count, plural } from "./text.js";
import { MODES, zone } from "./time.js";
import { readView, writeView } from "./view.js";

const FRAME = 100; // ms between renderings of arriving rows: ten a second is as much as can be read
const SETTLE = 500; // ms after the answer in which the first events come; only then is empty called empty
const SIDE = 500; // ms between renderings of the facets, the chart and the foot

const MOST_FLASHES = 4; // a second; above that the whole list would blink

const $ = (id) => document.getElementById(id);
const config = JSON.parse($("live-config").textContent);
const links = linksFrom(config.home);
const titled = document.title;

const rate = new Rate();
const store = new Store({ limit: config.kept, onKind: countKind });
const recovery = new Recovery();
const announcer = new Announcer($("announcer"));
const opened = readView(location.search);
const state = {
  filters: opened.filters, typed: null, unfolded: opened.unfolded, wanted: opened.event, mode: "local",
  connection: { name: "connecting" }, answered: 0, trouble: "", refusal: "", notes: [], lost: "", since: 0, skew: 0,
  following: true, pausedBy: "", takenAtPause: 0, frozen: null, picked: null, takenAtHide: 0,
};
store.unfold(state.unfolded);

const table = new Table($("grid"), $("rows"), { pick: (row) => pick(row), scrolled });
const chart = new Chart($("rate"), rate, (said) => {
  $("rate-now").textContent = said ? said[0] : perSecond();
  $("rate-note").textContent = said ? said[1] : "last 10 minutes";
});
const connection = new Connection({
  url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${config.socket}`,
  backfill: config.backfill,
  filters: () => filtering.toWire(inForce()),
  handlers: { state: connected, events: arrived, ready, reset, error: refused, heartbeat: health },
});

// --- what comes from the connection -----------------------------------------------------------------

function connected(name, details) {
  state.connection = { name, ...details };
  if (name === "signed-out" || name === "forbidden") forget();
  if (details.until) recovery.broken();
  if (details.until || name === "signed-out" || name === "forbidden") announcer.say(status()[1]);
  all();
}

function ready(frame, resumed) {
  const back = state.connection.again;
  state.connection = { name: "live" };
  state.answered = now();
  setTimeout(soon, SETTLE + 50);
  state.skew = frame.server_time ? Date.parse(frame.server_time) - Date.now() : 0;
  table.skew = state.skew;
  state.since ||= now();
  if (resumed && back) recovery.start(now());
  else if (back) announcer.say("Connected");
  health(frame);
}

function arrived(events) {
  const touched = store.add(events);
  recovery.note(events, now());
  announcer.count(touched);
  if (state.wanted && store.operationOf(state.wanted)) repick(store.operationOf(state.wanted));
  if (state.picked && [...touched].some((one) => one.trace === operationOf(state.picked).trace)) state.detailStale = true;
  soon();
}

function reset({ reason }) {
  if (reason !== "expired") forgetRows();
  const gap = store.addGap(reason);
  state.lost = reason === "expired" ? "some events are no longer retained" : gapWords(gap, state.mode);
  state.since = now();
  announcer.say(state.lost);
  soon();
}

function health({ layer = "ok", database = "ok" }) {
  state.trouble = database === "ok" ? "" : "Database unavailable";
  state.notes = layer === "ok" ? [] : ["no channel layer: looking once a second"];
  soon();
}

function refused({ code, detail }) {
  if (/database/.test(code)) state.trouble = "Database unavailable";
  else if (code === "bad_filter") state.refusal = detail;
  else state.notes = [detail];
  announcer.say(detail);
  soon();
}

function countKind(operation, before, after) {
  if (before) rate.add(operation.at, before, -1);
  rate.add(operation.at, after);
}

// --- what the reader does ---------------------------------------------------------------------------

const inForce = () => (state.typed ? filtering.add(state.filters, state.typed) : state.filters);
const operationOf = (row) => row.operation ?? row;

function pause(by) {
  if (!state.following) return;
  Object.assign(state, { following: false, pausedBy: by, takenAtPause: store.taken, frozen: store.rows.frozen() });
  all();
}

function follow() {
  Object.assign(state, { following: true, pausedBy: "", frozen: null });
  table.toEdge();
  all();
}

function scrolled(atEdge) {
  if (!atEdge) pause("scroll");
  else if (state.pausedBy === "scroll") follow();
}

function pick(row) {
  if (!row || row.type === "gap") return;
  pause("selection");
  state.picked = row;
  state.wanted = 0;
  table.pick(row);
  table.reveal(row);
  showDetail();
  remember();
}

/** The event the address names, or the one that was open before the filters changed. */
function repick(operation) {
  state.wanted = 0;
  state.picked = operation;
  table.pick(operation);
  showDetail();
  remember();
}

function pickEvent(id) {
  const operation = store.operationOf(id);
  if (!operation) return location.assign(links.event(id));
  const rows = shownRows();
  const row = rows.indexOf(operation) >= 0 ? operation : Array.from(rows.rows).findLast((one) => one.id === id);
  if (!row) follow();
  pick(row ?? operation);
}

function unpick() {
  if (!state.picked) return;
  if ($("detail").contains(document.activeElement)) $("grid").focus();
  state.picked = null;
  table.pick(null);
  showDetail();
  remember();
  if (state.pausedBy === "selection" && table.atEdge) follow();
}

function step(by) {
  const rows = shownRows();
  const index = state.picked ? rows.indexOf(state.picked) : -1;
  for (let next = index + by; next >= 0 && next < rows.length; next += by) {
    if (rows.at(next).type !== "gap") return pick(rows.at(next));
  }
}

/** Other filters: a fresh start, which is a step to go back from unless `step` says otherwise. */
function change(filters, { step = true } = {}) {
  state.filters = filters;
  if (state.picked) state.wanted = state.picked.id;
  state.picked = null;
  state.answered = 0;
  Object.assign(state, { following: true, pausedBy: "", frozen: null, notes: [], lost: "", refusal: "" });
  forgetRows();
  table.toEdge();
  connection.resubscribe();
  showDetail();
  if (step) remember(true);
  all();
}

function unfold(wanted) {
  if (wanted === state.unfolded) return;
  state.unfolded = wanted;
  state.picked = null;
  store.unfold(wanted);
  table.pick(null);
  showDetail();
  follow();
  remember();
}

function retime() {
  state.mode = MODES[(MODES.indexOf(state.mode) + 1) % MODES.length];
  table.mode = state.mode;
  table.retime();
  all();
}

function density() {
  document.body.classList.toggle("roomy-rows");
  table.measure();
}

async function take(text, what) {
  const done = await copy(text);
  announcer.say(done ? `${what} copied` : "The browser did not allow copying");
  state.notes = [done ? "" : "the browser did not allow copying"].filter(Boolean);
  $("copied").textContent = done ? `${what} copied` : "not copied";
  $("copied").hidden = false;
  setTimeout(() => ($("copied").hidden = true), 1500);
}

function facetsDrawer(open = !$("facets").classList.contains("open")) {
  $("facets").classList.toggle("open", open);
  $("facets-open").setAttribute("aria-expanded", String(open));
}

function escape() {
  if ($("facets").classList.contains("open")) return facetsDrawer(false);
  return unpick();
}

// --- what is shown ----------------------------------------------------------------------------------

const now = () => Date.now() + state.skew;
/** The event that the address names and this page does not hold, once that is certain. */
const absent = () => (state.wanted && state.answered && now() - state.answered > 4 * SETTLE ? { id: state.wanted, url: links.event(state.wanted) } : null);
const shownRows = () => state.frozen ?? store.rows;
const fresh = () => (state.following ? 0 : store.taken - state.takenAtPause);
const perSecond = () => {
  const value = rate.perSecond(now());
  return `${value < 10 ? value.toFixed(1).replace(/\.0$/, "") : count(value)} / s`;
};

function forgetRows() {
  store.clear();
  rate.clear();
}

function forget() {
  forgetRows();
  state.picked = null;
  Object.assign(state, { following: true, frozen: null, answered: 0, wanted: 0 });
  showDetail();
}

function remember(push = false) {
  const event = state.picked ? (state.picked.event?.id ?? state.picked.events.at(-1).id) : state.wanted;
  writeView({ filters: state.filters, unfolded: state.unfolded, event }, push);
}

function status() {
  return words({
    ...state.connection, catching: recovery.running, trouble: state.trouble, following: state.following,
    fresh: fresh(), lastAt: store.newestAt, now: now(), offline: navigator.onLine === false,
  });
}

function showDetail() {
  state.detailStale = false;
  const panel = $("detail");
  panel.hidden = !state.picked;
  renderDetail(panel, state.picked && operationOf(state.picked), {
    store, links, act: { pick: pickEvent, only: (filter) => change(filtering.add(state.filters, filter)), copy: take, close: unpick },
  });
}

function rows() {
  state.rowsAt = performance.now();
  table.calm = rate.perSecond(now(), 3) < MOST_FLASHES;
  table.show(shownRows());
  const more = fresh();
  $("new").hidden = !more;
  if (more) $("new").textContent = `${plural(more, "new event")}`;
}

function side() {
  state.sideAt = performance.now();
  chart.draw(now());
  if (chart.over === undefined) $("rate-now").textContent = perSecond();
  renderFacets($("facets"), { facets: store.facets, filters: inForce(), toggle: (filter) => change(filtering.toggle(state.filters, filter)), close: () => facetsDrawer(false) });
  renderFoot($("foot"), {
    size: store.size, rows: store.operations.length, unfolded: state.unfolded, since: state.since, recovered: recovery.said(now()),
    older: links.history(filtering.toQuery(inForce())), absent: absent(),
    lost: state.lost, notes: state.notes, mode: state.mode, help: () => openHelp($("keys")),
  });
  if (state.detailStale) showDetail();
}

function frame() {
  renderPills($("pills"), { filters: state.filters, invert: (one) => change(filtering.invert(state.filters, one)), drop: (one) => change(filtering.remove(state.filters, one)), clear: () => change([]) });
  renderOver($("over"), {
    connection: state.connection.name, answered: state.answered, settled: now() - state.answered > SETTLE, refusal: state.refusal, rows: shownRows().length, filters: inForce(), models: config.models,
    login: `${config.login}?next=${encodeURIComponent(location.pathname + location.search)}`, drop: drop, clear: () => search.clear() && change([]),
  });
  const [tone, said] = status();
  $("state").dataset.tone = tone;
  if ($("state-words").textContent !== said) $("state-words").textContent = said;
  const { following } = state;
  $("follow").setAttribute("aria-pressed", String(following));
  $("follow").classList.toggle("on", following);
  $("follow-word").textContent = following ? "Following" : "Follow";
  $("fold").setAttribute("aria-pressed", String(!state.unfolded));
  $("unfold").setAttribute("aria-pressed", String(state.unfolded));
  $("clock").textContent = state.mode === "relative" ? "Age" : `Time ${zone(state.mode)}`;
}

const drop = (filter) => (filter === state.typed ? search.clear() : change(filtering.remove(state.filters, filter)));

function all() {
  if (document.hidden) return;
  frame();
  rows();
  side();
}

/** Render what arrived, but not more often than can be read, and not at all in a hidden tab. */
function soon() {
  if (document.hidden || state.scheduled) return;
  state.scheduled = true;
  const wait = Math.max(0, FRAME - (performance.now() - (state.rowsAt ?? 0)));
  setTimeout(() => requestAnimationFrame(() => {
    state.scheduled = false;
    frame();
    rows();
    if (performance.now() - (state.sideAt ?? 0) > SIDE) side();
  }), wait);
}

function tick() {
  recovery.tick(now());
  announcer.tick();
  const missed = document.hidden ? store.taken - state.takenAtHide : 0;
  document.title = missed ? `(${count(missed)}) ${titled}` : titled;
  if (document.hidden) return;
  $("rate").setAttribute("aria-label", chart.sums ? chart.words() : "");
  if (state.mode === "relative") table.retime();
  frame();
  side();
}

// --- go -------------------------------------------------------------------------------------------

const search = searchBox($("query"), $("search"), {
  typed: (filter) => {
    state.typed = filter;
    change(state.filters);
  },
  entered: (filter) => {
    state.typed = null;
    change(filtering.add(state.filters, filter));
  },
});

$("tools").hidden = $("panes").hidden = false;
$("follow").onclick = () => (state.following ? pause("reader") : follow());
$("new").onclick = follow;
$("fold").onclick = () => unfold(false);
$("unfold").onclick = () => unfold(true);
$("clock").onclick = retime;
$("facets-open").onclick = () => facetsDrawer();
listen({
  "/": () => search.focus(), j: () => step(1), k: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1),
  Enter: () => state.picked && location.assign(links.event(state.picked.event?.id ?? state.picked.events.at(-1).id)),
  Escape: (event) => (search.leave(event) ? undefined : escape()), f: follow, p: () => pause("reader"), " ": () => $("follow").click(),
  g: follow, Home: follow, G: () => table.toEnd(), End: () => table.toEnd(), e: () => unfold(!state.unfolded), t: retime, d: density,
  y: () => state.picked && take(new URL(links.event(state.picked.id), location.href).href, "Link"), "?": () => openHelp($("keys")),
});
addEventListener("popstate", () => {
  const view = readView(location.search);
  Object.assign(state, { typed: null, picked: null, wanted: view.event, unfolded: view.unfolded });
  search.empty();
  store.unfold(view.unfolded);
  table.pick(null);
  change(view.filters, { step: false });
});
document.addEventListener("pointerdown", ({ target }) => {
  if ($("facets").classList.contains("open") && !target.closest("#facets, #facets-open")) facetsDrawer(false);
});
addEventListener("online", () => connection.hurry());
addEventListener("offline", all);
document.addEventListener("visibilitychange", () => {
  state.takenAtHide = store.taken;
  tick();
  all();
});
setInterval(tick, 1000);
connection.start();
all();
