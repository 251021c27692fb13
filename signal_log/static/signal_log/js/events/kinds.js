// What an operation was, in one word, and its change in one line: pure functions over the log's events.

import { lastPart, line, valueText } from "../lib/text.js";

export const MASK = "••••••••";
const STAMP = /^(updated|modified|changed|last)(_at|_on|_time)?$|_(updated|modified)(_at|_on)?$/;
const NAMING = ["username", "name", "title", "label", "slug", "email", "subject", "code"];

/** created | updated | deleted | silent | m2m | signal | about | undone | failed, of one event. */
export function kindOf(event) {
  if (event.outcome === "rolled_back") return "undone";
  if (event.outcome === "failed") return "failed";
  return wouldBe(event);
}

/** The kind without regard to the outcome: what it would have been. */
export function wouldBe({ signal, created }) {
  if (signal === "post_save") return created ? "created" : "updated";
  if (signal === "post_delete") return "deleted";
  if (signal === "pre_save" || signal === "pre_delete") return "about";
  if (signal === "m2m_changed") return "m2m";
  return signal.startsWith("silent_") ? "silent" : "signal";
}

const WORDS = { undone: "rolled back", failed: "failed", m2m: "relation", signal: "signal", silent: "silent" };

/** The word that stands beside the icon. */
export function wordOf(event) {
  const kind = kindOf(event);
  if (kind === "about") return event.signal === "pre_save" ? "saving" : "deleting";
  if (kind === "signal")
    return lastPart(event.signal)
      .replace(/^user_/, "")
      .replaceAll("_", " ");
  return WORDS[kind] ?? kind;
}

/** Fields whose values differ, the telling ones first and the stamps last. */
export function changedFields(changes) {
  const rank = (name) => (STAMP.test(name) ? 2 : NAMING.includes(name) ? 0 : 1);
  return Object.entries(changes ?? {})
    .filter(([, pair]) => Array.isArray(pair))
    .sort(([a], [b]) => rank(a) - rank(b));
}

const short = (value, most = 48) => line(plainTime(valueText(value)), most);
const TIME = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(Z|\+00:00)?$/;
const plainTime = (text) => text.replace(TIME, "$1 $2");
const blank = (value) => value === null || value === undefined || value === "";

/** Old and new, shortened together: two times of one day need no date. */
function shortPair(old, now) {
  const [a, b] = [TIME.exec(old), TIME.exec(now)];
  if (!a || !b || a[1] !== b[1]) return [short(old), short(now)];
  const clock = a[2] === b[2] ? (t) => t[2] + (t[3] ?? "").slice(0, 4) : (t) => t[2];
  return [clock(a), clock(b)];
}
const fields = (n) => `${n} field${n === 1 ? "" : "s"}`;

/** The change as pieces of text: [[role, text], ...] with role dim | old | new | cause | error | "". */
export function summary(event) {
  const pieces = [];
  if (event.caused_by) pieces.push(["cause", line(lastPart(event.caused_by), 40)]);
  if (event.outcome !== "committed") pieces.push(...failure(event));
  pieces.push(...change(event));
  return pieces;
}

function failure({ error, outcome, signal, created }) {
  const split = /^([\w.]+(?:Error|Exception|Interrupt|Exit|Warning|DoesNotExist)?):?\s*([\s\S]*)$/.exec(error || "");
  if (error && split) return [["error", line(lastPart(split[1]), 40)], ...(split[2] ? [["", line(split[2], 80)]] : [])];
  const tried = signal.endsWith("delete") ? "delete" : created ? "create" : "save";
  return [["dim", outcome === "failed" ? `the ${tried} never finished` : `the ${tried} was undone`]];
}

function change(event) {
  const list = changedFields(event.changes);
  const would = wouldBe(event);
  const statement = would === "silent" && !event.object_pk; // a row's own event has old values
  if (statement && list.length)
    return list.slice(0, 3).flatMap(([name, [, now]]) => [
      ["dim", line(name, 40)],
      ["new", short(now)],
    ]);
  const came = would === "created" || event.signal === "silent_insert";
  const whole = came || would === "deleted" || event.signal === "pre_delete" || event.signal === "silent_delete";
  if (!list.length) return [["dim", statement ? line(event.origin?.statement ?? "", 80) : nothing(event, would)]];
  if (whole || (event.signal === "pre_save" && list.every(([, [old]]) => old === null)))
    return wholeRow(event, list, whole && !came);
  const [name, [old, now]] = list.find(([, pair]) => pair[1] !== MASK) ?? list[0];
  return [
    ["dim", line(name, 40)],
    ...sides(old, now, would),
    ...(list.length > 1 ? [["dim", `+${list.length - 1}`]] : []),
  ];
}

function sides(old, now, would) {
  if (old === MASK && now === MASK) return [["dim", "changed"]];
  const [before, after] = shortPair(old, now);
  if (would === "m2m" || would === "signal")
    // of what was added, removed or given along there is one side only
    return [...(old === null ? [] : [["old", before]]), ...(now === null ? [] : [["new", after]])];
  return [...(blank(old) ? [] : [["old", before]]), ["arrow", "→"], [blank(now) ? "dim" : "new", after]];
}

/** A whole row that came or went: how many fields, and the one that names it. */
function wholeRow(event, list, gone) {
  const side = gone ? 0 : 1;
  const cascade = gone && event.origin?.model && event.origin.model !== event.sender;
  const pieces = [["dim", (cascade ? "cascade · " : "") + fields(list.length)]];
  const texts = list.filter(([, pair]) => typeof pair[side] === "string" && pair[side] && pair[side] !== MASK);
  const telling = texts.find(([, pair]) => pair[side] === event.object_repr) ?? texts[0];
  if (telling) pieces.push(["dim", line(telling[0], 40)], [gone ? "old" : "new", short(telling[1][side])]);
  return pieces;
}

function nothing({ signal, raw, update_fields: updated }, would) {
  if (raw) return "loaded from a fixture";
  if (signal === "pre_delete" || would === "deleted") return "the row";
  if (would === "updated" || would === "silent" || signal === "pre_save")
    return updated ? `saved ${line(updated.join(", "), 60)}, nothing changed` : "nothing changed";
  return "";
}
