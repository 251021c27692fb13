import assert from "node:assert/strict";
import { test } from "node:test";

import { Connection } from "../../signal_log/static/signal_log/js/server/socket.js";

/** A connection whose socket is played by the test. */
function connected(options = {}) {
  const said = [];
  class Socket {
    constructor() {
      this.readyState = 1;
      Socket.last = this;
      Socket.opened = (Socket.opened ?? 0) + 1;
      this.frames = [];
    }
    send(text) {
      this.frames.push(JSON.parse(text));
    }
    close() {}
    tell(frame) {
      this.onmessage({ data: JSON.stringify(frame) });
    }
  }
  const handler =
    (name) =>
    (...given) =>
      said.push([name, ...given]);
  const names = ["state", "events", "ready", "reset", "error", "heartbeat"];
  const connection = new Connection({
    url: "ws://x/",
    backfill: 200,
    filters: () => options.filters ?? {},
    Socket,
    handlers: Object.fromEntries(names.map((name) => [name, handler(name)])),
  });
  connection.start();
  Socket.last.onopen();
  return { connection, Socket, said, of: (name) => said.filter(([one]) => one === name) };
}

const frame = (...ids) => ({ type: "events", events: ids.map((id) => ({ id })), cursor: `c${ids.at(-1)}` });

test("it asks for the backfill first, and after a reconnection for what came since", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { Socket, of } = connected();
  assert.deepEqual(Socket.last.frames[0], { type: "subscribe", after: null, backfill: 200, filters: {} });
  Socket.last.tell({ type: "ready", cursor: "c0" });
  Socket.last.tell(frame(1, 2));
  Socket.last.onclose({ code: 1006, reason: "" });
  assert.equal(of("state").at(-1)[1], "reconnecting");
  t.mock.timers.tick(30_000);
  Socket.last.onopen();
  assert.equal(Socket.last.frames[0].after, "c2");
});

test("events for former filters are not taken as matching the new ones", () => {
  const { connection, Socket, of } = connected();
  connection.resubscribe();
  connection.resubscribe();
  assert.equal(Socket.last.frames.length, 1, "one subscription at a time");
  Socket.last.tell({ type: "ready", cursor: "c0" });
  assert.equal(Socket.last.frames.length, 2);
  Socket.last.tell(frame(1));
  assert.equal(of("events").length, 0);
  Socket.last.tell({ type: "ready", cursor: "c0" });
  Socket.last.tell(frame(2));
  assert.deepEqual(of("events"), [["events", [{ id: 2 }]]]);
  connection.stop();
});

test("a refused filter does not block the next one", () => {
  const { connection, Socket, of } = connected();
  Socket.last.tell({ type: "error", code: "bad_filter", detail: "no" });
  assert.equal(of("error").length, 1);
  connection.resubscribe();
  assert.equal(Socket.last.frames.length, 2);
  connection.stop();
});

test("events are acknowledged before the server's window is full, and after a delay", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { Socket } = connected();
  Socket.last.tell({ type: "ready", cursor: "c0" });
  Socket.last.tell(frame(...Array.from({ length: 120 }, (_, n) => n + 1)));
  assert.deepEqual(Socket.last.frames.at(-1), { type: "ack", id: 120 });
  Socket.last.tell(frame(121));
  assert.equal(Socket.last.frames.length, 2);
  t.mock.timers.tick(5_000);
  assert.deepEqual(Socket.last.frames.at(-1), { type: "ack", id: 121 });
});

test("a silent connection counts as broken", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { Socket, of } = connected();
  Socket.last.tell({ type: "ready", cursor: "c0" });
  t.mock.timers.tick(34_000);
  assert.equal(of("state").at(-1)[1], "connecting");
  t.mock.timers.tick(2_000);
  assert.equal(
    of("state").some(([, name]) => name === "reconnecting"),
    true,
  );
});

test("in doubt it pings the server, and waits at most five seconds for an answer", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { connection, Socket, of } = connected();
  Socket.last.tell({ type: "ready", cursor: "c0" });
  connection.probe();
  assert.deepEqual(Socket.last.frames.at(-1), { type: "ping" });
  t.mock.timers.tick(4_000);
  Socket.last.tell({ type: "heartbeat", cursor: "c0", head: 0 });
  t.mock.timers.tick(30_000);
  assert.equal(of("state").at(-1)[1], "connecting", "it has answered");
  connection.probe();
  t.mock.timers.tick(6_000);
  assert.equal(
    of("state").some(([, name]) => name === "reconnecting"),
    true,
  );
});

test("a log-out and a missing permission are final; a restart is not", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  for (const [code, name, again] of [
    [4401, "signed-out", 1],
    [4403, "forbidden", 1],
    [1012, "restarting", 2],
    [1013, "database", 2],
    [4503, "database", 2],
    [4408, "reconnecting", 2],
  ]) {
    const { Socket, of } = connected();
    Socket.last.onclose({ code, reason: "" });
    assert.equal(of("state").at(-1)[1], name);
    t.mock.timers.tick(60_000);
    assert.equal(Math.min(2, Socket.opened), again, name);
  }
});

test("a page that its account has too many of does not reconnect, which would close another one", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { Socket, of } = connected();
  Socket.last.tell({ type: "error", code: "too_many_sockets", detail: "Reload this page to continue here." });
  Socket.last.onclose({ code: 4429, reason: "" });
  assert.equal(of("error").at(-1)[1].detail, "Reload this page to continue here.");
  assert.equal(of("state").at(-1)[1], "surplus");
  t.mock.timers.tick(600_000);
  assert.equal(Socket.opened, 1);
});

test("nothing is resumed after a reset", () => {
  const { Socket, connection, of } = connected();
  Socket.last.tell({ type: "ready", cursor: "c0" });
  Socket.last.tell(frame(7));
  Socket.last.tell({ type: "reset", reason: "foreign", oldest: 1 });
  assert.equal(connection.cursor, null);
  assert.deepEqual(of("reset").at(-1)[1].reason, "foreign");
  connection.stop();
});
