import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

/** The browser's history, as far as the page uses it: going back is told by `popstate`, and later. */
const entries = [];
let at = 0;
const location = { pathname: "/", search: "" };
const go = (to) => {
  at = to;
  location.search = entries[at].url.slice(1);
};
globalThis.location = location;
globalThis.history = {
  get state() {
    return entries[at]?.state ?? null;
  },
  pushState(state, _, url) {
    entries.splice(at + 1, Number.POSITIVE_INFINITY, { state, url });
    go(at + 1);
  },
  replaceState(state, _, url) {
    entries[at] = { state, url };
    go(at);
  },
  back: () => go(at - 1),
};
const { arrive, write } = await import("../../signal_log/static/signal_log/js/page/trail.js");

const view = (word, event = 0, isOpen = event > 0) => ({
  filters: word ? [{ key: "text", value: word }] : [],
  range: null,
  list: "operations",
  columns: null,
  event,
  isOpen,
});
/** The reader's Back. */
const back = () => {
  history.back();
  return arrive(history.state);
};

beforeEach(() => {
  entries.splice(0, Number.POSITIVE_INFINITY, { state: null, url: "/" });
  go(0);
  arrive(null);
});

test("a filter with a panel open is one step back, and the panel before it another", () => {
  write(view("", 7), false);
  write(view("ada", 7, false), true); // the list begins anew, and
  write(view("ada", 7), false); // the event is found in it
  assert.equal(location.search, "?q=ada&event=7");
  assert.equal(back(), "another");
  assert.equal(location.search, "?event=7");
  write(view("", 7), false);
  assert.equal(back(), "close");
  assert.equal(location.search, "");
  assert.equal(at, 0);
});

test("a panel that stayed open over a filter closes in its place, and the next one has an entry again", () => {
  write(view("", 7), false);
  write(view("ada", 7, false), true);
  write(view("ada", 7), false);
  write(view("ada"), false);
  assert.deepEqual([location.search, entries.length], ["?q=ada", 3]);
  write(view("ada", 8), false);
  assert.deepEqual([location.search, entries.length], ["?q=ada&event=8", 4]);
  assert.equal(back(), "close");
  assert.equal(location.search, "?q=ada");
});
