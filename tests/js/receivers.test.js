import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Receivers, slowestFirst } from "../../signal_log/static/signal_log/js/parts/receivers.js";
import { event, reset } from "./events.js";

const ran = (receiver, duration_us, error = "") => ({ receiver, duration_us, error, started_us: 0, queries: 0 });

function whole() {
  reset();
  return [event({ signal: "pre_save" }), event({ signal: "post_save" })];
}

test("the slowest receiver of an operation comes first, with its signal and the order of its call", () => {
  const [pre, post] = whole();
  const told = new Map([
    [pre.id, [ran("shop.check", 40)]],
    [post.id, [ran("shop.restock", 300), ran("shop.mail", 40_000)]],
  ]);
  assert.deepEqual(
    slowestFirst([pre, post], told).map(({ run, signal, order, of }) => [run.receiver, signal, order, of]),
    [
      ["shop.mail", "post_save", 2, 2],
      ["shop.restock", "post_save", 1, 2],
      ["shop.check", "pre_save", 1, 1],
    ],
  );
  assert.deepEqual(slowestFirst([pre, post], new Map()), []); // not told yet: nothing, rather than zeros
});

test("what is drawn below gets the same answers", async () => {
  const { made } = panel(async (id) => ({ receivers: [ran(`receiver of ${id}`, 5)] }));
  let runsOf;
  made.props.below = (given) => {
    runsOf = given;
  };
  made.componentDidMount();
  made.render();
  assert.deepEqual(runsOf(1), []);
  await settled(300);
  made.render();
  assert.equal(runsOf(1)[0].receiver, "receiver of 1");
  mock.timers.reset();
});

/** A panel without a page that records its queries and redraws. */
function panel(answer) {
  mock.timers.enable({ apis: ["setTimeout"] });
  const asked = [];
  const made = new Receivers({});
  const ask = async (id) => {
    asked.push(id);
    return answer(id);
  };
  made.props = { whole: whole(), ask };
  let drawn = 0;
  made.forceUpdate = () => {
    drawn += 1;
  };
  return {
    made,
    asked,
    drawn: () => drawn,
    select: (events) => {
      made.props = { ...made.props, whole: events };
      made.componentDidUpdate();
    },
  };
}

const settled = async (ms) => {
  mock.timers.tick(ms);
  for (let turn = 0; turn < 9; turn += 1) await null;
};

test("a selection that stays is queried once, however often the panel is redrawn", async () => {
  const { made, asked, drawn, select } = panel(async () => ({ receivers: [] }));
  made.componentDidMount();
  for (let frame = 0; frame < 20; frame += 1) made.componentDidUpdate(); // events arrive and the panel is drawn again
  await settled(299);
  assert.deepEqual(asked, []);
  await settled(1);
  for (let frame = 0; frame < 20; frame += 1) made.componentDidUpdate();
  await settled(1000);
  assert.deepEqual(asked, [1, 2]);
  assert.equal(drawn(), 1);
  for (let id = 10; id < 20; id += 1) {
    select([event({ id })]); // j, j, j …
    await settled(100);
  }
  await settled(300);
  assert.deepEqual(asked, [1, 2, 19]);
  mock.timers.reset();
});

test("no receivers yet is asked about again, twice, and a selection that left no more", async () => {
  let known = [];
  const { made, asked, select } = panel(async () => ({ receivers: known }));
  made.componentDidMount();
  await settled(300);
  await settled(2000);
  assert.deepEqual(asked, [1, 2, 1, 2]);
  known = [{ receiver: "shop.restock" }];
  await settled(8000);
  assert.deepEqual(asked, [1, 2, 1, 2, 1, 2]);
  await settled(60000);
  assert.equal(asked.length, 6); // known
  known = [];
  select([event({ id: 10 })]);
  await settled(300);
  made.componentWillUnmount();
  await settled(60000);
  assert.deepEqual(asked.slice(6), [10]);
  mock.timers.reset();
});

test("an answer for a former selection is ignored, and a failure is reported", async () => {
  const waiting = [];
  const { made, drawn, select } = panel(() => new Promise((resolve, reject) => waiting.push({ resolve, reject })));
  made.componentDidMount();
  await settled(300);
  select([event({ id: 30 })]);
  for (const { resolve } of waiting) resolve({ receivers: [] });
  await settled(300);
  assert.equal(drawn(), 0);
  waiting.at(-1).reject(new Error("the server responded with status 500"));
  await settled(0);
  assert.equal(made.trouble, "the server responded with status 500");
  made.componentWillUnmount();
  mock.timers.reset();
});
