// Asks about a value on a page of the server: the history with its query, beside what the history is asked already.

import { addAll, fromNode, fromQuery, toText } from "../events/filters.js";
import { copy } from "../lib/clip.js";
import { say } from "../lib/status.js";
import { negated } from "../query/nodes.js";
import { parse } from "../query/parse.js";
import { write } from "../query/write.js";
import { waysOf } from "./menu.js";

const KEPT = ["since", "until", "every"];

/**
 * The address of the history with one more condition.
 * @param {string} history its address
 * @param {string} now the query string of the page, if that is the history
 * @param {string} q
 * @param {boolean} not
 */
export function asked(history, now, q, not) {
  const read = fromQuery(now);
  const { node } = parse(q);
  const more = fromNode(node && not ? negated(node) : node);
  const text = toText(addAll(read.broken ? [] : read.filters, more));
  const given = new URLSearchParams();
  const [since, until] = [inQuery(now, "since"), inQuery(now, "until")];
  given.set("q", since || until ? write(parse(text).node, since, until) : text);
  for (const [key, value] of new URLSearchParams(now)) if (KEPT.includes(key)) given.append(key, value);
  return `${history}?${given}`;
}

/**
 * A moment that stands in the query itself.
 * @param {string} now
 * @param {"since" | "until"} key
 */
function inQuery(now, key) {
  const queries = new URLSearchParams(now).getAll("q").map((text) => parse(text));
  return queries.find((one) => one[key])?.[key] ?? null;
}

/** @param {string} history */
export function waysTo(history) {
  const now = location.pathname === new URL(history, location.href).pathname ? location.search : "";
  return waysOf({
    href: ({ q }, not) => asked(history, now, q, not),
    ask: () => {},
    copy: async ({ text }) => say((await copy(text)) ? "Copied" : "The browser blocked copying"),
  });
}
