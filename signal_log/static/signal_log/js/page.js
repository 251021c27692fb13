// What the live page holds: its settings, its events, and where its reader stands. Everything else acts on this.

import { Announcer } from "./announce.js";
import * as filtering from "./filters.js";
import { linksFrom } from "./links.js";
import { Rate } from "./rate.js";
import { Recovery } from "./recovery.js";
import { words } from "./status.js";
import { Store } from "./store.js";
import { count } from "./text.js";
import { readView, writeView } from "./view.js";

export const SETTLE = 500; // ms after the answer in which the first events come; only then is empty called empty

export const $ = (id) => document.getElementById(id);
export const config = JSON.parse($("live-config").textContent);
export const links = linksFrom(config.home);
export const rate = new Rate();
export const store = new Store({ limit: config.kept, onKind: countKind });
export const recovery = new Recovery();
export const announcer = new Announcer($("announcer"));

/** The connection and the search field, put here by live.js. */
export const page = { connection: null, search: null };

const opened = readView(location.search);
export const state = {
  filters: opened.filters, typed: null, unfolded: opened.unfolded, wanted: opened.event, mode: "local",
  connection: { name: "connecting" }, answered: 0, trouble: "", refusal: "", notes: [], lost: "", since: 0, skew: 0,
  following: true, pausedBy: "", takenAtPause: 0, frozen: null, picked: null, takenAtHide: 0,
};
store.unfold(state.unfolded);

function countKind(operation, before, after) {
  if (before) rate.add(operation.at, before, -1);
  rate.add(operation.at, after);
}

export const inForce = () => (state.typed ? filtering.add(state.filters, state.typed) : state.filters);
export const operationOf = (row) => row.operation ?? row;
export const now = () => Date.now() + state.skew;
export const shownRows = () => state.frozen ?? store.rows;

/** The event that the address names and this page does not hold, once that is certain. */
export const absent = () => (state.wanted && state.answered && now() - state.answered > 4 * SETTLE ? { id: state.wanted, url: links.event(state.wanted) } : null);

export const fresh = () => (state.following ? 0 : store.taken - state.takenAtPause);
export const perSecond = () => {
  const value = rate.perSecond(now());
  return `${value < 10 ? value.toFixed(1).replace(/\.0$/, "") : count(value)} / s`;
};

export function forgetRows() {
  store.clear();
  rate.clear();
}

export function remember(push = false) {
  const event = state.picked ? (state.picked.event?.id ?? state.picked.events.at(-1).id) : state.wanted;
  writeView({ filters: state.filters, unfolded: state.unfolded, event }, push);
}

export function status() {
  return words({
    ...state.connection, catching: recovery.running, trouble: state.trouble, following: state.following,
    fresh: fresh(), lastAt: store.newestAt, now: now(), offline: navigator.onLine === false,
  });
}
