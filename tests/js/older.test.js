import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Store } from "../../signal_log/static/signal_log/js/events/store.js";
import { Older, querier } from "../../signal_log/static/signal_log/js/server/older.js";
import { event, reset } from "./events.js";

beforeEach(reset);

const trace = (n) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const log = (many) => Array.from({ length: many }, (_, n) => event({ trace_id: trace(n), object_repr: `n${n + 1}` }));

/** A fake table that answers in pages. */
const table =
  (events, size) =>
  async ({ before = Infinity }) => {
    const older = events.filter(({ id }) => id < before).sort((a, b) => b.id - a.id);
    const page = older.slice(0, size);
    return { events: page, older: older.length > size ? page.at(-1).id : null, searched_to: null };
  };

/** An `Older` whose answers are these, one by one, and the `before` of each question. */
function answered(...answers) {
  const store = new Store();
  const asked = [];
  const ask = async ({ before }) => {
    asked.push(before);
    return answers.shift();
  };
  return { store, asked, older: new Older({ store, ask, changed: () => {} }) };
}

test("older events join the held ones: each once, none missing, and none counted as new", async () => {
  const all = log(50);
  const store = new Store();
  store.add(all.slice(40));
  const older = new Older({ store, ask: table(all, 7), changed: () => {} });
  while (older.open) await older.more();
  assert.equal(older.state, "began");
  assert.deepEqual(
    store.operations.rows.map(({ id }) => id),
    all.map(({ id }) => id),
  );
  assert.equal(store.taken, 10);
});

test("a late event far below the held ones does not hide those in between", async () => {
  const all = log(50);
  const store = new Store();
  store.add(all.slice(40));
  store.add([all[3]]); // committed long after it took its id
  const older = new Older({ store, ask: table(all, 20), changed: () => {} });
  while (older.open) await older.more();
  assert.equal(store.size, 50);
});

test("events dropped to make room are found again", async () => {
  const all = log(1200);
  const store = new Store({ limit: 1000 });
  for (const one of all) store.add([one]);
  assert.ok(store.size <= 1000);
  assert.equal(Math.min(...store.byId.keys()), store.floor);
});

test("at the limit the page says so instead of dropping what it has just read", async () => {
  const all = log(300);
  const store = new Store({ limit: 100 });
  store.add(all.slice(280));
  const older = new Older({ store, ask: table(all, 50), changed: () => {} });
  while (older.open) await older.more();
  assert.equal(older.state, "full");
});

test("a search that ran out of time waits for the reader to continue", async () => {
  const { asked, older } = answered(
    { events: [], older: 700, searched_to: 700 },
    { events: [], older: null, searched_to: null },
  );
  await older.more();
  assert.equal(older.state, "searching");
  assert.equal(older.open, false);
  await older.more();
  assert.deepEqual(asked, [undefined, 700]);
  assert.equal(older.state, "began");
});

test("an answer for another view is ignored", async () => {
  const store = new Store();
  let answer;
  const older = new Older({ store, ask: () => new Promise((resolve) => (answer = resolve)), changed: () => {} });
  const asking = older.more();
  older.reset({ q: "other" });
  answer({ events: log(3), older: null, searched_to: null });
  await asking;
  assert.equal(store.size, 0);
  assert.equal(older.state, "ready");
});

test("a failure is described in words and can be retried", async () => {
  const refused = querier("/events/", async () => ({
    status: 400,
    json: async () => ({ problems: { since: "'since' must be a date." } }),
  }));
  const older = new Older({ store: new Store(), ask: refused, changed: () => {} });
  await older.more();
  assert.equal(older.state, "failed");
  assert.equal(older.problem, "'since' must be a date.");
  older.ask = async () => ({ events: [], older: null });
  await older.more();
  assert.equal(older.state, "began");
});

test("of an archive that was not read nothing is taken, so that the next try goes on there", async () => {
  const archived = { place: "/srv/archive", events: 0, problem: "The archive /srv/archive did not answer." };
  const { store, asked, older } = answered(
    { events: log(3), older: null, archived },
    { events: log(3), older: null, archived: { ...archived, events: 3, problem: "" } },
  );
  await older.more();
  assert.equal(older.state, "failed");
  assert.equal(older.problem, archived.problem);
  assert.equal(store.size, 0);
  await older.more();
  assert.deepEqual(asked, [undefined, undefined]);
  assert.equal(older.state, "began");
  assert.equal(store.size, 3);
});

test("the query contains each value of each filter", async () => {
  let asked = "";
  await querier("/log/events/", async (url) => {
    asked = url;
    return { status: 200, json: async () => ({ events: [] }) };
  })({ sender: ["auth.User", "!users.Profile"], before: 5 });
  assert.equal(asked, "/log/events/?sender=auth.User&sender=%21users.Profile&before=5&format=json");
});

test("a reader who was logged out is told so, and the log-in page is not taken for data", async () => {
  const ask = querier("/events/", async () => ({ type: "opaqueredirect", status: 0 }));
  await assert.rejects(ask({}), /no longer have access/);
});
