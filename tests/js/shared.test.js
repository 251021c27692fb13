import assert from "node:assert/strict";
import { test } from "node:test";
import { SavedViews } from "../../signal_log/static/signal_log/js/page/saved.js";
import { linksFrom } from "../../signal_log/static/signal_log/js/server/links.js";
import { SharedViews } from "../../signal_log/static/signal_log/js/server/shared.js";

const ONE = { id: 7, name: "errors", query: "outcome=failed", by: "mira", at: "2026-11-22T14:02:00Z", removable: true };
const json = (status, body) => ({
  status,
  headers: new Headers({ "Content-Type": "application/json" }),
  json: async () => body,
});
const page = (status) => ({ status, headers: new Headers({ "Content-Type": "text/html" }) });

/** Shared views whose server gives these answers, and its recorded requests. */
function served(...answers) {
  const asked = [];
  const fetcher = async (address, options) => {
    asked.push([address, options.method ?? "GET", Object.fromEntries(options.body ?? [])]);
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return [new SharedViews(linksFrom("/log/").shared, "token", fetcher), asked];
}

test("views are fetched, shared and removed with the page's token", async () => {
  const all = json(200, { views: [ONE], may_share: true });
  const [shared, asked] = served(all, all, json(200, { views: [], may_share: true }));
  assert.equal(await shared.load(), true);
  assert.deepEqual([shared.all, shared.mayShare], [[ONE], true]);
  await shared.share("errors", "outcome=failed");
  await shared.remove(ONE);
  assert.deepEqual(shared.all, []);
  assert.deepEqual(asked, [
    ["/log/views/", "GET", {}],
    ["/log/views/", "POST", { name: "errors", query: "outcome=failed", csrfmiddlewaretoken: "token" }],
    ["/log/views/7/delete/", "POST", { csrfmiddlewaretoken: "token" }],
  ]);
});

test("every failure is reported, and known views stay", async () => {
  const refused = json(400, { error: "A shared view needs a name." });
  const [shared] = served(
    json(200, { views: [ONE], may_share: true }),
    refused,
    page(403),
    page(502),
    { type: "opaqueredirect" },
    new TypeError("no net"),
    page(200),
  );
  await shared.load();
  const said = [];
  for (let n = 0; n < 6; n += 1) {
    assert.equal(await shared.share("", ""), false);
    said.push(shared.problem);
  }
  for (const [index, words] of ["needs a name", "Reload", "502", "logged out", "Cannot reach", "200"].entries())
    assert.ok(said[index].includes(words), said[index]);
  assert.deepEqual(shared.all, [ONE]);
});

const memory = () => {
  const held = new Map();
  return { getItem: (key) => held.get(key) ?? null, setItem: (key, value) => held.set(key, value) };
};

test("a shared view can open with the page instead of one's own, without being listed among them", () => {
  const storage = memory();
  const views = new SavedViews("7", storage);
  views.save("errors", "q=mine");
  views.toggleFirst("errors");
  views.toggleShared(ONE);
  assert.deepEqual([new SavedViews("7", storage).first, views.firstShared, views.all.length], [ONE.query, "errors", 1]);
  views.save("errors", "q=other");
  views.remove("errors");
  assert.deepEqual([views.first, views.all.length], [ONE.query, 0]);
  views.save("errors", "q=other");
  views.toggleFirst("errors");
  assert.deepEqual([views.first, views.firstShared], ["q=other", ""]);
  views.toggleShared(ONE);
  views.toggleShared(ONE);
  assert.deepEqual([views.first, views.firstShared, views.all.length], ["", "", 1]);
});

test("a shared view that was changed or removed is updated", () => {
  const views = new SavedViews("7", memory());
  views.save("own", "q=own");
  views.toggleShared(ONE);
  views.follow([{ ...ONE, query: "outcome=rolled_back" }]);
  assert.equal(views.first, "outcome=rolled_back");
  views.follow([]);
  assert.deepEqual([views.first, views.firstShared, views.all.length], ["", "", 1]);
});
