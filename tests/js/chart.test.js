import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { FacetCounts } from "../../signal_log/static/signal_log/js/events/facets.js";
import { ranged, WHOLE, words } from "../../signal_log/static/signal_log/js/events/range.js";
import { KINDS } from "../../signal_log/static/signal_log/js/events/rate.js";
import { Store } from "../../signal_log/static/signal_log/js/events/store.js";
import { closer, out } from "../../signal_log/static/signal_log/js/events/zoom.js";
import { rounded, spanOf, ticks } from "../../signal_log/static/signal_log/js/lib/axis.js";
import { heights } from "../../signal_log/static/signal_log/js/parts/chart.js";
import { Marks } from "../../signal_log/static/signal_log/js/server/marks.js";
import { once } from "../../signal_log/static/signal_log/js/server/once.js";
import { SpanCounts } from "../../signal_log/static/signal_log/js/server/span_counts.js";
import { SpanRate, uncounted } from "../../signal_log/static/signal_log/js/server/span_rate.js";
import { event, reset } from "./events.js";

beforeEach(reset);

const NOW = Date.UTC(2026, 10, 22, 14, 2, 7);
const HOUR = 3_600_000;

test("what went wrong is at least two pixels tall, and the bar stays within its room", () => {
  const bar = [100_000, 50, 0, 0, 1, 1, 1];
  const tall = heights(bar, 100_000, 50);
  assert.deepEqual(tall.slice(2), [0, 0, 2, 2, 2]);
  assert.equal(tall[1], 1);
  assert.equal(
    tall.reduce((a, b) => a + b),
    50,
  );
  assert.deepEqual(heights([0, 0, 0, 0, 0, 0, 0], 4, 50), [0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual(KINDS.slice(-3), ["undone", "refused", "failed"]);
});

test("an axis has a few round times of the zone that is shown", () => {
  const at = NOW / 1000;
  const texts = (length, most = 8) => ticks(at - length, at, most, "utc").map(({ text }) => text);
  assert.deepEqual(texts(600, 4), ["13:55", "14:00"]);
  assert.deepEqual(texts(12, 4), ["14:01:55", "14:02:00", "14:02:05"]);
  assert.deepEqual(texts(3600, 4), ["13:15", "13:30", "13:45", "14:00"]);
  assert.deepEqual(texts(2 * 86_400, 4), ["Nov 21", "12:00", "Nov 22", "12:00"]);
  assert.deepEqual(texts(7 * 86_400, 8).at(-1), "Nov 22");
  assert.match(texts(900 * 86_400, 6)[0], /^\w+ \d+, 20\d\d$/);
  for (const length of [1, 59, 600, 7 * HOUR, 4e8]) assert.ok(texts(length).length <= 9, String(length));
});

test("a bar is named by its second or by its times, and the scale is round", () => {
  const at = NOW / 1000;
  assert.equal(spanOf(at, at + 2, "utc"), "14:02:07");
  assert.equal(spanOf(at - 7, at + 292, "utc"), "14:02 to 14:07");
  assert.deepEqual([4, 7, 12, 209, 6001].map(rounded), [4, 8, 15, 300, 8000]);
});

test("before it is counted, a range has the times that it is known to mean, or none", () => {
  /** @type {(since: string, until?: string) => number[]} */
  const seconds = (since, until = "") => {
    const { rate, to } = uncounted(/** @type {any} */ (ranged(since, until)), NOW);
    if (!to) return [];
    rate.bars(10, to);
    return rate.secondsOf(0, 9, 10);
  };
  const at = NOW / 1000;
  assert.deepEqual(seconds("now-1m"), [at - 59, at]);
  assert.deepEqual(seconds("2026-11-22T14:00:00Z", "2026-11-22T14:01:00Z"), [at - 126, at - 67]);
  assert.ok(Math.abs(seconds("now-7d")[0] - (at - 7 * 86_400)) < 1000);
  for (const unknown of [[WHOLE], ["yesterday"], ["", "2026-11-22T14:00:00Z"], ["now-1h", "noon"]])
    assert.deepEqual(seconds(unknown[0], unknown[1]), []);
});

test("zooming out goes step by step to the whole log, and in again", () => {
  /** @type {ReturnType<typeof ranged>} */
  let range = null;
  const seen = [];
  for (let step = out(range, NOW); step; step = out(range, NOW)) {
    range = step.range;
    seen.push(step.words);
  }
  assert.deepEqual(seen, ["1 h", "6 h", "1 d", "7 d", "30 d", "all"]);
  assert.equal(range?.since, WHOLE);
  assert.equal(words(/** @type {any} */ (range), "utc", NOW), "the whole log");
  assert.equal(closer(range, NOW)?.range?.since, "now-30d");
  assert.equal(closer(ranged("now-1h", ""), NOW)?.range, null, "the last ten minutes are the live page");
  assert.equal(closer(null, NOW), null);
});

test("a span in the past stays around its middle as it grows, until it reaches the present", () => {
  const [from, to] = [NOW - 10 * HOUR, NOW - 9.9 * HOUR];
  const some = ranged(new Date(from).toISOString(), new Date(to).toISOString());
  const wider = out(some, NOW)?.range;
  assert.equal((wider?.from ?? 0) + (wider?.to ?? 0), from + to);
  assert.equal((wider?.to ?? 0) - (wider?.from ?? 0), 10 * 60_000);
  const late = ranged(new Date(NOW - 0.3 * HOUR).toISOString(), new Date(NOW - 0.1 * HOUR).toISOString());
  assert.equal(out(late, NOW)?.range?.since, "now-1h");
});

const answer = (more = {}) => ({
  kinds: ["created", "updated", "deleted", "undone", "failed", "other"],
  step: 60,
  seconds: [[NOW / 1000 - 1807, 5, 0, 0, 0, 1, 0]],
  head: 40,
  since: new Date(NOW - HOUR).toISOString(),
  until: null,
  complete: true,
  ...more,
});

/** A page that shows the last hour; `asked` collects its queries. */
function page(told = answer()) {
  const asked = [];
  const store = new Store({ onChange: (operation, was, is) => span.count(operation, was, is) });
  const ask = async (query) => {
    asked.push(query);
    if (told instanceof Error) throw told;
    return told;
  };
  const span = new SpanRate({ store, ask });
  const totals = () => {
    const [sums] = span.rate.bars(1, NOW);
    return Object.fromEntries(sums.map((number, k) => [KINDS[k], number]).filter(([, number]) => number));
  };
  return { asked, span, store, totals };
}
const at = (ms) => ({ occurred_at: new Date(ms).toISOString() });

test("a range is counted by the server, and what arrives later is added once", async () => {
  const { asked, span, store, totals } = page();
  store.add([event({ ...at(NOW - 1000), id: 35, trace_id: "a" })]);
  assert.equal(await span.start({ actor: ["ada"] }, /** @type {any} */ (ranged("now-1h", "")), 35, NOW), true);
  assert.deepEqual(asked, [{ actor: ["ada"], since: "now-1h", before: 35, format: "facets" }]);
  assert.deepEqual(totals(), { created: 5, failed: 1, updated: 1 });
  assert.equal(span.rate.step, 60);
  assert.equal(span.rate.slots, 61);
  store.add([event({ ...at(NOW), id: 41, trace_id: "b", outcome: "failed" })]);
  store.add([event({ ...at(NOW - 2 * HOUR), id: 42, trace_id: "c" })]);
  store.addOlder([event({ ...at(NOW - 2000), id: 20, trace_id: "d" })], 20);
  assert.deepEqual(totals(), { created: 5, failed: 2, updated: 1 });
  assert.equal(await span.start({}, /** @type {any} */ (ranged("now-1h", "")), 35, NOW), false, "it was asked");
});

test("a page that took its list for empty, and was wrong, has the range counted again", async () => {
  const { asked, span } = page();
  const range = /** @type {any} */ (ranged("now-1h", ""));
  assert.equal(await span.start({}, range, 1, NOW), true);
  assert.equal(await span.start({}, range, 35, NOW + 1000), true);
  assert.equal(await span.start({}, range, 30, NOW + 2000), false);
  assert.deepEqual(
    asked.map(({ before }) => before),
    [1, 35],
  );
});

test("a range is asked for once, for the chart and for the facets", async () => {
  let asked = 0;
  const ask = once(async () => {
    asked += 1;
    return { ...answer(), facets: {}, total: 6, grain: 60, newest: null };
  });
  const store = new Store();
  store.add([event({ ...at(NOW - 1000), id: 35, trace_id: "a" })]);
  const range = /** @type {any} */ (ranged("now-1h", ""));
  const counts = new SpanCounts({ store, facets: new FacetCounts(), ask });
  counts.start({ query: { q: ["x"] }, range, isSettled: false }, NOW);
  await new SpanRate({ store, ask }).start({ q: ["x"] }, range, counts.askedFor, NOW);
  assert.equal(asked, 1);
});

test("what could not be counted is said, and asked again later", async () => {
  const { asked, span } = page(new Error("503"));
  const range = /** @type {any} */ (ranged("now-1h", ""));
  await span.start({}, range, 41, NOW);
  assert.equal(span.state, "failed");
  await span.start({}, range, 41, NOW + 1000);
  await span.start({}, range, 41, NOW + 20_000);
  assert.equal(asked.length, 2);
});

test("what was counted in part says so, and its bars are those of that part", async () => {
  const { span } = page(answer({ complete: false, since: new Date(NOW - 0.6 * HOUR).toISOString() }));
  await span.start({}, /** @type {any} */ (ranged("now-30d", "")), 41, NOW);
  assert.equal(span.complete, false);
  assert.ok(span.rate.secondsOf(0, 0, 1)[0] * 1000 >= NOW - 0.6 * HOUR - 60_000);
});

test("marks are asked for once a span and minute, and never missed", async () => {
  const asked = [];
  const marks = new Marks(async (query) => {
    asked.push(query);
    if (asked.length > 2) throw new Error("500");
    return { marks: [["2026-11-22T14:00:00Z", "migrate"]] };
  });
  await marks.start({ since: "now-1h" }, NOW);
  await marks.start({ since: "now-1h" }, NOW + 1000);
  assert.deepEqual(asked, [{ since: "now-1h", format: "marks" }]);
  assert.deepEqual(marks.list, [{ at: Date.UTC(2026, 10, 22, 14), words: "migrate" }]);
  await marks.start({ since: "now-1h" }, NOW + 61_000);
  await marks.start({ since: "now-6h" }, NOW + 61_000);
  assert.deepEqual([asked.length, marks.list], [3, []]);
});

test("a log of any length fits into the chart", async () => {
  const old = [NOW / 1000 - 10_000_000, 3, 0, 0, 0, 0, 0];
  const { span, totals } = page(answer({ step: 1, since: null, seconds: [old] }));
  await span.start({}, /** @type {any} */ (ranged(WHOLE, "")), 1, NOW);
  assert.ok(span.rate.slots <= 801);
  assert.deepEqual(totals(), { created: 3 });
  const held = page(answer({ since: null, seconds: [] }));
  held.store.add([event({ ...at(NOW - 9 * HOUR), trace_id: "a" })]);
  await held.span.start({}, /** @type {any} */ (ranged(WHOLE, "")), 1, NOW);
  assert.deepEqual(held.totals(), { updated: 1 }, "the page may hold all of it");
});
