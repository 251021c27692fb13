import assert from "node:assert/strict";
import { test } from "node:test";

import { nameOf, Wanted } from "../../signal_log/static/signal_log/js/page/wanted.js";
import { event, reset } from "./events.js";

/** A log that answers as /events/?format=json does. */
function log(events) {
  const asked = [];
  const ask = async (query) => {
    asked.push(query);
    const held = events.filter(
      ({ id, trace_id }) =>
        (!query.trace || trace_id === query.trace) &&
        (query.before === undefined || id < query.before) &&
        (query.after === undefined || id > query.after),
    );
    return { events: held.sort((a, b) => b.id - a.id).slice(0, query.size) };
  };
  return { ask, asked };
}

test("an address goes on naming the signal that it named of an operation", () => {
  const row = { events: [{ id: 3 }, { id: 4 }] };
  assert.equal(nameOf(row, 3, 4), 3);
  assert.equal(nameOf(row, 2, 4), 4);
  assert.equal(nameOf({ members: [row] }, 3, 4), 3);
  assert.equal(nameOf({ event: { id: 4 }, operation: row }, 3, 4), 4, "a row of one signal is that signal's");
});

test("an event outside the list is fetched with the whole of its operation, and once", async () => {
  reset();
  const all = [event({ signal: "pre_save" }), event({}), event({ operation: 9, position: 9 })];
  const { ask, asked } = log(all);
  const wanted = new Wanted(ask);
  const finding = wanted.find(all[0].id, "operations");
  assert.equal(wanted.said, ""); // nothing is claimed before the log has answered
  const row = await finding;
  assert.deepEqual(
    row.events.map(({ id }) => id),
    [all[0].id, all[1].id],
  );
  assert.equal(row.home.event(all[1].id).signal, "post_save"); // so the panel finds it
  assert.equal(wanted.said, `Event ${all[0].id} is not in this list`);
  const before = asked.length;
  assert.equal(await wanted.find(all[0].id, "operations"), null);
  assert.equal(asked.length, before);
  assert.equal((await wanted.find(all[1].id, "signals")).event.id, all[1].id); // as a row of the list shown
});

test("an event that the log does not have is said to be missing, not to be older", async () => {
  reset();
  const wanted = new Wanted(log([event({})]).ask);
  assert.equal(await wanted.find(99, "operations"), null);
  assert.equal(wanted.said, "Event 99 is not in the log");
  const broken = new Wanted(async () => {
    throw new Error("no server");
  });
  assert.equal(await broken.find(3, "operations"), null);
  assert.equal(broken.said, "Open event 3");
});
