import assert from "node:assert/strict";
import { test } from "node:test";

import { Folds } from "../../signal_log/static/signal_log/js/tracepage/folds.js";
import { lineOf } from "../../signal_log/static/signal_log/js/tracepage/minimap.js";
import {
  between,
  isWhole,
  length,
  pan,
  showing,
  WHOLE,
  zoom,
} from "../../signal_log/static/signal_log/js/tracepage/span.js";
import { firstPlace } from "../../signal_log/static/signal_log/js/tracepage/trace_rows.js";

//              0  1  2  3  4  5  6  7
const levels = [1, 2, 3, 4, 2, 1, 2, 1];

test("folding a row hides what is below it", () => {
  const folds = new Folds(levels);
  assert.deepEqual(
    levels.map((_, row) => folds.has(row)),
    [true, true, true, false, false, true, false, false],
  );
  assert.deepEqual(folds.shown(), [0, 1, 2, 3, 4, 5, 6, 7]);
  folds.toggle(1);
  assert.deepEqual(folds.shown(), [0, 1, 4, 5, 6, 7]);
  folds.toggle(0);
  assert.deepEqual(folds.shown(), [0, 5, 6, 7]);
  folds.toggle(0);
  assert.deepEqual(folds.shown(), [0, 1, 4, 5, 6, 7], "what was closed inside stays closed");
  folds.toggle(3);
  assert.equal(folds.closed.has(3), false, "nothing stands below it");
});

test("all rows can be folded and unfolded", () => {
  const folds = new Folds(levels);
  folds.all(false);
  assert.deepEqual(folds.shown(), [0, 5, 7]);
  folds.all(true);
  assert.deepEqual(folds.shown(), [0, 1, 2, 3, 4, 5, 6, 7]);
});

test("revealing a row unfolds its ancestors, and nothing else", () => {
  const folds = new Folds(levels);
  folds.all(false);
  folds.reveal(3);
  assert.deepEqual(folds.above(3), [2, 1, 0]);
  assert.deepEqual(folds.shown(), [0, 1, 2, 3, 4, 5, 7]);
});

test("levels may skip, begin deep, or be missing", () => {
  assert.deepEqual(new Folds([4, 9, 4, 1]).above(1), [0]);
  assert.deepEqual(new Folds([]).shown(), []);
  const deep = new Folds(Array.from({ length: 20_000 }, (_, row) => row));
  deep.all(false);
  assert.deepEqual(deep.shown(), [0]);
});

test("the axis is zoomed around its middle or a given place, and never beyond its ends", () => {
  assert.deepEqual(zoom(WHOLE, 0.5), [250, 750]);
  assert.deepEqual(zoom(WHOLE, 0.5, 0), [0, 500]);
  assert.deepEqual(zoom([250, 750], 0.5, 250), [250, 500]);
  assert.deepEqual(zoom([0, 500], 1.5), [0, 750]);
  assert.equal(zoom([900, 1000], 100), WHOLE);
  let span = WHOLE;
  for (let press = 0; press < 100; press += 1) span = zoom(span, 1 / 1.5, 333);
  assert.ok(Math.abs(length(span) - 0.01) < 1e-9 && span[0] < 333 && span[1] > 333);
  for (let press = 0; press < 100; press += 1) span = zoom(span, 1.5);
  assert.ok(isWhole(span));
});

test("the axis moves by a fraction of the visible span, up to its ends", () => {
  assert.deepEqual(pan([200, 400], 0.5), [300, 500]);
  assert.deepEqual(pan([200, 400], -5), [0, 200]);
  assert.deepEqual(pan([200, 400], 50), [800, 1000]);
  assert.equal(pan(WHOLE, 0.2), WHOLE);
});

test("a drag selects a span in either direction, and never an empty one", () => {
  assert.deepEqual(between(700, 300), [300, 700]);
  assert.deepEqual(between(-50, 20), [0, 20]);
  assert.ok(length(between(500, 500)) > 0);
  assert.ok(between(1000, 1000)[1] <= 1000);
});

test("the axis moves to an error outside the visible span", () => {
  assert.deepEqual(showing([0, 100], { x: 50, width: 1 }), [0, 100]);
  assert.deepEqual(showing([0, 100], { x: 500, width: 1 }), [450, 550]);
  assert.deepEqual(showing([0, 100], { x: NaN, width: null }), [0, 100]);
  assert.equal(showing(WHOLE, { x: 1000, width: 0.001 }), WHOLE);
});

test("the overview's rows share the height, at least one pixel each", () => {
  assert.deepEqual(lineOf(2, 10, 72), [6, 2]);
  assert.deepEqual(lineOf(7200, 14_400, 72), [36, 1]);
  assert.deepEqual(lineOf(0, 0, 72), [0, 2]);
});

test("the first visible row is found without looking at each", () => {
  let looked = 0;
  const reached = (place) => {
    looked += 1;
    return place >= 7_777;
  };
  assert.equal(firstPlace(10_000, reached), 7_777);
  assert.ok(looked < 20);
  assert.equal(
    firstPlace(5, () => false),
    5,
  );
  assert.equal(
    firstPlace(0, () => true),
    0,
  );
});
