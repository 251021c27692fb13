import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { noSocketWords } from "../../signal_log/static/signal_log/js/parts/no_socket.js";
import { AccessEnded, querier } from "../../signal_log/static/signal_log/js/server/older.js";
import { Polling } from "../../signal_log/static/signal_log/js/server/polling.js";

beforeEach(() => mock.timers.enable({ apis: ["setTimeout", "Date"] }));
afterEach(() => mock.timers.reset());

/** Lets what has been promised happen, for `ms` of the page's time. */
async function pass(ms) {
  mock.timers.tick(ms);
  for (let n = 0; n < 20; n += 1) await Promise.resolve();
}

/** A log of ids, asked by a polling page. */
function site({ size = 500 } = {}) {
  const log = { ids: [], asked: [], down: null, head: null };
  const told = { answers: 0, ids: [], failed: [], ended: [] };
  const polling = new Polling({
    backfill: 3,
    query: () => log.filters ?? { sender: [] },
    timed: () => log.timed === true,
    ask: async (query) => {
      log.asked.push(query);
      if (log.down) throw log.down;
      const head = log.head ?? Math.max(0, ...log.ids);
      const matching = log.ids.filter((id) => id > (query.after ?? -1)).sort((a, b) => a - b);
      const most = Math.min(size, query.size);
      const page = query.after === undefined ? matching.slice(-most) : matching.slice(0, most);
      const newer = query.after !== undefined && matching.length > most ? page.at(-1) : null;
      return { events: page.map((id) => ({ id })).reverse(), newer, head };
    },
    handlers: {
      events: (events) => {
        told.answers += 1;
        told.ids.push(...events.map(({ id }) => id));
      },
      failed: (until) => told.failed.push(until - Date.now()),
      ended: (state) => told.ended.push(state),
    },
  });
  return { polling, log, told, fresh: () => told.ids.splice(0) };
}

const range = (from, to) => Array.from({ length: to - from + 1 }, (_, n) => from + n);

test("it begins with the newest events, and asks every two seconds for those since", async () => {
  const { polling, log, fresh } = site();
  log.ids = range(1, 1000);
  polling.start();
  await pass(0);
  assert.deepEqual(fresh(), [998, 999, 1000]);
  assert.deepEqual(log.asked[0], { sender: [], size: 3 });
  assert.equal(polling.well, true);
  log.ids.push(1001, 1002);
  await pass(1999);
  assert.equal(log.asked.length, 1);
  await pass(1);
  assert.equal(log.asked[1].after, 800); // what was still uncommitted then is not missed
  assert.deepEqual(fresh().slice(-2), [1001, 1002]);
  for (let n = 0; n < 20; n += 1) await pass(2000);
  assert.equal(log.asked.at(-1).after, 1002, "a quiet log is not read again and again");
});

test("an event whose transaction ends late is found, in half a minute", async () => {
  const { polling, log, fresh } = site();
  log.ids = [1, 2, 4];
  polling.start();
  await pass(0);
  for (let n = 0; n < 5; n += 1) await pass(2000);
  fresh();
  log.ids.push(3);
  await pass(2000);
  assert.ok(fresh().includes(3));
});

test("filtered by time, an event is found when its trace has ended, in five minutes", async () => {
  const { polling, log, fresh } = site();
  log.timed = true;
  log.ids = [1000];
  polling.start();
  await pass(0);
  for (let n = 0; n < 140; n += 1) await pass(2000);
  fresh();
  log.ids.push(400); // it matches only now
  log.head = 4000;
  await pass(2000);
  assert.ok(fresh().includes(400));
  for (let n = 0; n < 160; n += 1) await pass(2000);
  assert.equal(log.asked.at(-1).after, 4000, "then it is not read again");
});

test("a busy log is read in pages, so many at a time, without a hole", async () => {
  const { polling, log, fresh } = site({ size: 100 });
  log.ids = [1];
  polling.start();
  await pass(0);
  log.ids.push(...range(2, 1000));
  await pass(2000);
  assert.equal(log.asked.length, 5, "four pages");
  for (let n = 0; n < 3; n += 1) await pass(2000);
  assert.deepEqual([...new Set(fresh())], range(1, 1000));
});

test("while nobody answers it asks less and less often, and recovers", async () => {
  const { polling, log, told, fresh } = site();
  log.down = new Error("the server responded with status 502");
  polling.start();
  await pass(0);
  for (let n = 0; n < 8; n += 1) await pass(told.failed.at(-1) + 1);
  assert.ok(told.failed[0] < 6000);
  assert.ok(told.failed.at(-1) >= 22_000 && told.failed.at(-1) <= 37_500, String(told.failed.at(-1)));
  assert.equal(polling.well, false);
  log.down = null;
  log.ids = [7];
  await pass(40_000);
  assert.deepEqual(fresh(), [7]);
  assert.equal(polling.well, true);
  log.down = new Error("the server responded with status 502");
  await pass(2000);
  assert.ok(told.failed.at(-1) < 6000, "from the beginning");
});

test("nothing is asked in a hidden tab, nor after the socket has come back", async () => {
  const { polling, log } = site();
  polling.show(false);
  polling.start();
  await pass(60_000);
  assert.equal(log.asked.length, 0);
  polling.show(true);
  await pass(0);
  assert.equal(log.asked.length, 1);
  polling.stop();
  polling.show(true);
  await pass(60_000);
  assert.equal(log.asked.length, 1);
});

test("an answer for former filters is dropped", async () => {
  const { polling, log, told } = site();
  log.ids = [1];
  polling.start();
  mock.timers.tick(0);
  log.filters = { sender: ["auth.User"] };
  polling.reset();
  await pass(0);
  assert.deepEqual(log.asked.at(-1), { sender: ["auth.User"], size: 3 });
  assert.deepEqual(told.ids, [1], "once, for the new filters");
  assert.equal(told.answers, 1);
  mock.timers.tick(2000);
  polling.stop();
  await pass(0);
  assert.equal(told.answers, 1, "nor after the socket has come back");
  assert.equal(polling.well, false);
});

test("a log-out and a lost permission end it", async () => {
  for (const [answer, state] of [
    [{ type: "opaqueredirect", status: 0 }, "signed-out"],
    [{ type: "basic", status: 403 }, "forbidden"],
  ]) {
    const { polling, log, told } = site();
    log.down = await querier("/events/", async () => answer)({}).catch((problem) => problem);
    assert.ok(log.down instanceof AccessEnded);
    polling.start();
    await pass(0);
    assert.deepEqual(told.ended, [state]);
    assert.equal(polling.running, false);
    await pass(60_000);
    assert.equal(log.asked.length, 1);
  }
});

test("a log that was restored is read from its new end", async () => {
  const { polling, log, fresh } = site();
  log.ids = range(1, 900);
  polling.start();
  await pass(0);
  log.ids = range(1, 300);
  await pass(2000);
  log.ids.push(301);
  fresh();
  await pass(2000);
  assert.ok(fresh().includes(301));
});

test("the page says why there is no websocket, and what to do", () => {
  assert.match(noSocketWords("wsgi", "/ws/events/"), /under WSGI.*every two seconds.*daphne/);
  assert.match(noSocketWords("unrouted", "/x/ws/events/"), /no route for \/x\/ws\/events\/.*websocket_urlpatterns/);
  assert.match(noSocketWords("refused", "/ws/events/"), /refuses \/ws\/events\/.*proxy.*ALLOWED_HOSTS/);
});
