import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import "../../signal_log/static/signal_log/js/events/cascades.js";

import {
  between,
  fixed,
  fromQuery,
  holds,
  intoQuery,
  lately,
  words,
} from "../../signal_log/static/signal_log/js/events/range.js";
import { Rate } from "../../signal_log/static/signal_log/js/events/rate.js";
import { Store } from "../../signal_log/static/signal_log/js/events/store.js";
import { Storm } from "../../signal_log/static/signal_log/js/events/storm.js";
import { event, registration, reset } from "./events.js";

beforeEach(reset);

const START = Date.UTC(2026, 10, 22, 14, 2, 0);
const trace = (n) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

function watched() {
  const storm = new Storm();
  const rate = new Rate();
  const store = new Store({
    onChange: (operation, before, after) => {
      if (before) rate.add(operation.at, before, -1);
      rate.add(operation.at, after);
      storm.operation(operation);
    },
  });
  return { storm, rate, store };
}

/** This many saves in one second, each with a pre and a post signal. */
function saves(many, second, sender = "auth.User") {
  const at = new Date(START + second * 1000 + 200).toISOString();
  return Array.from({ length: many }, () => {
    const fields = { trace_id: trace(Math.floor(Math.random() * 1e12)), sender, occurred_at: at };
    return [event({ ...fields, signal: "pre_save", created: null }), event({ ...fields, position: 2 })];
  }).flat();
}

test("a second of a storm says exactly what happened in it", () => {
  const { storm, rate, store } = watched();
  store.add(saves(3, 0));
  for (let s = 1; s < 5; s += 1) store.add([...saves(60, s), ...saves(9, s, "users.Profile")]);
  assert.equal(storm.update(rate, START + 5000, store.rows), true);
  const rows = storm.rows;
  const [newest] = rows.head;
  assert.equal(newest.operations, 69);
  assert.deepEqual(newest.said, [
    ["updated", "60 User updated"],
    ["updated", "9 Profile updated"],
  ]);
  assert.equal(
    rows.head.reduce((sum, { operations }) => sum + operations, 0),
    storm.folded,
  );
  assert.equal(rows.at(rows.length - 1).events.length, 2);
});

test("a second names what failed first, however rare, and leaves none of it out", () => {
  const { storm, rate, store } = watched();
  const failed = (sender) => ({ ...saves(1, 2, sender)[0], outcome: "failed", error: "IntegrityError: no" });
  for (let s = 1; s < 4; s += 1) for (const one of "ABCDEF") store.add(saves(40, s, `shop.${one}`));
  store.add([failed("auth.User"), { ...failed("shop.A"), outcome: "rolled_back" }]);
  storm.update(rate, START + 4000, store.rows);
  const second = storm.rows.head.at(-1);
  assert.deepEqual(second.said, [
    ["failed", "1 User failed"],
    ["undone", "1 A rolled back"],
    ["updated", "40 A updated"],
    ["updated", "40 B updated"],
    ["", "and 160 more"],
  ]);
  assert.equal(second.worst, "failed");
  assert.equal(storm.rows.head[0].worst, "");
  store.add([..."ABCDEF"].map((one) => failed(`shop.${one}`)));
  assert.deepEqual(second.said.slice(-3), [
    ["failed", "and 3 more failed"],
    ["undone", "and 1 more rolled back"],
    ["", "and 240 more"],
  ]);
});

test("a save in progress is counted as saved once its outcome is known", () => {
  const { storm, rate, store } = watched();
  for (let s = 0; s < 3; s += 1) for (const one of saves(60, s)) store.add([one]);
  storm.update(rate, START + 3000, store.rows);
  assert.deepEqual(storm.rows.at(0).said, [["updated", "60 User updated"]]);
});

test("a storm begins above a readable rate, and ends only when it is calm again", () => {
  const { storm, rate, store } = watched();
  for (let s = 0; s < 4; s += 1) store.add(saves(49, s));
  assert.equal(storm.update(rate, START + 4000, store.rows), false);
  for (let s = 4; s < 8; s += 1) store.add(saves(60, s));
  assert.equal(storm.update(rate, START + 8000, store.rows), true);
  for (let s = 8; s < 14; s += 1) store.add(saves(30, s));
  assert.equal(storm.update(rate, START + 14_000, store.rows), true);
  assert.equal(storm.update(rate, START + 30_000, store.rows), false);
});

