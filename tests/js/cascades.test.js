import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import "../../signal_log/static/signal_log/js/events/cascades.js";

import { pieces, runs } from "../../signal_log/static/signal_log/js/events/cascade.js";
import { Store } from "../../signal_log/static/signal_log/js/events/store.js";
import { event, registration, reset } from "./events.js";

beforeEach(reset);

const trace = (n) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const shown = (store) => Array.from({ length: store.rows.length }, (_, i) => store.rows.at(i));
const said = (row) => row.pieces.map(([, text]) => text).join(" ");
const of = (store) => {
  store.show("cascades");
  return store;
};

/** A saved user whose receiver saves this many equal rows. */
function loop(times, at = trace(1)) {
  const save = (fields) => event({ trace_id: at, ...fields });
  const rows = Array.from({ length: times }, (_, n) =>
    save({ sender: "shop.Item", position: 3 + n, operation: 3 + n, parent_position: 2, object_pk: String(n) }),
  );
  return [save({ position: 2, operation: 1, created: true }), ...rows];
}

test("a whole request is one line that lists its steps", () => {
  const store = of(new Store());
  store.add([
    ...registration(trace(1)),
    event({
      trace_id: trace(1),
      signal: "django.contrib.auth.signals.user_logged_in",
      position: 5,
      operation: 5,
      actor_repr: "ada",
    }),
  ]);
  const [row] = shown(store);
  assert.equal(store.rows.length, 1);
  assert.equal(said(row), "User created → Profile created → logged in");
  assert.equal(row.actor, "ada");
  assert.equal(row.told.word, "created");
});

test("rolled-back work is named first, and never as done", () => {
  const store = of(new Store());
  store.add(registration().map((one, n) => (n < 2 ? one : { ...one, outcome: "rolled_back" })));
  assert.equal(shown(store)[0].told.kind, "undone");
});

test("a long program is not one line, but one for each operation with its effects", () => {
  const store = of(new Store());
  const by = { source: "command:nightly" };
  store.add(
    [...registration(trace(1)), event({ trace_id: trace(1), position: 5, operation: 5 })].map((one) => ({
      ...one,
      ...by,
    })),
  );
  const gone = {
    ...by,
    trace_id: trace(1),
    signal: "post_delete",
    created: null,
    origin: { model: "auth.User", pk: "1" },
  };
  store.add([
    event({ ...gone, sender: "users.Profile", position: 8, operation: 7 }),
    event({ ...gone, position: 10, operation: 9 }),
  ]);
  assert.deepEqual(shown(store).map(said), [
    "Profile deleted → User deleted",
    "first_name Ada → Augusta",
    "User created → Profile created",
  ]);
});

test("a row expands into its operations, causes above effects, and collapses again", () => {
  const store = of(new Store());
  store.add([...registration(trace(1)), ...registration(trace(2))]);
  const row = shown(store)[1];
  store.list.toggle(row);
  assert.deepEqual(
    shown(store).map((one) => `${one.type} ${one.depth} ${one.operation?.sender ?? ""}`.trim()),
    ["cascade 0", "cascade 0", "member 1 auth.User", "member 2 users.Profile"],
  );
  assert.equal(store.rowOf(2).type, "member");
  assert.equal(store.rowOf(6).type, "cascade");
  store.add([event({ trace_id: trace(1), sender: "shop.Item", position: 7, operation: 7 })]);
  assert.equal(store.rows.length, 5);
  store.list.toggle(row);
  assert.equal(store.rows.length, 2);
});

test("many equal siblings are one row, which can be expanded", () => {
  const store = of(new Store());
  store.add(loop(200));
  const [row] = shown(store);
  assert.equal(said(row), "User created → Item updated × 200");
  store.list.toggle(row);
  const many = shown(store)[2];
  assert.equal(store.rows.length, 3);
  assert.equal(many.type, "many");
  assert.match(many.words, /^× 200, /);
  store.list.toggle(many);
  assert.equal(store.rows.length, 203);
  store.list.toggle(shown(store)[2]);
  assert.equal(store.rows.length, 3);
});

test("a few equal siblings, and those with effects, keep their own rows", () => {
  const store = new Store();
  store.add(loop(4));
  assert.equal(runs(store.operations.rows.toReversed()).length, 5);
});

test("a line with many steps says how many are omitted", () => {
  const steps = Array.from({ length: 9 }, (_, n) => ({ kind: "updated", word: "updated", sender: `shop.Model${n}` }));
  assert.match(pieces(steps).at(-1)[1], /^\+4 steps$/);
});

test("memory stays bounded while cascades are shown, even one that never ends", () => {
  const store = of(new Store({ limit: 1000, recent: 100 }));
  for (let n = 1; n <= 2000; n += 1) {
    store.add(registration(trace(n)));
    store.add([event({ trace_id: trace(0), position: n, operation: n })]);
  }
  assert.ok(store.size <= 1000);
  const rows = shown(store);
  assert.ok(rows.length <= 220, `${rows.length}`);
  assert.equal(
    rows.reduce((sum, row) => sum + row.members.reduce((n, one) => n + one.events.length, 0), 0),
    store.size,
  );
  assert.equal(store.list.byKey.size, rows.length);
});

test("the list is the same whether it is built before or after its events arrive", () => {
  const all = [...registration(trace(1)), ...loop(7, trace(2)), ...registration(trace(3))];
  for (let round = 0; round < 50; round += 1) {
    const before = of(new Store());
    const after = new Store();
    for (const one of [...all].sort(() => Math.random() - 0.5)) {
      before.add([one]);
      after.add([one]);
    }
    after.show("cascades");
    const keys = (store) => shown(store).map((row) => `${row.key} ${row.rootId} ${said(row)}`);
    assert.deepEqual(keys(before), keys(after));
  }
});

test("a paused list shows a row as it was, also when its operations have found their cause", () => {
  const store = of(new Store());
  const by = { source: "command:nightly" };
  const [cause, ...effects] = loop(1).map((one) => ({ ...one, ...by }));
  store.add(effects);
  const paused = store.rows.frozen();
  store.add([cause]);
  assert.deepEqual([shown(store).length, paused.length], [1, 1]);
  assert.notEqual(paused.at(0), shown(store)[0]);
  assert.deepEqual([paused.at(0).told.sender, paused.at(0).at > 0], ["shop.Item", true]);
});
