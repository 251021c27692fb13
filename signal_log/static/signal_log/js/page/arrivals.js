// Handles what arrives on the connection.

import { gapWords } from "../events/gap.js";
import { Later } from "../lib/later.js";
import { renderNoSocket } from "../parts/notice.js";
import { refuse, repick, settle, shownTrace } from "./actions.js";
import { intoRange } from "./past.js";
import { detail, renderAll, renderSoon, showDetail, table } from "./screen.js";
import {
  activeFilters,
  announcer,
  askCounts,
  before,
  clearRows,
  facets,
  now,
  page,
  recovery,
  SETTLE,
  spanCounts,
  state,
  status,
  store,
  stream,
} from "./state.js";

/** @import { ErrorFrame, Health, ReadyFrame, ResetFrame, SignalEvent } from "../events/types.js" */
/** @import { Details, Handlers } from "../server/socket.js" */

const UNOPENED = 2; // attempts without a socket, after which the history is asked
const instead = new Later(() => import("./polls.js")); // if it cannot be loaded, the server is away

async function poll() {
  const part = await instead.need();
  if (!part || !state.connection.until) return; // it is connected again, or ended
  if (!page.polling) {
    page.polling = part.polls(polled);
    page.polling.show(!document.hidden);
  }
  page.polling.start();
}

/**
 * @param {string} name
 * @param {Details} details
 */
function connected(name, details) {
  const ended = name === "signed-out" || name === "forbidden";
  if (ended || name === "surplus") page.polling?.stop();
  else if ((details.unopened ?? 0) >= UNOPENED) poll();
  if (page.polling?.well && details.until && !state.socketless) {
    state.socketless = true; // the server answers, and yet no socket opens
    page.polling.reset();
  }
  if (page.polling?.well && state.socketless) return; // behind it, the attempts to open a socket go on
  state.connection = { name, ...details };
  if (ended) forget();
  if (details.until) {
    recovery.broken();
    state.brokenAt ||= now();
    state.trouble = ""; // the next frame will tell
  }
  if (details.until || ended) announcer.say(status()[1]);
  renderAll();
}

/**
 * @param {ReadyFrame} frame
 * @param {boolean} resumed
 */
function ready(frame, resumed) {
  page.polling?.stop();
  state.socketless = false;
  renderNoSocket("");
  const back = state.connection.again;
  state.connection = { name: "live" };
  state.brokenAt = 0;
  state.skew = frame.server_time ? Date.parse(frame.server_time) - Date.now() : 0;
  table.skew = state.skew;
  state.answered = now();
  state.good = activeFilters();
  settleSoon();
  state.since ||= now();
  page.past.retry();
  before.retry();
  if (!resumed || spanCounts.failed) spanCounts.retry();
  if (resumed && back) recovery.start(now());
  else if (back) announcer.say("Connected");
  health(frame);
}

/**
 * What the history answered where there is no socket.
 * @param {SignalEvent[]} events
 */
function asked(events) {
  if (!state.socketless) return page.connection.reconnect(); // the server may just have come back
  if (state.connection.name !== "polling") {
    state.connection = { name: "polling" };
    state.brokenAt = 0;
    state.trouble = "";
    const words = instead.part?.why() ?? "";
    renderNoSocket(words);
    announcer.say(words);
    page.past.retry();
    before.retry();
    spanCounts.retry();
  }
  if (!state.answered) {
    state.answered = now();
    settleSoon();
  }
  const fresh = events.filter(({ id }) => !stream.operationOf(id));
  if (fresh.length) arrived(fresh);
  else renderSoon();
}

function settleSoon() {
  setTimeout(() => {
    settle();
    renderSoon();
    detail.soon();
  }, SETTLE + 50);
}

/** @param {number} until */
function unanswered(until) {
  if (state.connection.name === "polling") connected("reconnecting", { until });
}

/** @param {string} name */
function ended(name) {
  page.connection.stop();
  connected(name, {});
}

/** @param {SignalEvent[]} events */
function arrived(events) {
  const touched = stream.add(events);
  intoRange(events);
  askCounts();
  recovery.note(events, now());
  announcer.count(touched);
  if (state.wanted && store.operationOf(state.wanted)) repick(state.wanted);
  if (state.picked && events.some((event) => event.trace_id === shownTrace()?.id)) state.detailStale = true;
  renderSoon();
}

/** @param {ResetFrame} frame */
function reset({ reason }) {
  if (reason === "expired") spanCounts.retry();
  else clearRows();
  const gap = stream.addGap(reason);
  state.lost = reason === "expired" ? "some events are no longer retained" : gapWords(gap, state.mode);
  state.since = now();
  announcer.say(state.lost);
  renderSoon();
}

/** @param {Health} health */
function health({ layer = "ok", database = "ok" }) {
  state.trouble = database === "ok" ? "" : "Database unavailable";
  state.notes = layer === "ok" ? [] : ["no channel layer: polling every second"];
  renderSoon();
}

/** @param {ErrorFrame} frame */
function refused({ code, detail }) {
  if (/database/.test(code)) state.trouble = "Database unavailable";
  else if (code === "bad_filter") refuse(detail);
  else if (code === "too_many_sockets") renderNoSocket(detail);
  else state.notes = [detail];
  announcer.say(detail);
  renderSoon();
}

/** Removes all events from the screen when access has ended. */
function forget() {
  clearRows();
  facets.clear();
  state.picked = null;
  Object.assign(state, { following: true, frozen: null, answered: 0, wanted: 0 });
  showDetail();
}

export const polled = { events: asked, failed: unanswered, ended };

/** @type {Handlers} */
export const handlers = { state: connected, events: arrived, ready, reset, error: refused, heartbeat: health };
