// The query language in the browser: read and written as Python does, completed, and marked in what was found.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { optionsAt, placeAt } from "../../signal_log/static/signal_log/js/query/complete.js";
import { hitsOf, pieces } from "../../signal_log/static/signal_log/js/query/hits.js";
import { parse } from "../../signal_log/static/signal_log/js/query/parse.js";
import { write } from "../../signal_log/static/signal_log/js/query/write.js";
import { Values } from "../../signal_log/static/signal_log/js/server/values.js";

const table = JSON.parse(readFileSync(new URL("../vectors/query.json", import.meta.url), "utf8"));

test("both languages read and write a query alike", () => {
  assert.ok(table.length > 200);
  for (const { typed, typing, canonical, ...wanted } of table) {
    const parsed = parse(typed, { typing });
    assert.deepEqual(parsed, wanted, typed);
    assert.equal(write(parsed.node, parsed.since, parsed.until), canonical, typed);
  }
});

test("what is written parses to the same again", () => {
  for (const { canonical } of table) {
    const { node, since, until, problems } = parse(canonical);
    assert.deepEqual(problems, [], canonical);
    assert.equal(write(node, since, until), canonical);
  }
});

/** Where the caret, "|", stands in a query. */
function at(typed) {
  const caret = typed.indexOf("|");
  const text = typed.replace("|", "");
  const { key, begins, from, to } = placeAt(text, caret);
  return [key, begins, text.slice(from, to)];
}

test("the caret knows its key, what is typed of it, and what it would replace", () => {
  assert.deepEqual(at("|"), ["", "", ""]);
  assert.deepEqual(at("gui|do"), ["", "gui", "guido"]);
  assert.deepEqual(at("🎈 -act|"), ["", "act", "act"]);
  assert.deepEqual(at("guido |"), ["", "", ""]);
  assert.deepEqual(at("acto|r:ada"), ["", "acto", "actor:"]);
  assert.deepEqual(at("actor:|"), ["actor", "", ""]);
  assert.deepEqual(at("actor:| x"), ["actor", "", ""]);
  assert.deepEqual(at("SENDER:Us|er x"), ["model", "Us", "User"]);
  assert.deepEqual(at('actor:"Ada Lo|v"'), ["actor", "Ada Lo", '"Ada Lov"']);
  assert.deepEqual(at("model:(User OR Pro|)"), ["model", "Pro", "Pro"]);
  assert.deepEqual(at("model:(User) Pro|"), ["", "Pro", "Pro"]);
  assert.deepEqual(at("-(email:x|)"), ["email", "x", "x"]);
  assert.deepEqual(at("https://ex|"), ["", "https://ex", "https://ex"]);
});

const known = {
  actor: [
    ["grace", 3],
    ["Ada Lovelace", 12],
    ["adam", 40],
  ],
  model: [
    ["auth.User", 9],
    ["users.Profile", 4],
  ],
  field: [["email", 7]],
};
const valuesOf = (key) => (Object.hasOwn(known, key) ? known[key] : []);
const offered = (key, begins) => optionsAt({ key, begins, from: 0, to: 0 }, valuesOf).map((one) => one.insert);

test("keys, fields and values are completed, the likeliest first", () => {
  assert.deepEqual(offered("", "ac"), ["actor:", "actor_pk:", "actor_name:"]);
  assert.deepEqual(offered("", "em"), ["email:"]);
  assert.deepEqual(offered("", "ada"), ["actor:adam ", 'actor:"Ada Lovelace" ']);
  assert.equal(offered("", "").length, 19);
  assert.deepEqual(offered("actor", ""), ["adam ", '"Ada Lovelace" ', "grace "]);
  assert.deepEqual(offered("actor", "LOVE"), ['"Ada Lovelace" ']);
  assert.deepEqual(offered("model", "user"), ["auth.User ", "users.Profile "]);
  assert.deepEqual(offered("outcome", "f"), ["failed "]);
  assert.deepEqual(offered("took", ""), [">10ms ", ">100ms ", ">1s "]);
  assert.deepEqual(offered("email", "x"), []);
  for (const name of ["constructor", "__proto__", "toString"]) assert.deepEqual(offered(name, "x"), []);
});

const marked = (query, text) =>
  pieces(text, hitsOf(parse(query).node))
    .map(([isMarked, piece]) => (isMarked ? `[${piece}]` : piece))
    .join("");

test("what was asked for is marked, and nothing that was excluded", () => {
  assert.equal(marked("gui", "Guido and guido"), "[Gui]do and [gui]do");
  assert.equal(marked("a.b OR (x+ -y)", "a.b aab x+ y"), "[a.b] aab [x+] y");
  assert.equal(marked("email:ada", "email ada adam"), "[email] [ada] adam");
  assert.equal(marked("model:User outcome:failed", "User failed"), "User failed");
  assert.equal(marked('"<b>"', "a <b> c"), "a [<b>] c");
  assert.equal(marked("ada adam", "adam"), "[adam]");
  assert.equal(marked("i", "İ"), "İ");
  assert.equal(hitsOf(parse("").node), null);
});

test("a value of the server is asked for once, and kept", async () => {
  const asked = [];
  let told = 0;
  const ask = async (query) => {
    asked.push(query);
    if (query.key === "broken") throw new Error("no");
    return { values: [["ada", 2]], scope: "counted" };
  };
  const values = new Values({ ask, changed: () => (told += 1) });
  assert.deepEqual(values.of("actor", "a", 0).values, []);
  values.of("actor", "a", 1);
  values.of("broken", "", 1);
  await new Promise(setImmediate);
  assert.deepEqual(values.of("actor", "a", 2), { at: 0, values: [["ada", 2]], scope: "counted" });
  assert.equal(told, 1);
  assert.deepEqual(asked, [
    { format: "values", key: "actor", begins: "a" },
    { format: "values", key: "broken", begins: "" },
  ]);
  assert.deepEqual(values.of("broken", "", 3).values, []);
  assert.equal(asked.length, 2);
  values.of("actor", "a", 40_000);
  assert.equal(asked.length, 3);
});
