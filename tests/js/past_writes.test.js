import assert from "node:assert/strict";
import { test } from "node:test";
import { Store } from "../../signal_log/static/signal_log/js/events/store.js";
import { PastWrites } from "../../signal_log/static/signal_log/js/server/past_writes.js";
import { event, reset } from "./events.js";

/** A store of three saves, and what the server answers about them; `asked` collects the queries. */
function page(answer) {
  reset();
  const asked = [];
  const store = new Store();
  store.add([1, 2, 3].map((n) => event({ position: n, operation: n })));
  const past = new PastWrites({
    ask: async (query) => {
      asked.push(query);
      return answer();
    },
  });
  return { asked, store, past };
}

const FOUND = {
  found: [
    [2, ["first_name"]],
    [9, ["other"]],
  ],
  skipped: [],
  looked_to: 9,
};

test("Rows say what their events found, and those that the page holds are counted", async () => {
  const { asked, store, past } = page(() => FOUND);
  assert.equal(await past.look([store], 0), true);
  assert.deepEqual(asked, [{ after: 0 }]);
  assert.equal(past.count(store), 1);
  const said = store.operationOf(2).pieces.find(([role]) => role === "remark");
  assert.deepEqual(said, ["remark", "found first_name written past Django"]);
  assert.equal(
    store.operationOf(1).pieces.some(([role]) => role === "remark"),
    false,
  );
});

test("It asks every quarter of a minute, and not before the page holds anything", async () => {
  const { asked, store, past } = page(() => FOUND);
  await past.look([new Store()], 0);
  assert.equal(asked.length, 0);
  for (const now of [0, 5_000, 14_999, 15_000]) await past.look([store], now);
  assert.equal(asked.length, 2);
});

test("A server that does not answer changes nothing", async () => {
  const { store, past } = page(() => Promise.reject(new Error("away")));
  assert.equal(await past.look([store], 0), false);
  assert.equal(past.count(store), 0);
});

test("It says where nobody has looked, if that is among what the page holds", async () => {
  for (const [skipped, isPartial] of [
    [[], false],
    [[[4, 8]], false],
    [[[3, 8]], true],
    [[[1, 1]], true],
  ]) {
    const { store, past } = page(() => ({ found: [], skipped }));
    await past.look([store], 0);
    assert.equal(past.isPartial(store), isPartial, JSON.stringify(skipped));
  }
});
