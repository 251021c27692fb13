import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import "../../signal_log/static/signal_log/js/events/cascades.js";

import { rowAt } from "../../signal_log/static/signal_log/js/events/rows.js";
import { Store } from "../../signal_log/static/signal_log/js/events/store.js";
import { event, registration, reset } from "./events.js";

beforeEach(reset);

const shown = (store) => Array.from({ length: store.rows.length }, (_, i) => store.rows.at(i));
const words = (store) => shown(store).map((row) => `${row.depth} ${row.word ?? row.reason} ${row.sender ?? ""}`.trim());
const trace = (n) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

test("pre and post of one save are one row, and a cascade is below its cause", () => {
  const store = new Store();
  store.add(registration());
  assert.deepEqual(words(store), ["0 created auth.User", "1 created users.Profile"]);
  assert.equal(store.size, 4);
});

test("a row's time is exact to the microsecond", () => {
  const store = new Store();
  const saved = (n, occurred_at) => event({ trace_id: trace(n), occurred_at });
  store.add([saved(1, "2026-11-22T09:42:17.950112Z"), saved(2, "2026-11-22T09:42:17.950352Z")]);
  const [one, other] = shown(store);
  assert.equal(Math.round(Math.abs(rowAt(one) - rowAt(other)) * 1000), 240);
});

test("a repeated event changes nothing", () => {
  const store = new Store();
  const events = registration();
  store.add(events);
  assert.equal(store.add(events).size, 0);
  assert.equal(store.size, 4);
  assert.deepEqual(store.came, { taken: 4, begun: 2 });
});

test("any order of arrival gives the same list", () => {
  const all = [...registration(trace(1)), ...registration(trace(2)), ...registration(trace(3))];
  const expected = new Store();
  expected.add(all);
  for (let round = 0; round < 200; round += 1) {
    const store = new Store();
    store.show(["operations", "signals", "cascades"][round % 3]);
    const order = [...all].sort(() => Math.random() - 0.5);
    for (const one of order) store.add([one]);
    const keys = (s) => s.operations.rows.map((row) => [row.key, row.depth, row.rootId, row.word]);
    assert.deepEqual(keys(store), keys(expected));
    if (store.shown === "signals") assert.equal(store.rows.length, all.length);
    if (store.shown === "cascades") assert.equal(store.rows.length, 3);
  }
});

test("a late event is placed by its id", () => {
  const [a, b, c] = [1, 2, 3].map((n) => event({ trace_id: trace(n), object_repr: `n${n}` }));
  const store = new Store();
  store.add([a, c]);
  store.add([b]);
  assert.deepEqual(
    shown(store).map((row) => row.repr),
    ["n3", "n2", "n1"],
  );
});

test("a switch shows every signal", () => {
  const store = new Store();
  store.add(registration());
  store.show("signals");
  assert.deepEqual(
    shown(store).map((row) => row.event.signal),
    ["pre_save", "post_save", "pre_save", "post_save"],
  );
  store.add(registration(trace(9)));
  assert.equal(store.rows.length, 8);
  store.show("operations");
  assert.equal(store.rows.length, 4);
});

test("memory is bounded: the oldest events are dropped", () => {
  const store = new Store({ limit: 1000, recent: 100 });
  for (let n = 1; n <= 3000; n += 1) store.add(registration(trace(n)));
  assert.ok(store.size <= 1000, `${store.size}`);
  assert.ok(store.whole.size <= 100);
  assert.ok(store.traces.byId.size <= 260, `${store.traces.byId.size}`);
  assert.equal(shown(store)[0].trace.id, trace(3000));
});

test("a gap is shown between what was held and what comes after", () => {
  const store = new Store();
  store.add([event({ object_repr: "old" })]);
  store.addGap("expired");
  store.add([event({ trace_id: trace(2), object_repr: "new" })]);
  assert.deepEqual(
    shown(store).map((row) => row.repr ?? row.reason),
    ["new", "expired", "old"],
  );
});

test("rolled-back work is never shown as done", () => {
  const store = new Store();
  store.add(registration().map((one) => ({ ...one, outcome: "rolled_back", error: "IntegrityError: taken" })));
  assert.deepEqual(words(store), ["0 rolled back auth.User", "1 rolled back users.Profile"]);
});

test("the chart counts each operation once, even if its kind becomes known later", () => {
  const tally = {};
  const store = new Store({
    onChange: (_, before, after) => {
      if (before) tally[before] -= 1;
      tally[after] = (tally[after] ?? 0) + 1;
    },
  });
  for (const one of registration()) store.add([one]);
  assert.deepEqual(tally, { about: 0, created: 2 });
});

test("a frozen list does not move while the store keeps changing", () => {
  const store = new Store();
  store.add(registration());
  const frozen = store.rows.frozen();
  store.add(registration(trace(2)));
  assert.equal(frozen.length, 2);
  assert.equal(store.rows.length, 4);
  assert.equal(frozen.indexOf(store.operationOf(1)), 0);
  assert.equal(store.rows.indexOf(store.operationOf(1)), 2);
});

test("a frozen list begins with the newest row on the screen", () => {
  const store = new Store();
  store.add(registration());
  const shown = store.rows.at(0);
  store.add(registration(trace(2)));
  const frozen = store.rows.frozen(shown);
  assert.equal(frozen.at(0), shown);
  assert.equal(frozen.length, 2);
  assert.equal(store.rows.frozen({ rootId: 0 }).length, 4);
});
