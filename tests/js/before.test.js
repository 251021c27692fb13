import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { KINDS, Rate } from "../../signal_log/static/signal_log/js/events/rate.js";
import { Store } from "../../signal_log/static/signal_log/js/events/store.js";
import { Before } from "../../signal_log/static/signal_log/js/server/before.js";
import { querier } from "../../signal_log/static/signal_log/js/server/older.js";
import { event, reset } from "./events.js";

beforeEach(reset);

const NOW = Date.parse("2026-11-22T09:43:00Z");
const SECOND = Math.floor(NOW / 1000) - 60;
const KINDS_SENT = ["created", "updated", "deleted", "undone", "failed", "other"];
const counts = (numbers = [3, 0, 0, 1, 1, 0], more = {}) => ({
  kinds: KINDS_SENT,
  seconds: [[SECOND, ...numbers]],
  since: "2026-11-22T09:33:00Z",
  complete: true,
  ...more,
});
const trace = (n) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const save = (n, fields = {}) => [
  event({ trace_id: trace(n), signal: "pre_save", created: null, ...fields }),
  event({ trace_id: trace(n), position: 2, created: true, ...fields }),
];

/** A page whose counts come from `answer`; `asked` collects its queries. */
function page(answer = async () => counts()) {
  const asked = [];
  const rate = new Rate();
  const store = new Store({ onChange: (operation, was, is) => before.count(operation, was, is) });
  const before = new Before({
    store,
    rate,
    ask: async (query) => {
      asked.push(query);
      return answer(query);
    },
  });
  const totals = () =>
    Object.fromEntries(
      rate
        .bars(1, NOW)[0]
        .map((number, k) => [KINDS[k], number])
        .filter(([, number]) => number),
    );
  return { asked, before, rate, store, totals };
}

test("the server's counts below the first held event are added to what the page holds", async () => {
  const { asked, before, rate, store, totals } = page();
  const [unheld, ...held] = save(1); // the page holds its last signal
  store.add([...held, ...save(2)]);
  await before.start({ sender: ["auth.User"] }, NOW);
  assert.deepEqual(asked, [{ sender: ["auth.User"], before: held[0].id, format: "counts" }]);
  assert.deepEqual(totals(), { created: 2 + 3, undone: 1, failed: 1 });
  assert.equal(rate.bars(600, NOW)[600 - 1 - 60][0], 3);
  store.addOlder([unheld], unheld.id);
  assert.deepEqual(totals(), { created: 5, undone: 1, failed: 1 });
});

test("neither going back in time nor completing an operation counts anything twice", async () => {
  const { before, store, totals } = page();
  const older = save(1);
  const reaching = save(2);
  const [pre, post] = save(3);
  store.add([reaching[1], pre]);
  await before.start({}, NOW);
  assert.deepEqual(totals(), { created: 1 + 3, undone: 1, failed: 1, other: 1 });
  store.add([post]);
  assert.deepEqual(totals(), { created: 5, undone: 1, failed: 1 });
  store.addOlder([...older, reaching[0]], older[0].id);
  assert.deepEqual(totals(), { created: 5, undone: 1, failed: 1 });
  store.add(save(4));
  assert.deepEqual(totals(), { created: 6, undone: 1, failed: 1 });
});

test("the server is asked once, and not at all if the page holds ten minutes", async () => {
  const { asked, before, store } = page();
  await before.start({}, NOW);
  assert.equal(asked.length, 0); // no event has arrived yet
  store.add(save(1));
  await before.start({}, NOW);
  await before.start({}, NOW);
  assert.equal(asked.length, 1);
  assert.equal(before.since, NOW - 600_000);
  const long = page();
  long.store.add(save(2, { occurred_at: "2026-11-22T09:32:59Z" }));
  await long.before.start({}, NOW);
  assert.equal(long.asked.length, 0);
});

test("an answer that does not reach back ten minutes says how far it does", async () => {
  const { before, store } = page(async () => counts(undefined, { complete: false, since: "2026-11-22T09:40:00Z" }));
  store.add(save(1));
  await before.start({}, NOW);
  assert.equal(before.since, NOW - 180_000);
});

test("an answer for another view is ignored", async () => {
  const { before, store, totals } = page();
  store.add(save(1));
  const asking = before.start({}, NOW);
  before.reset();
  await asking;
  assert.deepEqual([totals(), before.since], [{ created: 1 }, null]);
});

test("without an answer the page counts what it holds, and asks again once the server is back", async () => {
  let down = true;
  const { asked, before, store, totals } = page(async () => {
    if (down) throw new Error("down");
    return counts();
  });
  store.add(save(1));
  await before.start({}, NOW);
  await before.start({}, NOW);
  assert.deepEqual([asked.length, totals(), before.since], [1, { created: 1 }, null]);
  down = false;
  before.retry();
  await before.start({}, NOW);
  assert.deepEqual(totals(), { created: 4, undone: 1, failed: 1 });
});

test("the history is requested in the given format", async () => {
  const addresses = [];
  const ask = querier("/events/", async (address) => {
    addresses.push(address);
    return { status: 200, json: async () => ({}) };
  });
  await ask({ before: 7, format: "counts" });
  await ask({ before: 7 });
  assert.deepEqual(addresses, ["/events/?before=7&format=counts", "/events/?before=7&format=json"]);
});
