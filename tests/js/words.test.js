import assert from "node:assert/strict";
import { test } from "node:test";
import { Recovery } from "../../signal_log/static/signal_log/js/events/recovery.js";
import { Store } from "../../signal_log/static/signal_log/js/events/store.js";
import { summary } from "../../signal_log/static/signal_log/js/events/summary.js";
import { tree } from "../../signal_log/static/signal_log/js/events/traces.js";
import { asMarkdown, asOrm } from "../../signal_log/static/signal_log/js/lib/as_text.js";
import { marked } from "../../signal_log/static/signal_log/js/lib/diff.js";
import { kept, words } from "../../signal_log/static/signal_log/js/parts/status.js";
import { axis, bars, extent } from "../../signal_log/static/signal_log/js/parts/waterfall.js";
import { linksFrom } from "../../signal_log/static/signal_log/js/server/links.js";
import { event, registration, reset } from "./events.js";

const NOW = Date.UTC(2026, 10, 22, 9, 42, 18);
const live = { name: "live", following: true, fresh: 0, lastAt: NOW - 2000, now: NOW, catching: null, trouble: "" };

test("the page always says what state it is in, and problems come first", () => {
  assert.deepEqual(words(live), ["ok", "Live · 2 s ago"]);
  assert.deepEqual(words({ ...live, lastAt: NOW - 14 * 60_000 }), ["ok", "Live · quiet for 14 min"]);
  assert.deepEqual(words({ ...live, lastAt: 0 }), ["ok", "Live · no events yet"]);
  assert.deepEqual(words({ ...live, following: false, fresh: 1240 }), ["held", "Paused · 1,240 new"]);
  assert.deepEqual(words({ ...live, catching: 1240 }), ["wait", "Catching up 1,240"]);
  assert.deepEqual(words({ ...live, following: false, trouble: "Database unavailable" }), [
    "bad",
    "Database unavailable",
  ]);
  assert.deepEqual(words({ ...live, name: "reconnecting", until: NOW + 2400 }), ["wait", "Reconnecting in 3 s"]);
  assert.deepEqual(words({ ...live, name: "connecting" }), ["wait", "Connecting…"]);
  assert.deepEqual(words({ ...live, name: "connecting", trouble: "Database unavailable" }), [
    "bad",
    "Database unavailable",
  ]);
  assert.deepEqual(words({ ...live, name: "surplus" }), ["bad", "Too many live pages"]);
  assert.deepEqual(words({ ...live, name: "signed-out" }), ["bad", "Logged out"]);
  assert.deepEqual(words({ ...live, name: "reconnecting", until: NOW, offline: true }), ["bad", "Offline"]);
});

test("a filter that nothing matches is not an empty log", () => {
  assert.deepEqual(words({ ...live, lastAt: 0, filtered: true }), ["ok", "Live · no match yet"]);
});

test("nothing is said to be complete while the page is not connected", () => {
  const standing = { name: "live", lost: "", recovered: 0, catching: null, since: NOW - 60_000, mode: "utc", now: NOW };
  assert.deepEqual(kept(standing), { tone: "", said: "nothing missed since 09:41" });
  assert.equal(kept({ ...standing, recovered: 2 }).said, "✓ recovered 2 events");
  assert.equal(kept({ ...standing, catching: 2, recovered: 2 }).said, "filling in what was missed");
  for (const name of ["connecting", "reconnecting", "restarting", "database"])
    assert.deepEqual(kept({ ...standing, name, brokenAt: NOW, recovered: 2 }), {
      tone: "bad",
      said: "not connected since 09:42, later events are missing",
    });
  assert.equal(kept({ ...standing, lost: "a gap" }).said, "! a gap");
  for (const over of [{ since: 0 }, { name: "signed-out" }, { name: "forbidden" }])
    assert.equal(kept({ ...standing, ...over }).said, "");
});

test("only what happened while the connection was down counts as recovered", () => {
  const recovery = new Recovery();
  const at = (ms) => ({ occurred_at: new Date(ms).toISOString() });
  recovery.note([at(NOW - 9000)], NOW);
  assert.equal(recovery.running, null);
  recovery.start(NOW);
  recovery.note([at(NOW - 9000), at(NOW - 8000), at(NOW + 10)], NOW);
  assert.equal(recovery.running, 2);
  for (let ms = 100; ms < 2000; ms += 100) recovery.note([at(NOW + ms)], NOW + ms); // a busy log continues meanwhile
  recovery.tick(NOW + 2000);
  assert.equal(recovery.running, null);
  assert.equal(recovery.said(NOW + 2000), 2);
  assert.equal(recovery.said(NOW + 60_000), 0);
});

test("a value of a megabyte quickly becomes one short line, and is not compared word by word", () => {
  const start = performance.now();
  const [old, now] = ["x ".repeat(5e5), "y ".repeat(5e5)];
  const said = summary(event({ changes: { bio: [old, now] } }));
  assert.ok(said.map(([, text]) => text).join(" ").length < 200);
  assert.ok(performance.now() - start < 50);
  assert.deepEqual(marked(old, now), [[[false, old]], [[false, now]]]);
  assert.ok(performance.now() - start < 1000);
});

test("a cascade becomes bars below their causes, on one axis", () => {
  reset();
  const store = new Store();
  store.add(registration());
  const run = { receiver: "users.signals.create_profile", started_us: 0, duration_us: 900 };
  const told = (id) => (store.event(id).position === 2 ? [run] : []);
  const list = bars(tree(store.operationOf(1)), (id) => store.event(id), null, told);
  assert.deepEqual(
    list.map((bar) => [bar.depth, bar.name]),
    [
      [0, "save User ada"],
      [1, "post_save"],
      [2, "users.signals.create_profile"],
      [3, "save Profile ada"],
    ],
  );
  const span = axis(list);
  for (const bar of list) assert.match(extent(bar, span)["--w"], /^\d+\.\d\d%$/);
  const untold = bars(tree(store.operationOf(1)), (id) => store.event(id), null);
  assert.deepEqual(
    untold.map(({ name }) => name),
    list.map(({ name }) => name),
  );
});

test("copied text cannot break out of where it is pasted", () => {
  reset();
  assert.equal(
    asOrm({ sender: "auth.User", object_pk: '1") or delete("' }),
    'User.objects.get(pk="1\\") or delete(\\"")',
  );
  const text = asMarkdown(event({ changes: { bio: ["a|b`", null] } }), "http://x/events/1/");
  assert.match(text, /\| bio \| `"a\\\|bʼ"` \| `null` \|/);
  const told = asMarkdown(event({ changes: { bio: [{ unknown: true }, 1] } }), "u", ["Overwrote `a`<b>."]);
  assert.match(told, /\nu\n`Overwrote ʼaʼ<b>\.`\n\n/);
  assert.match(told, /\| bio \| unknown \| `1` \|/);
});

test("links work for keys of any characters", () => {
  const links = linksFrom("/signals/");
  assert.equal(links.object("auth.User", "7"), "/signals/objects/auth.User/7/");
  assert.equal(links.object("auth.User", "a/b?c"), "/signals/objects/auth.User/?pk=a%2Fb%3Fc");
  assert.equal(links.object("auth.User", ".."), "/signals/objects/auth.User/?pk=..");
  assert.equal(links.history(""), "/signals/events/");
});
