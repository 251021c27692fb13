import assert from "node:assert/strict";
import { test } from "node:test";
import { Display } from "../../signal_log/static/signal_log/js/page/display.js";
import { readView, toView } from "../../signal_log/static/signal_log/js/page/view.js";
import {
  areUsual,
  COLUMNS,
  fromText,
  leastRoom,
  move,
  slim,
  toggle,
  toText,
  tracks,
  USUAL,
  widened,
  widest,
  withWidths,
} from "../../signal_log/static/signal_log/js/parts/columns.js";
import { EXTRA } from "../../signal_log/static/signal_log/js/parts/extra_columns.js";

const names = (columns) => columns.map(({ name }) => name).join(" ");

test("columns survive a round trip through text; the default ones need no text", () => {
  for (const text of ["kind", "took.kind.obj-310.chg", "time-80.delta.kind.obj.chg.actor.via"])
    assert.equal(toText(fromText(text)), text);
  assert.equal(toText(USUAL), "");
  assert.equal(toView(readView("?cols=kind.obj-310")), "cols=kind.obj-310");
  assert.equal(toView({ ...readView(""), columns: USUAL }), "");
});

test("unknown columns and absurd widths are ignored", () => {
  for (const text of [null, "", "nonsense", "..", "obj:3", "OBJ", "__proto__", "constructor-4", "obj-99999"])
    assert.equal(fromText(text), null);
  assert.equal(toText(fromText("chg.obj.chg-300.evil.kind")), "chg.obj.kind");
  assert.equal(toText(fromText("kind-1.chg-9999")), `kind-${COLUMNS.kind.least}.chg-2000`);
});

test("the column of what happened is always shown, at its usual place", () => {
  assert.equal(names(fromText("time.obj")), "time kind obj");
  assert.equal(names(toggle(USUAL, "kind")), names(USUAL));
});

test("a column returns to its usual place, and moves one place at a time", () => {
  const less = toggle(USUAL, "obj");
  assert.equal(names(less), "time delta kind chg actor via");
  assert.equal(areUsual(toggle(less, "obj")), true);
  assert.equal(names(move(less, "via", -1)), "time delta kind chg via actor");
  assert.equal(names(move(less, "via", 1)), names(less));
  assert.equal(names(move(less, "time", -1)), names(less));
});

test("whichever columns are shown, one takes the remaining room", () => {
  assert.equal(tracks(fromText("kind.obj-300.took")), "108px minmax(120px, 300fr) 84px");
  assert.equal(tracks(fromText("kind.time")), "108px minmax(56px, 96fr)");
  assert.equal(names(slim(USUAL)), "time kind obj chg actor");
  assert.equal(leastRoom(fromText("kind.obj")), 108 + 120 + 10 + 28);
});

test("an edge takes room from the columns after it, and gives room to the next one", () => {
  const [widths, least] = [
    [100, 80, 200],
    [50, 60, 60],
  ];
  assert.deepEqual(widened(widths, least, 0, 10), [110, 70, 200]);
  assert.deepEqual(widened(widths, least, 0, 50), [150, 60, 170]);
  assert.deepEqual(widened(widths, least, 0, -20), [80, 100, 200]);
  assert.deepEqual(widened(widths, least, 0, -Infinity), [50, 130, 200]);
  assert.deepEqual(widened(widths, least, 0, Infinity), [260, 60, 60]);
  assert.equal(widest(widths, least, 0), 260);
});

test("moving an edge stores the widths that it changed, and all that share the room", () => {
  const columns = fromText("time.kind.obj.chg");
  const before = { time: 96, kind: 108, obj: 200, chg: 400 };
  assert.equal(
    toText(withWidths(columns, before, { time: 96, kind: 128, obj: 180, chg: 400 })),
    "time.kind-128.obj-180.chg-400",
  );
  assert.equal(toText(withWidths(columns, { time: 96 }, { time: 80 })), "time-80.kind.obj.chg");
});

test("the choice is stored, and invalid stored data is dropped", () => {
  globalThis.document = { body: { classList: { toggle() {} } } };
  const held = new Map();
  const storage = { getItem: (key) => held.get(key) ?? null, setItem: (key, value) => held.set(key, value) };
  new Display(storage).columns = fromText("kind.took");
  assert.equal(names(new Display(storage).columns), "kind took");
  new Display(storage).columns = USUAL;
  assert.equal(new Display(storage).columns, USUAL);
  held.set("signal-log-display", JSON.stringify({ cols: { a: 1 } }));
  assert.equal(new Display(storage).columns, USUAL);
});

test("the extra columns describe an operation, a signal and a cascade", () => {
  const operation = {
    kind: "undone",
    source: "http",
    trace: { id: "0192-1539b27c" },
    events: [{ at: 5 }, { at: 7 }],
  };
  const later = { kind: "created", events: [{ at: 9 }] };
  assert.deepEqual(
    ["source", "outcome", "trace", "took"].map((name) => EXTRA[name](operation, operation)),
    ["http", "rolled back", "1539b27c", "2.0 ms"],
  );
  assert.equal(EXTRA.took({ event: { at: 5 } }, operation), "");
  const soon = {
    kind: "created",
    events: [{ at: 1764331337950.112 }, { at: 1764331337950.352 }],
  };
  assert.equal(EXTRA.took(soon, soon), "240 µs");
  assert.equal(EXTRA.took({ ordered: [operation, later] }, operation), "4.0 ms");
  assert.equal(EXTRA.took(later, later), "");
  assert.equal(EXTRA.outcome({ event: { kind: "about" } }, operation), "committed");
});