test("a second expands to its events, and collapses again", () => {
  const { storm, rate, store } = watched();
  for (let s = 0; s < 4; s += 1) store.add(saves(60, s));
  storm.update(rate, START + 4000, store.rows);
  const rows = storm.rows.frozen();
  const before = rows.length;
  const second = rows.at(1);
  rows.toggle(second, store.rows);
  assert.equal(rows.length, before + 60);
  assert.equal(rows.indexOf(rows.at(2)), 2);
  assert.equal(rows.at(2).events.length, 2);
  rows.toggle(second, store.rows);
  assert.equal(rows.length, before);
});

test("a frozen storm begins with the newest second on the screen", () => {
  const { storm, rate, store } = watched();
  for (let s = 0; s < 4; s += 1) store.add(saves(60, s));
  storm.update(rate, START + 4000, store.rows);
  const shown = storm.rows.at(0);
  store.add(saves(60, 4));
  const { length } = storm.rows;
  assert.equal(storm.rows.frozen(shown).at(0), shown);
  assert.equal(storm.rows.frozen(shown).length, length - 1);
  assert.equal(storm.rows.frozen(undefined).length, length);
});

test("a cascade in an expanded second expands in place", () => {
  const { storm, rate, store } = watched();
  store.show("cascades");
  for (let s = 0; s < 4; s += 1) store.add(saves(60, s));
  const at = new Date(START + 2900).toISOString();
  store.add(registration(trace(7)).map((one) => ({ ...one, occurred_at: at })));
  storm.update(rate, START + 4000, store.rows);
  const rows = storm.rows.frozen();
  const second = [...rows.head].find(({ second: number }) => number === START / 1000 + 2);
  rows.toggle(second, store.rows);
  const { cascade } = store.operationOf(store.newestId);
  store.list.toggle(cascade);
  rows.merge(cascade.inside);
  const place = rows.indexOf(cascade);
  assert.deepEqual([rows.at(place + 1), rows.at(place + 2)], cascade.inside);
});

test("seconds expire after ten minutes", () => {
  const { storm, store } = watched();
  for (let s = 0; s < 2000; s += 1) store.add(saves(1, s));
  assert.ok(storm.seconds.size <= 600);
});

test("the chart's bars cover the seconds without gap or overlap", () => {
  const rate = new Rate();
  rate.bars(7, START);
  for (const bars of [7, 120, 191, 208]) {
    let next = START / 1000 - 599;
    for (let bar = 0; bar < bars; bar += 1) {
      const [first, last] = rate.secondsOf(bar, bar, bars);
      assert.equal(first, next);
      next = last + 1;
    }
    assert.equal(next, START / 1000 + 1);
  }
});

test("a bar counts what its seconds hold", () => {
  const rate = new Rate();
  for (let s = 0; s < 600; s += 1) rate.add(START + s * 1000, "created");
  const sums = rate.bars(191, START + 599_000);
  sums.forEach(([created], bar) => {
    const [first, last] = rate.secondsOf(bar, bar, 191);
    assert.equal(created, last - first + 1);
  });
});

test("a range is in the address as the history accepts it, with its last second complete", () => {
  const range = between(START / 1000, START / 1000 + 9);
  assert.equal(
    intoQuery(new URLSearchParams(), range).toString(),
    "since=2026-11-22T14%3A02%3A00Z&until=2026-11-22T14%3A02%3A09.999999Z",
  );
  assert.deepEqual(fromQuery("?since=2026-11-22T14:02:00Z&until=2026-11-22T14:02:09.999999Z"), range);
  assert.equal(holds(range, START + 9999), true);
  assert.equal(holds(range, START + 10_000), false);
  assert.equal(holds(range, START - 1), false);
  assert.equal(fromQuery("?q=x"), null);
});

test("a range is worded in the page's time zone; what only the server understands stays as typed", () => {
  assert.equal(words(between(START / 1000, START / 1000 + 9), "utc", START), "14:02:00 – 14:02:09");
  assert.equal(words(fromQuery("?since=2026-11-22 14:02"), "utc", START), "since 2026-11-22 14:02");
  const hour = { ...lately(60), from: START - 3_600_000, known: true };
  assert.equal(words(hour, "utc", START), "last 60 min");
  assert.equal(words(hour, "utc", START + 600_000), "since 13:02:00", "what came meanwhile is in the list too");
  assert.equal(intoQuery(new URLSearchParams(), lately(5)).toString(), "since=now-5m");
  assert.equal(fixed(lately(60), START), null, "nobody has said yet when it began");
  assert.equal(words(fixed(hour, START), "utc", START), "13:02:00 – 14:02:00");
  assert.equal(fixed(fixed(hour, START), START), null);
  assert.equal(words(fromQuery("?since=2d"), "utc", START), "last 2 d");
  assert.equal(words(fromQuery("?since=now-2h&until=now"), "utc", START), "now-2h – now");
});
