// What the reader filters by, as pills and as one query.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as filters from "../../signal_log/static/signal_log/js/events/filters.js";

const user = { key: "sender", value: "auth.User", not: false };
const read = (query) => filters.fromQuery(query).filters;
const typed = (text) => filters.fromTyped(text).filters;
const pills = (list) => list.map(({ key, value, not }) => `${not ? "not " : ""}${key} ${value}`);

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
  assert.deepEqual(read("?evil=1&event=5&actor=!eve"), [{ key: "actor", value: "eve", not: true }]);
});

test("words and keys become pills of their own, and together one query", () => {
  assert.deepEqual(typed("model:auth.User"), [user]);
  assert.deepEqual(pills(typed("-actor:eve guido email: old:a")), ["not actor eve", "q guido", "field email", "old a"]);
  assert.deepEqual(pills(typed('"plain words" http://x')), ["q plain words", "q http://x"]);
  assert.deepEqual(typed("  "), []);
  for (const text of ["guido email", "-guido took:>1s took:<2s", "email: old:a new:b", 'model:auth.User "a b"'])
    assert.equal(filters.toText(typed(text)), text);
});

test("values of one facet are alternatives, of which the reader may add more", () => {
  const list = typed("outcome:(failed OR rolled_back) guido");
  assert.deepEqual(pills(list), ["outcome failed", "outcome rolled_back", "q guido"]);
  const more = filters.add(list, { key: "outcome", value: "committed" });
  assert.equal(filters.toText(more), "outcome:(failed OR rolled_back OR committed) guido");
  assert.equal(
    filters.toText(filters.invert(more, more[0])),
    "-outcome:failed outcome:(rolled_back OR committed) guido",
  );
  assert.deepEqual(pills(typed("-outcome:(failed OR committed)")), ["not outcome failed", "not outcome committed"]);
});

test("what is more than keys and values is a pill that shows its text", () => {
  assert.deepEqual(pills(typed("guido OR model:User")), ["group guido OR model:User"]);
  assert.deepEqual(pills(typed("a (b OR -c) -(d e)")), ["q a", "group b OR -c", "not group d e"]);
  assert.deepEqual(pills(typed("email:x actor:a actor:b")), ["group email:x", "actor a", "group actor:b"]);
  for (const text of ["a (b OR -c) -(d e)", "guido OR model:User", "email:x actor:a actor:b", "old:(1 OR 2)"])
    assert.equal(filters.toText(typed(text)), text);
  assert.equal(filters.toText(filters.invert(typed("a OR b"), typed("a OR b")[0])), "-(a OR b)");
});

test("parameters of older links become one query with the meaning that they had", () => {
  const text = (query) => filters.toText(read(query));
  assert.equal(
    text("sender=auth.User&sender=users.Profile&signal=!pre_save"),
    "-signal:pre_save model:(auth.User OR users.Profile)",
  );
  assert.equal(text("q=guido email&q=!ada"), "guido email -ada");
  assert.equal(text("field=stock&new=42&new=null"), "stock: new:(42 OR null)");
  assert.equal(text("q=a OR b&q=c"), "(a OR b) c");
  assert.deepEqual(filters.toWire(read("q=guido&actor=ada")), { q: ["actor:ada guido"] });
  assert.deepEqual(filters.toWire([]), {});
});

test("while typing, a value at the end may go on and is left out", () => {
  const now = (text) => pills(filters.whileTyping(text).filters);
  assert.deepEqual(now("guido"), ["q guido"]);
  assert.deepEqual(now("guido act"), ["q guido", "q act"]);
  assert.deepEqual(now("guido actor:ad"), ["q guido"]);
  assert.deepEqual(now("guido -actor:ad"), ["q guido"]);
  assert.deepEqual(now("actor:ada "), ["actor ada"]);
  assert.deepEqual(now("email:"), []);
  assert.deepEqual(filters.whileTyping("outcome:f").problems, []);
  assert.equal(filters.whileTyping("outcome:f a").problems[0].at, 8);
});

test("the times of traces decide wherever they are asked for", () => {
  assert.equal(filters.needTimes(typed("guido took:>1s")), true);
  assert.equal(filters.needTimes(typed("guido OR -took:>1s")), true);
  assert.equal(filters.needTimes(typed("guido OR ada")), false);
});
