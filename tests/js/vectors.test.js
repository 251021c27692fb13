// Both languages must match the tables in tests/vectors, which Python's tests read too (test_vectors.py).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fromQuery, LABELS, toQuery } from "../../signal_log/static/signal_log/js/events/filters.js";
import { pillText } from "../../signal_log/static/signal_log/js/parts/pills.js";
import { ofDuration, ofEvent, ofValue } from "./saying.js";

const table = (name) => JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf8"));

test("both languages describe an event in the same words", () => {
  const cases = table("events");
  const [usual] = cases;
  for (const { is, event, said } of cases)
    assert.deepEqual(ofEvent({ ...usual.event, ...event }), { ...usual.said, ...said }, is);
});

test("both languages show values alike on one line, in full and as initials", () => {
  for (const { value, most, said } of table("values"))
    assert.deepEqual(ofValue(value, most), said, JSON.stringify(value));
});

test("durations", () => {
  for (const { us, said } of table("durations")) assert.equal(ofDuration(us), said, String(us));
});

test("filters in an address, and as pills", () => {
  for (const { query, pills } of table("filters")) {
    const { filters } = fromQuery(query);
    assert.deepEqual(fromQuery(toQuery(filters).toString()).filters, filters, query);
    const groups = filters.filter(({ key }) => key === "group");
    if (groups.length || query.includes("q=")) continue; // of older links, each word is a pill
    const shown = filters.map((one) => [LABELS[one.key], one.not, pillText(one)]);
    assert.deepEqual(shown.sort(), pills.sort(), query);
  }
});
