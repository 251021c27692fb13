// Loads events older than those held, page by page, each once.

/** @import { Store } from "../events/store.js" */
/** @import { Operation, Page } from "../events/types.js" */

/** @typedef {"ready" | "loading" | "began" | "searching" | "full" | "failed"} State began: nothing is older */
/** @typedef {Record<string, string | number | string[]>} Query */
/** @typedef {(query: Query) => Promise<any>} Ask */
/** @typedef {(touched: Set<Operation>, page: Page | null) => void} Changed */

export class Older {
  /** @type {Query} */
  query = {};
  /** @type {State} */
  state = "ready";
  searchedTo = 0;
  problem = "";
  turn = {};

  /**
   * `ask(query)` returns what /events/?format=json does; `changed(operations, page)` is called after each step.
   * @param {{ store: Store, ask: Ask, changed: Changed }} of
   */
  constructor({ store, ask, changed }) {
    this.store = store;
    this.ask = ask;
    this.changed = changed;
  }

  /**
   * Starts over for another view: answers still on their way are dropped.
   * @param {Query} query
   */
  reset(query) {
    this.query = query;
    this.state = "ready";
    this.searchedTo = 0;
    this.turn = {};
  }

  /** Whether more can be loaded without asking the user. */
  get open() {
    return this.state === "ready";
  }

  /** Loads the next page, unless that is under way or there is none. */
  async more() {
    if (this.state === "loading" || this.state === "began" || this.state === "full") return;
    const { store, turn } = this;
    this.#become("loading");
    try {
      /** @type {Page} */
      const page = await this.ask({ ...this.query, ...(store.floor ? { before: store.floor } : {}) });
      if (turn !== this.turn) return;
      // Nothing of it is taken, or the next try would go on behind what the archive has between.
      if (page.archived?.problem) throw new Error(page.archived.problem);
      const touched = store.addOlder(page.events, this.#reached(page));
      this.searchedTo = page.searched_to ?? 0;
      const state =
        page.older === null ? "began" : store.size >= store.limit ? "full" : this.searchedTo ? "searching" : "ready";
      this.#become(state, touched, page);
    } catch (problem) {
      if (turn !== this.turn) return;
      this.problem = /** @type {Error} */ (problem).message;
      this.#become("failed");
    }
  }

  /** @param {Page} page */
  #reached({ older, events }) {
    return older ?? events.at(-1)?.id ?? this.store.floor;
  }

  /**
   * @param {State} state
   * @param {Set<Operation>} touched
   * @param {Page | null} page
   */
  #become(state, touched = new Set(), page = null) {
    this.state = state;
    this.changed(touched, page);
  }
}

/** The account is logged out, or may no longer see events. */
export class AccessEnded extends Error {
  /** @param {"signed-out" | "forbidden"} state that the connection would have */
  constructor(state) {
    super("you no longer have access to events");
    this.state = state;
  }
}

/**
 * Returns a function that queries the server; anything but JSON from the log becomes an error with a message.
 * @param {string} address
 * @param {(url: string, options: RequestInit) => Promise<Response>} fetcher
 * @returns {Ask}
 */
export function querier(address, fetcher = (url, options) => fetch(url, options)) {
  return async (query) => {
    const all = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) for (const one of [value].flat()) all.append(key, String(one));
    if (!query.format) all.set("format", "json");
    const answer = await fetcher(`${address}?${all}`, { headers: { Accept: "application/json" }, redirect: "manual" });
    if (answer.type === "opaqueredirect") throw new AccessEnded("signed-out");
    if (answer.status === 403) throw new AccessEnded("forbidden");
    const page = answer.status === 200 || answer.status === 400 ? await answer.json() : null;
    if (page?.problems) throw new Error(Object.values(page.problems).join(" "));
    if (!page) throw new Error(`the server responded with status ${answer.status}`);
    return page;
  };
}
