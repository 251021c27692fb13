// What somebody keeps in this browser, for this account: views by name, and how rows look.

/** A value kept in storage under a key; where storage is forbidden it lasts as long as the page. */
export class Kept {
  constructor(key, fallback, storage) {
    Object.assign(this, { key, storage, value: fallback });
    try {
      const text = storage.getItem(key);
      const found = text === null ? fallback : JSON.parse(text);
      if (found && typeof found === "object" && Array.isArray(found) === Array.isArray(fallback)) this.value = found;
    } catch {
      // forbidden, or somebody else's: what is kept begins anew
    }
  }

  set(value) {
    this.value = value;
    try {
      this.storage.setItem(this.key, JSON.stringify(value));
    } catch {
      // full or forbidden
    }
  }
}

const LONGEST = 60;
const MOST = 50;

/**
 * Views: [{name, query, first}], in the order of the alphabet; the one that is `first` opens with the page. It may be
 * one that is shared: that is kept too, so that it opens at once, but is not among one's own.
 */
export class SavedViews {
  constructor(account, storage) {
    this.kept = new Kept(`signal-log-views:${account}`, [], storage);
    this.kept.value = this.kept.value.filter(
      (view) => typeof view?.name === "string" && typeof view.query === "string",
    );
  }

  get all() {
    return this.kept.value.filter((view) => !view.shared);
  }

  /** The query of the view that opens with the page. */
  get first() {
    return this.kept.value.find((view) => view.first)?.query ?? "";
  }

  /** Keep a view; one of the same name is replaced. Returns whether there was a name and room. */
  save(name, query) {
    const called = name.trim().slice(0, LONGEST);
    const own = (view) => !view.shared && view.name === called;
    const rest = this.kept.value.filter((view) => !own(view));
    if (!called || this.all.filter((view) => !own(view)).length >= MOST) return false;
    const first = Boolean(this.kept.value.find(own)?.first);
    this.kept.set([...rest, { name: called, query, first }].sort((a, b) => (a.name < b.name ? -1 : 1)));
    return true;
  }

  remove(name) {
    this.kept.set(this.kept.value.filter((view) => view.shared || view.name !== name));
  }

  /** Let this one open with the page, or, if it does so already, none. */
  toggleFirst(name) {
    this.kept.set(this.all.map((view) => ({ ...view, first: view.name === name && !view.first })));
  }
  /** The name of the shared view that opens with the page. */
  get firstShared() {
    return this.kept.value.find((view) => view.shared)?.name ?? "";
  }

  /** The same for one that is shared. */
  toggleShared({ name, query }) {
    const first = this.firstShared !== name;
    const own = this.all.map((view) => ({ ...view, first: view.first && !first }));
    this.kept.set(first ? [...own, { name, query, first, shared: true }] : own);
  }

  /** The views that are shared now: what was taken away no longer opens with the page. */
  follow(shared) {
    const now = shared.find(({ name }) => name === this.firstShared);
    if (!this.firstShared || now?.query === this.first) return;
    this.kept.set(now ? [...this.all, { name: now.name, query: now.query, first: true, shared: true }] : this.all);
  }
}
