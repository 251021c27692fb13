// Loads older events, for the live stream and for a time range, and renders the last line of the list.

import { html, render } from "../../vendor/htm-preact.js";
import { toQuery, toWire } from "../events/filters.js";
import * as range from "../events/range.js";
import { count } from "../lib/text.js";
import { Older } from "../server/older.js";
import { activeFilters, ask, config, links, now, ranged, SETTLE, state, store, stream } from "./state.js";

/** @import { Store } from "../events/store.js" */
/** @import { Operation, Page, SignalEvent } from "../events/types.js" */

/**
 * `found(store, operations, page)` is called after every step.
 * @param {(store: Store, operations: Set<Operation>, page: Page | null) => void} found
 */
export function olderLoaders(found) {
  /** @param {Store} which */
  const of = (which) => new Older({ store: which, ask, changed: (touched, page) => found(which, touched, page) });
  const ways = { stream: of(stream), ranged: of(ranged) };
  return {
    get way() {
      return store === ranged ? ways.ranged : ways.stream;
    },
    /** Whether the live stream reaches back to the oldest match. */
    get began() {
      return ways.stream.state === "began";
    },
    /** Starts over after a change of filters or range. */
    reset() {
      ways.stream.reset(toWire(activeFilters()));
      ways.ranged.reset({ ...toWire(activeFilters()), ...range.toWire(state.range) });
    },
    /** The server is back: allows what failed to be retried. */
    retry() {
      for (const one of Object.values(ways)) if (one.state === "failed") one.state = "ready";
    },
    /** Whether the backfill has arrived. */
    get settled() {
      if (state.connection.name === "signed-out" || state.connection.name === "forbidden") return false;
      return Boolean(state.range) || (state.answered && now() - state.answered > SETTLE);
    },
  };
}

/**
 * Copies live events that fall within the range into its store, which the history filled first.
 * @param {SignalEvent[]} events
 */
export function intoRange(events) {
  const known = state.range?.known ? state.range : null;
  if (known) ranged.add(events.filter((event) => range.holds(known, Date.parse(event.occurred_at))));
}

/**
 * Takes over the range's times as the server parsed them.
 * @param {Page} page
 */
export function understand(page) {
  if (!state.range || state.range.known) return;
  state.range = { ...range.understood(state.range, page), known: true };
  intoRange([...stream.whole.values()]);
}

/**
 * Renders the last line of the list.
 * @param {HTMLElement} root
 * @param {Older} older
 * @param {boolean} stormy
 */
export function renderEnd(root, older, stormy) {
  const said = stormy ? "Pause to see every event, and older ones" : words(older);
  root.hidden = !said;
  render(said && html`<div class="row end" role="row"><span role="gridcell">${said}</span></div>`, root);
}

/** @param {Older} older */
function words(older) {
  if (older.state === "loading") return "Loading older events…";
  /** @param {string} label */
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
  return activeFilters().length ? "No older events match" : "Beginning of the log";
}

/** The query for the history with the same filters, from an event on. */
export function historyFrom(before = 0) {
  const query = range.intoQuery(toQuery(activeFilters()), state.range);
  if (before) query.set("before", String(before));
  return query;
}
