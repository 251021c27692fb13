// What is kept in this browser for an account: named views and display preferences.

/** @typedef {{ name: string, query: string, first?: boolean, shared?: boolean }} View */

/**
 * A JSON value in storage under a key; where storage is blocked it lasts as long as the page.
 * @template T
 */
export class StoredValue {
  /** @type {T} */
  value;

  /**
   * @param {string} key
   * @param {T} fallback
   * @param {Storage | null} storage null where it is forbidden
   */
  constructor(key, fallback, storage) {
    this.key = key;
    this.storage = storage;
    this.value = fallback;
    try {
      const text = storage?.getItem(key) ?? null;
      const found = text === null ? fallback : JSON.parse(text);
      if (found && typeof found === "object" && Array.isArray(found) === Array.isArray(fallback)) this.value = found;
    } catch {
      // blocked or not ours: use the fallback
    }
  }

  /** @param {T} value */
  set(value) {
    this.value = value;
    try {
      this.storage?.setItem(this.key, JSON.stringify(value));
    } catch {
      // full or blocked
    }
  }
}

const LONGEST = 60;
const MOST = 50;

/**
 * Views: [{name, query, first}], in alphabetical order; the one that is `first` is the default. The default may be a
 * shared view: a copy is kept, so that it opens at once, but it is not listed among the user's own.
 */
export class SavedViews {
  /**
   * @param {string} account
   * @param {Storage | null} storage
   */
  constructor(account, storage) {
    /** @type {StoredValue<View[]>} */
    this.stored = new StoredValue(`signal-log-views:${account}`, [], storage);
    this.stored.value = this.stored.value.filter(
      (view) => typeof view?.name === "string" && typeof view.query === "string",
    );
  }

  get all() {
    return this.stored.value.filter((view) => !view.shared);
  }

  /** The query of the default view. */
  get first() {
    return this.stored.value.find((view) => view.first)?.query ?? "";
  }

  /**
   * Saves a view, replacing one of the same name. Returns false without a name or beyond the limit.
   * @param {string} name
   * @param {string} query
   */
  save(name, query) {
    const called = name.trim().slice(0, LONGEST);
    /** @param {View} view */
    const own = (view) => !view.shared && view.name === called;
    const rest = this.stored.value.filter((view) => !own(view));
    if (!called || this.all.filter((view) => !own(view)).length >= MOST) return false;
    const first = Boolean(this.stored.value.find(own)?.first);
    this.stored.set([...rest, { name: called, query, first }].sort((a, b) => (a.name < b.name ? -1 : 1)));
    return true;
  }

  /** @param {string} name */
  remove(name) {
    this.stored.set(this.stored.value.filter((view) => view.shared || view.name !== name));
  }

  /**
   * Makes this view the default or, if it is already, clears the default.
   * @param {string} name
   */
  toggleFirst(name) {
    this.stored.set(this.all.map((view) => ({ ...view, first: view.name === name && !view.first })));
  }

  /** The name of the shared view that is the default. */
  get firstShared() {
    return this.stored.value.find((view) => view.shared)?.name ?? "";
  }

  /**
   * The same for a shared view.
   * @param {View} view
   */
  toggleShared({ name, query }) {
    const first = this.firstShared !== name;
    const own = this.all.map((view) => ({ ...view, first: view.first && !first }));
    this.stored.set(first ? [...own, { name, query, first, shared: true }] : own);
  }

  /**
   * Compares with the views shared now: one that is no longer shared stops being the default.
   * @param {View[]} shared
   */
  follow(shared) {
    const now = shared.find(({ name }) => name === this.firstShared);
    if (!this.firstShared || now?.query === this.first) return;
    this.stored.set(now ? [...this.all, { name: now.name, query: now.query, first: true, shared: true }] : this.all);
  }
}
