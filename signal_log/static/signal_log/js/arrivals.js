// What comes from the connection, and what it changes on the page.

import { gapWords } from "./gap.js";
import { SETTLE, announcer, forgetRows, now, operationOf, recovery, state, status, store } from "./page.js";
import { repick } from "./reader.js";
import { all, showDetail, soon, table } from "./screen.js";

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
  state.skew = frame.server_time ? Date.parse(frame.server_time) - Date.now() : 0;
  table.skew = state.skew;
  state.answered = now();
  setTimeout(soon, SETTLE + 50);
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

/** Nothing of the log stays on the screen of somebody who may not see it. */
function forget() {
  forgetRows();
  state.picked = null;
  Object.assign(state, { following: true, frozen: null, answered: 0, wanted: 0 });
  showDetail();
}

export const handlers = { state: connected, events: arrived, ready, reset, error: refused, heartbeat: health };
