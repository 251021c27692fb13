import assert from "node:assert/strict";
import { test } from "node:test";

import { Later } from "../../signal_log/static/signal_log/js/lib/later.js";

test("a part is loaded once, however many ask while it is on its way", async () => {
  let loads = 0;
  const later = new Later(async () => {
    loads += 1;
    return { loads };
  });
  assert.equal(later.part, null);
  const [one, other] = await Promise.all([later.need(), later.need()]);
  assert.equal(one, other);
  assert.equal(later.part, one);
  assert.equal(loads, 1);
});

test("a part that cannot be loaded is said in words, and asked for again", async () => {
  let isAway = true;
  const said = [];
  const load = async () => {
    if (isAway) throw new TypeError("Failed to fetch");
    return "there";
  };
  const later = new Later(load, (words) => said.push(words));
  assert.equal(await later.need(), null);
  assert.match(said[0], /^This part of the page could not be loaded\. Reload/);
  assert.equal(await later.need(() => {}), null);
  isAway = false;
  assert.equal(await later.need(), "there");
  assert.equal(said.length, 1);
});
