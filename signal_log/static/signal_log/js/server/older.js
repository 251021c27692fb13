// Loads events older than those held, page by page, each once.

export class Older {
  /** `ask(query)` returns what /events/?format=json does; `changed(operations, page)` is called after each step. */
  constructor({ store, ask, changed }) {
    Object.assign(this, { store, ask, changed });
    this.reset({});
  }

  /** Starts over for another view: answers still on their way are dropped. */
  reset(query) {
    this.query = query;
    this.state = "ready"; // loading, began (nothing is older), searching (time ran out), full, failed
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
      const page = await this.ask({ ...this.query, ...(store.floor ? { before: store.floor } : {}) });
      if (turn !== this.turn) return;
      const touched = store.addOlder(page.events, this.#reached(page));
      this.searchedTo = page.searched_to ?? 0;
      const state =
        page.older === null ? "began" : store.size >= store.limit ? "full" : this.searchedTo ? "searching" : "ready";
      this.#become(state, touched, page);
    } catch (problem) {
      if (turn !== this.turn) return;
      this.problem = problem.message;
      this.#become("failed");
    }
  }

  #reached({ older, events }) {
    return older ?? events.at(-1)?.id ?? this.store.floor;
  }

  #become(state, touched = new Set(), page = null) {
    this.state = state;
    this.changed(touched, page);
  }
}

/** Returns a function that queries the server; anything but JSON from the log becomes an error with a message. */
export function asker(address, fetcher = (...all) => fetch(...all)) {
  return async (query) => {
    const all = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) for (const one of [value].flat()) all.append(key, one);
    if (!query.format) all.set("format", "json");
    const answer = await fetcher(`${address}?${all}`, { headers: { Accept: "application/json" }, redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 403)
      throw new Error("you no longer have access to events");
    const page = answer.status === 200 || answer.status === 400 ? await answer.json() : null;
    if (page?.problems) throw new Error(Object.values(page.problems).join(" "));
    if (!page) throw new Error(`the server responded with status ${answer.status}`);
    return page;
  };
}
