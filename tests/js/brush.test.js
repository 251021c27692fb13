import assert from "node:assert/strict";
import { test } from "node:test";

import { brush } from "../../signal_log/static/signal_log/js/lib/brush.js";

/** A chart of ten bars, each ten pixels wide and ten seconds long. */
function chart() {
  const canvas = new EventTarget();
  canvas.getBoundingClientRect = () => ({ left: 0, width: 100 });
  canvas.setPointerCapture = () => {};
  const chosen = [];
  const shown = [];
  brush(canvas, {
    bars: () => 10,
    secondsOf: (first, last) => [first * 10, last * 10 + 9],
    show: (bar, seconds) => shown.push([bar, seconds]),
    select: (seconds) => chosen.push(seconds),
  });
  const send = (type, fields) => canvas.dispatchEvent(Object.assign(new Event(type, { cancelable: true }), fields));
  return {
    chosen,
    shown,
    point: (type, clientX) => send(type, { clientX, button: 0, pointerId: 1 }),
    key: (key, shiftKey = false) => send("keydown", { key, shiftKey }),
  };
}

test("a drag selects all bars that it passes, in either direction and past the ends", () => {
  for (const [from, to] of [
    [25, 57],
    [57, 25],
  ]) {
    const { chosen, point } = chart();
    point("pointerdown", from);
    point("pointermove", 40);
    point("pointerup", to);
    assert.deepEqual(chosen, [[20, 59]]);
  }
  const { chosen, point } = chart();
  point("pointerdown", 85);
  point("pointerup", 900);
  assert.deepEqual(chosen, [[80, 99]]);
});

test("a click selects one bar; hovering or an aborted drag selects none", () => {
  const { chosen, shown, point } = chart();
  point("pointermove", 33);
  assert.deepEqual(shown.at(-1), [3, null]);
  point("pointerdown", 33);
  point("pointercancel", 33);
  point("pointerup", 60);
  assert.deepEqual(chosen, []);
  point("pointerdown", 33);
  point("pointerup", 33);
  assert.deepEqual(chosen, [[30, 39]]);
});

test("keys move from the newest bar, extend with Shift, confirm with Enter and cancel with Escape", () => {
  const { chosen, key } = chart();
  key("ArrowLeft");
  key("ArrowLeft");
  key("ArrowLeft", true);
  key("ArrowLeft", true);
  key("Enter");
  assert.deepEqual(chosen, [[60, 89]]);
  key("Home");
  key("Escape");
  key("Enter");
  assert.equal(chosen.length, 1);
});
