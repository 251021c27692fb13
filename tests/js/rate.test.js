import assert from "node:assert/strict";
import { test } from "node:test";

import { Rate } from "../../signal_log/static/signal_log/js/events/rate.js";
import { clock, span } from "../../signal_log/static/signal_log/js/lib/time.js";
import { backoff } from "../../signal_log/static/signal_log/js/server/socket.js";

const NOW = Date.UTC(2026, 10, 22, 9, 42, 18, 204);

test("bars add up to what was counted, and old seconds expire", () => {
  const rate = new Rate();
  for (let s = 0; s < 700; s += 1) rate.add(NOW + s * 1000, s % 2 ? "created" : "deleted");
  const sums = rate.bars(120, NOW + 699_000);
  assert.equal(
    sums.flat().reduce((a, b) => a + b),
    600,
  );
  assert.equal(rate.perSecond(NOW + 700_000), 1);
  assert.equal(
    rate
      .bars(120, NOW + 5e6)
      .flat()
      .reduce((a, b) => a + b),
    0,
  );
});

test("an operation older than the chart is not counted in another minute", () => {
  const rate = new Rate();
  rate.add(NOW, "created");
  rate.add(NOW - 601_000, "created");
  assert.equal(
    rate
      .bars(60, NOW)
      .flat()
      .reduce((a, b) => a + b),
    1,
  );
});

test("the delay doubles, is bounded and has jitter", () => {
  assert.equal(backoff(0, 0), 400);
  assert.equal(backoff(3, 0.5), 6400);
  assert.equal(backoff(30, 0.999) < 30_000, true);
});

test("durations are worded as people word them", () => {
  assert.equal(clock(NOW, "utc", NOW), "09:42:18.204");
  assert.equal(clock(NOW - 86_400_000, "utc", NOW), "Nov 21 09:42");
  assert.equal(clock(NOW - 5000, "relative", NOW), "5 s ago");
  assert.equal(span(7_200_000), "2 h");
});
