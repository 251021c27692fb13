import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { FacetCounts } from "../../signal_log/static/signal_log/js/events/facets.js";
import { ranged } from "../../signal_log/static/signal_log/js/events/range.js";
import { Rate } from "../../signal_log/static/signal_log/js/events/rate.js";
import { Store } from "../../signal_log/static/signal_log/js/events/store.js";
import { SpanCounts } from "../../signal_log/static/signal_log/js/server/span_counts.js";
import { event, reset } from "./events.js";

beforeEach(reset);

const NOW = Date.parse("2026-11-22T09:43:00Z");
const SLOT = NOW / 1000 - 60;
const values = (...told) => ({ values: told.map(([value, number]) => [value, number, [[SLOT, number]]]), more: 0 });
const none = { values: [], more: 0 };
const answer = (more = {}, facets = {}) => ({
  kinds: ["created", "failed"],
  seconds: [[SLOT + 3, 3, 1]],
  grain: 10,
  facets: { model: none, signal: none, actor: none, outcome: none, source: none, ...facets },
  since: "2026-11-22T09:33:00Z",
  complete: true,
  newest: null,
  ...more,
});
const trace = (n) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const save = (n, fields = {}) => [
  event({ trace_id: trace(n), signal: "pre_save", created: null, ...fields }),
  event({ trace_id: trace(n), position: 2, created: true, ...fields }),
];

/** A page whose counts come from `told`; `asked` collects its queries. */
function page(told = async () => answer()) {
  const asked = [];
  const facets = new FacetCounts();
  const store = new Store({ onChange: (operation) => counts.count(operation) });
  const ask = async (query) => {
    asked.push(query);
    return told(query);
  };
  const counts = new SpanCounts({ store, facets, ask });
  const start = async (range = null, isSettled = false, now = NOW) => {
    await counts.start({ query: { q: ["x"] }, range, isSettled }, now)?.catch(() => {});
    await null;
    await null;
  };
  return { asked, counts, facets, store, start, total: () => facets.all.number };
}

test("what arrives is added to what the server counted, each operation once", async () => {
  const told = answer({}, { model: values(["auth.User", 4]) });
  const { asked, counts, facets, store, start, total } = page(async () => told);
  const [unheld, post] = save(1);
  const [pre, later] = save(2);
  store.add([post, pre]);
  assert.equal(counts.any, false, "there is no number to show before the answer");
  await start();
  assert.equal(counts.any, true);
  assert.deepEqual(asked, [{ q: ["x"], before: post.id, format: "facets" }]);
  assert.equal(total(), 4 + 2);
  store.add([later]);
  store.addOlder([unheld], unheld.id); // the server has counted it with its operation's other signal
  store.add(save(3, { sender: "users.Profile", actor_repr: "eve", outcome: "failed" }));
  assert.equal(total(), 7);
  assert.deepEqual(facets.top("sender"), [
    ["auth.User", 6],
    ["users.Profile", 1],
  ]);
  assert.deepEqual(facets.top("outcome"), [
    ["committed", 2],
    ["failed", 1],
  ]);
  assert.deepEqual(facets.top("signal"), [
    ["post_save", 3],
    ["pre_save", 2],
  ]);
});

test("chart, foot and facets let go of the same operations", async () => {
  const { counts, facets, store, start, total } = page(async () => answer({ seconds: [] }));
  const rate = new Rate(1, 600, 10);
  store.onChange = (operation, was, is) => {
    if (!was) rate.add(operation.at, is);
    counts.count(operation);
  };
  store.add(save(0));
  await start();
  for (let n = 1; n < 120; n += 1) {
    const at = new Date(NOW - 5000 * n).toISOString();
    store.add(save(n, { occurred_at: at }));
  }
  for (const ms of [0, 4000, 9000, 10_000, 300_000, 620_000]) {
    counts.span(NOW + ms);
    const inChart = rate
      .bars(7, NOW + ms)
      .flat()
      .reduce((a, b) => a + b, 0); // prettier-ignore
    assert.equal(total(), inChart, `after ${ms} ms`);
    assert.equal(facets.top("outcome")[0]?.[1] ?? 0, inChart);
  }
  assert.equal(total(), 0);
});

test("a sparkline has a value's operations when they happened", async () => {
  const { counts, facets, store, start } = page(async () => answer({}, { source: values(["http", 4]) }));
  store.add(save(1));
  await start();
  const bars = facets.bars("source", "http", counts.span(NOW));
  assert.equal(bars.length, 12);
  assert.deepEqual([bars[10], bars.reduce((a, b) => a + b)], [5, 5]); // a minute and 42 seconds ago
});

