import assert from "node:assert/strict";
import { test } from "node:test";
import { apart } from "../../signal_log/static/signal_log/js/lib/time.js";
import { SavedViews } from "../../signal_log/static/signal_log/js/page/saved.js";
import { readView, toView } from "../../signal_log/static/signal_log/js/page/view.js";

const memory = () => {
  const held = new Map();
  return { getItem: (key) => held.get(key) ?? null, setItem: (key, value) => held.set(key, value), held };
};

test("views are stored by name, for one account, in alphabetical order", () => {
  const storage = memory();
  const views = new SavedViews("7", storage);
  assert.equal(views.save(" profiles ", "sender=users.Profile"), true);
  views.save("errors", "outcome=failed");
  assert.deepEqual(
    new SavedViews("7", storage).all.map(({ name }) => name),
    ["errors", "profiles"],
  );
  assert.deepEqual(new SavedViews("8", storage).all, []);
  views.save("errors", "outcome=rolled_back");
  assert.equal(views.all.length, 2);
  views.remove("errors");
  assert.deepEqual(
    new SavedViews("7", storage).all.map(({ query }) => query),
    ["sender=users.Profile"],
  );
});

test("one view opens with the page, even after it is saved again; toggling twice means none does", () => {
  const views = new SavedViews("7", memory());
  views.save("a", "q=a");
  views.save("b", "q=b");
  views.toggleFirst("a");
  views.toggleFirst("b");
  views.save("b", "q=c");
  assert.equal(views.first, "q=c");
  assert.equal(views.all.filter(({ first }) => first).length, 1);
  views.toggleFirst("b");
  assert.equal(views.first, "");
});

test("saving a view needs a name and room", () => {
  const views = new SavedViews("7", memory());
  assert.equal(views.save("  ", "q=a"), false);
  for (let n = 0; n < 60; n += 1) views.save(`n${n}`, "");
  assert.equal(views.all.length, 50);
});

test("storage that is forbidden, full or corrupt does not stop the page", () => {
  const forbidden = new SavedViews("7", null);
  assert.equal(forbidden.save("a", "q=a"), true);
  assert.equal(forbidden.all.length, 1);
  for (const text of ["{", "7", "null", "{}", '[{"name":5},null,7]']) {
    assert.deepEqual(new SavedViews("7", { getItem: () => text, setItem() {} }).all, []);
  }
});

test("a view survives a round trip through the address", () => {
  for (const query of [
    "",
    "q=-model%3Ausers.Profile+x&view=cascades",
    "since=2026-11-22T14%3A02%3A00Z&view=signals&event=7",
  ]) {
    assert.equal(toView(readView(`?${query}`)), query);
  }
  assert.equal(readView("?view=nonsense").list, "operations");
  const older = readView("?sender=%21users.Profile&q=x&event=7");
  assert.equal(toView(older), "q=-model%3Ausers.Profile+x&event=7");
  assert.deepEqual(readView("?q=ada+since:now-5m").range, { since: "now-5m", until: "", from: null, to: null });
  const { filters, broken, problems } = readView("?q=guido&q=ada+(&actor=eve");
  assert.deepEqual(
    filters.map(({ value }) => value),
    ["eve", "guido"],
  );
  assert.equal(broken, "ada (");
  assert.match(problems[0].message, /never closed/);
});

test("the time between rows is short, and negative times are marked as earlier", () => {
  assert.deepEqual([0, 0.18, 12, 3140, 3_600_000, -4].map(apart), [
    "",
    "+180 µs",
    "+12 ms",
    "+3.1 s",
    "+60 min",
    "−4 ms",
  ]);
});
