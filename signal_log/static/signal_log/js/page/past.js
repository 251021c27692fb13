// What is older than what the page holds, of the stream and of a range of time; and the line at the end that says so.

import { html, render } from "../../vendor/htm-preact.js";
import { toQuery, toWire } from "../events/filters.js";
import * as range from "../events/range.js";
import { count } from "../lib/text.js";
import { Older } from "../server/older.js";
import { ask, config, inForce, links, now, ranged, SETTLE, state, store, stream } from "./state.js";

/** `found(operations, page)` is told of every step. */
export function waysBack(found) {
  const of = (which) => new Older({ store: which, ask, changed: (touched, page) => found(which, touched, page) });
  const ways = { stream: of(stream), ranged: of(ranged) };
  return {
    get way() {
      return store === ranged ? ways.ranged : ways.stream;
    },
    /** Whether nothing that matches is older than what the stream holds. */
    get began() {
      return ways.stream.state === "began";
    },
    /** Other filters, or another range. */
    reset() {
      ways.stream.reset(toWire(inForce()));
      ways.ranged.reset({ ...toWire(inForce()), ...range.toWire(state.range) });
    },
    /** The server is back: what failed may be asked again. */
    retry() {
      for (const one of Object.values(ways)) if (one.state === "failed") one.state = "ready";
    },
    /** Whether the backfill, which comes by itself, is in. */
    get settled() {
      if (state.connection.name === "signed-out" || state.connection.name === "forbidden") return false;
      return Boolean(state.range) || (state.answered && now() - state.answered > SETTLE);
    },
  };
}

/** Both stores know what is in the range: the table says it first, the stream what comes. */
export function intoRange(events) {
  if (state.range?.known) ranged.add(events.filter((event) => range.holds(state.range, Date.parse(event.occurred_at))));
}

/** The server has said which times it understood. */
export function understand(page) {
  if (!state.range || state.range.known) return;
  state.range = { ...range.understood(state.range, page), known: true };
  intoRange([...stream.whole.values()]);
}

/** The end of the list. */
export function renderEnd(root, older, stormy) {
  const said = stormy ? "Pause to see every event, and older ones" : words(older);
  root.hidden = !said;
  render(said && html`<div class="row end" role="row"><span role="gridcell">${said}</span></div>`, root);
}

function words(older) {
  if (older.state === "loading") return "Loading older events…";
  const button = (label) => html`<button class="link" type="button" onClick=${() => older.more()}>${label}</button>`;
  if (older.state === "searching")
    return html`Searched back to event ${count(older.searchedTo)} ${button("Keep searching")}`;
  if (older.state === "failed") return html`Could not load older events: ${older.problem} ${button("Try again")}`;
  if (older.state === "full") {
    const further = links.history(historyFrom(older.store.floor));
    return html`This page has reached its limit of ${count(config.kept)} events.${" "}
      <a href=${further}>Continue in the history</a>`;
  }
  if (older.state !== "began" || !store.size) return null;
  if (state.range?.since) return "No older events in this time range";
  return inForce().length ? "No older events match" : "Beginning of the log";
}

/** The history from here on, with the same filters. */
export function historyFrom(before = 0) {
  const query = range.intoQuery(toQuery(inForce()), state.range);
  if (before) query.set("before", String(before));
  return query;
}