test("in a range of time only what is inside counts, and the server is told which", async () => {
  const { asked, store, start, total } = page(async () => answer({ seconds: [] }));
  store.add([...save(1), ...save(2, { occurred_at: "2026-11-22T09:00:00Z" })]);
  await start(ranged("2026-11-22T09:40:00Z", "2026-11-22T09:43:00Z"));
  assert.deepEqual([asked[0].since, asked[0].until], ["2026-11-22T09:40:00Z", "2026-11-22T09:43:00Z"]);
  assert.equal(total(), 1);
  store.add(save(3, { occurred_at: "2026-11-22T09:44:00Z" }));
  assert.equal(total(), 1);
});

test("a range that ends now moves on", async () => {
  const { counts, store, start, total } = page(async () => answer({ seconds: [] }));
  store.add(save(1));
  await start(ranged("now-1m", ""));
  assert.equal(total(), 1);
  counts.span(NOW + 60_000);
  assert.equal(total(), 0);
});

test("an empty page asks once it is settled, and again when something is there after all", async () => {
  const { asked, store, start } = page();
  await start();
  assert.equal(asked.length, 0);
  await start(null, true);
  await start(null, true);
  assert.deepEqual(
    asked.map(({ before }) => before),
    [1],
  );
  save(0);
  store.add(save(1));
  await start();
  await start();
  assert.deepEqual(
    asked.map(({ before }) => before),
    [1, 3],
  );
});

test("numbers of another view are not taken, and stand until those of this one are there", async () => {
  let told = answer({}, { model: values(["auth.User", 4]) });
  const { counts, facets, store, start } = page(async () => told);
  store.add(save(1));
  await start();
  counts.reset();
  store.clear();
  store.add(save(2, { sender: "users.Profile" }));
  assert.deepEqual(facets.top("sender"), [["auth.User", 5]]);
  const asking = start();
  counts.reset();
  await asking;
  assert.deepEqual(facets.top("sender"), [["auth.User", 5]]);
  told = answer();
  await start();
  assert.deepEqual(facets.top("sender"), [["users.Profile", 1]]);
});

test("without an answer the page counts what it holds, and says so", async () => {
  let down = true;
  const { counts, store, start, total } = page(async () => {
    if (down) throw new Error("down");
    return answer();
  });
  store.add(save(1));
  await start();
  assert.deepEqual([total(), counts.isHeld], [1, true]);
  down = false;
  counts.retry();
  await start();
  assert.deepEqual([total(), counts.isHeld], [5, false]);
});

test("a value that the server left out is not counted from nothing", async () => {
  const { facets, store, start } = page(async () => answer({}, { actor: { ...values(["ada", 9]), more: 12 } }));
  store.add([...save(1, { actor_repr: "ada" }), ...save(2, { actor_repr: "rare" })]);
  await start();
  assert.deepEqual([facets.top("actor"), facets.more("actor")], [[["ada", 10]], 12]);
});

test("a model's own signals count for it though the server has counted nothing", async () => {
  const { facets, store, start } = page(async () => answer({ seconds: [] }));
  store.add([event({ signal: "signal_log.signals.pinned", position: 1, sender: "signal_log.SignalEvent" })]);
  await start();
  assert.deepEqual(facets.top("sender"), [["signal_log.SignalEvent", 1]]);
  assert.equal(facets.unsure, false);
  assert.equal(new FacetCounts(["shop.Order"]).isModel("shop.Order", "shop.signals.paid"), true);
});

test("only models are offered as models, and what is unknown is asked of the server", async () => {
  const { counts, facets, store, start } = page(async () => answer({}, { model: values(["auth.User", 1]) }));
  const failed = { signal: "django.contrib.auth.signals.user_login_failed", position: 1 };
  store.add([event({ ...failed, sender: "auth.User" })]);
  await start();
  assert.equal(facets.unsure, false);
  store.add([event({ ...failed, sender: "django.contrib.auth", trace_id: trace(5) })]);
  assert.deepEqual(facets.top("sender"), [["auth.User", 2]]);
  assert.equal(facets.unsure, true);
  assert.equal(counts.isStale(NOW + 29_000), false);
  assert.equal(counts.isStale(NOW + 31_000), true);
  counts.took = 2_000;
  assert.equal(counts.isStale(NOW + 31_000), false);
});
