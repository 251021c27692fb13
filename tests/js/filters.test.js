import assert from "node:assert/strict";
import { test } from "node:test";

import * as filters from "../../signal_log/static/signal_log/js/events/filters.js";

const user = { key: "sender", value: "auth.User", not: false };

test("a filter can be toggled, negated and removed", () => {
  let list = filters.toggle([], user);
  assert.deepEqual(list, [user]);
  list = filters.toggle(list, { ...user, not: true });
  assert.deepEqual(list, [{ ...user, not: true }]);
  assert.deepEqual(filters.toggle(list, { ...user, not: true }), []);
  assert.deepEqual(filters.invert([user], user), [{ ...user, not: true }]);
  assert.deepEqual(filters.remove([user], user), []);
});

test("a long value is cut, but never inside a character", () => {
  assert.equal(filters.add([], { key: "q", value: "🎈".repeat(501) })[0].value, "🎈".repeat(500));
});

test("unknown keys in an address are ignored", () => {
  assert.deepEqual(filters.fromQuery("?evil=1&event=5&actor=!eve"), [{ key: "actor", value: "eve", not: true }]);
});

test("typed text may name a key", () => {
  assert.deepEqual(filters.fromTyped("model:auth.User"), user);
  assert.deepEqual(filters.fromTyped("-actor:eve"), { key: "actor", value: "eve", not: true });
  assert.deepEqual(filters.fromTyped(" plain words "), { key: "q", value: "plain words", not: false });
  assert.deepEqual(filters.fromTyped("http://x"), { key: "q", value: "http://x", not: false });
  assert.equal(filters.fromTyped("  "), null);
});
