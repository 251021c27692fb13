import assert from "node:assert/strict";
import { test } from "node:test";

import { kindOf, MASK, summary, wordOf } from "../../signal_log/static/signal_log/js/events/kinds.js";
import { initials, line, visible } from "../../signal_log/static/signal_log/js/lib/text.js";
import { event } from "./events.js";

const said = (fields) =>
  summary(event(fields))
    .map(([, text]) => text)
    .join(" ");

test("an update says old and new of the telling field, and how many more", () => {
  assert.equal(
    said({ changes: { updated: ["a", "b"], headline: ["Rear admiral", "Compiler builder"] } }),
    "headline Rear admiral → Compiler builder +1",
  );
});

test("what was blank before is not struck out, and times of one day leave the date out", () => {
  assert.equal(said({ changes: { last_login: [null, "2026-11-22T09:42:07.5Z"] } }), "last_login → 2026-11-22 09:42:07");
  assert.equal(said({ changes: { bio: ["x", ""] } }), "bio x → empty");
  assert.equal(said({ changes: { at: ["2026-11-22T08:10:44Z", "2026-11-22T09:42:07Z"] } }), "at 08:10:44 → 09:42:07");
});

test("a masked value is said to have changed", () => {
  assert.equal(said({ changes: { password: [MASK, MASK] } }), "password changed");
});

test("of a relation and of another signal's arguments only what there is is said", () => {
  assert.equal(said({ signal: "m2m_changed", changes: { tags: [null, [1]] } }), "tags [ 1 ]");
  assert.equal(said({ signal: "m2m_changed", changes: { tags: [[1], null] } }), "tags [ 1 ]");
  assert.equal(said({ signal: "shop.signals.paid", changes: { amount: [null, 5], note: [null, ""] } }), "amount 5 +1");
});

test("a creation names the object and counts its fields; the cause comes first", () => {
  assert.equal(
    said({ created: true, caused_by: "users.signals.create_profile", changes: { id: [null, 3], name: [null, "Ada"] } }),
    "create_profile 2 fields name Ada",
  );
  assert.equal(
    said({ created: true, object_repr: "Hammer", changes: { slug: [null, "h-1"], kind: [null, "Hammer"] } }),
    "2 fields kind Hammer",
  );
});

test("a deletion by cascade says so", () => {
  assert.equal(
    said({
      signal: "post_delete",
      created: null,
      sender: "users.Profile",
      origin: { model: "auth.User", pk: "1" },
      changes: { email: ["eve@example.org", null] },
    }),
    "cascade · 1 field email eve@example.org",
  );
});

test("work that was undone says why", () => {
  const fields = {
    outcome: "rolled_back",
    error: "django.db.utils.IntegrityError: username already taken",
    changes: {},
  };
  assert.equal(kindOf(event(fields)), "undone");
  assert.match(said(fields), /^IntegrityError username already taken/);
  assert.equal(kindOf(event({ outcome: "failed" })), "failed");
});

test("a silent write says what it set, or the statement", () => {
  const fields = {
    signal: "silent_update",
    created: null,
    object_pk: "",
    object_repr: "412 rows",
    origin: { model: "shop.Item", rows: 412, statement: 'UPDATE "shop_item" SET "stock" = %s' },
  };
  assert.equal(said({ ...fields, changes: { stock: [null, 5] } }), "stock 5");
  assert.equal(said({ ...fields, changes: {} }), 'UPDATE "shop_item" SET "stock" = %s');
  assert.equal(said({ ...fields, changes: {}, origin: null }), "");
  assert.equal(wordOf(event(fields)), "silent");
});

test("a row of a bulk write says what it held and holds", () => {
  const fields = {
    signal: "silent_update",
    sender: "shop.Item",
    created: null,
    object_pk: "5",
    object_repr: "chair",
    update_fields: null,
    origin: { model: "shop.Item", rows: 412, statement: 'UPDATE "shop_item" SET "stock" = %s' },
  };
  assert.equal(said({ ...fields, changes: { stock: [4, 5] } }), "stock 4 → 5");
  assert.equal(said({ ...fields, changes: {} }), "nothing changed");
  assert.equal(
    said({ ...fields, signal: "silent_insert", changes: { id: [null, 5], name: [null, "chair"] } }),
    "2 fields name chair",
  );
  assert.equal(
    said({ ...fields, signal: "silent_delete", changes: { id: [5, null], name: ["chair", null] } }),
    "2 fields name chair",
  );
});

test("a signal of another library is named by the end of its path", () => {
  assert.equal(wordOf(event({ signal: "django.contrib.auth.signals.user_logged_in" })), "logged in");
});

test("what hides or turns text is spelt out", () => {
  assert.equal(visible("a\u202egpj.exe"), "a[U+202E]gpj.exe");
  assert.equal(visible("a\u0000b\ud800c"), "a␀b[U+D800]c");
  assert.equal(visible("👩‍💻 ok").includes("ok"), true);
  assert.equal(line("two\nlines\tand a tab"), "two⏎lines⇥and a tab");
});

test("a value of a megabyte becomes one short line, fast", () => {
  const start = performance.now();
  const text = said({ changes: { bio: ["x".repeat(1e6), "y".repeat(1e6)] } });
  assert.ok(text.length < 200);
  assert.ok(performance.now() - start < 50);
});

test("initials come from any script", () => {
  assert.equal(initials("Grace Hopper"), "GH");
  assert.equal(initials("ada"), "AD");
  assert.equal(initials("Ωμέγα"), "ΩΜ");
  assert.equal(initials(""), "?");
});
