// What the reader wants to see: a list of {key, value, not}, in the address bar and on the wire alike.

/** @typedef {"actor" | "actor_pk" | "actor_name"} ActorKey by either, and by the one alone */
/** @typedef {"field" | "old" | "new" | "value" | "overwrote"} ChangeKey by what was changed */
/** @typedef {"outcome" | "source" | "trace" | "took" | "q"} OtherKey */
/** @typedef {"signal" | "sender" | "object" | ActorKey | ChangeKey | OtherKey} FilterKey */
/** @typedef {{ key: FilterKey, value: string, not?: boolean }} Filter */

/** @type {FilterKey[]} */
export const KEYS = [
  "signal",
  "sender",
  "object",
  "actor",
  "actor_pk",
  "actor_name",
  "outcome",
  "source",
  "trace",
  "field",
  "old",
  "new",
  "value",
  "overwrote",
  "took",
  "q",
];
/** @type {Record<FilterKey, string>} */
export const LABELS = {
  signal: "signal",
  sender: "model",
  object: "object",
  actor: "actor",
  actor_pk: "actor key",
  actor_name: "actor name",
  outcome: "outcome",
  source: "source",
  trace: "trace",
  field: "changed field",
  old: "old value",
  new: "new value",
  value: "old or new value",
  overwrote: "overwrote",
  took: "took",
  q: "text",
};
/** @type {Record<string, FilterKey>} */
const ALIASES = { model: "sender", text: "q", ...Object.fromEntries(KEYS.map((key) => [key, key])) };
const MOST_VALUES = 50;
const LONGEST = 500;

/** @type {(a: Filter, b: Filter) => boolean} */
export const same = (a, b) => a.key === b.key && a.value === b.value;
/** @type {(filters: Filter[], wanted: Filter) => Filter | undefined} */
export const has = (filters, wanted) => filters.find((f) => same(f, wanted));

/**
 * Put a filter in, or turn the one that says the opposite; what is already there goes (a toggle).
 * @param {Filter[]} filters
 * @param {Filter} wanted
 */
export function toggle(filters, wanted) {
  const there = has(filters, wanted);
  const rest = filters.filter((f) => !same(f, wanted));
  return there && Boolean(there.not) === Boolean(wanted.not) ? rest : add(rest, wanted);
}

/**
 * @param {Filter[]} filters
 * @param {Filter} wanted
 * @returns {Filter[]}
 */
export function add(filters, wanted) {
  const value = [...wanted.value].slice(0, LONGEST).join(""); // never half of a character
  const rest = filters.filter((f) => !same(f, wanted));
  if (!value || rest.filter((f) => f.key === wanted.key).length >= MOST_VALUES) return rest;
  return [...rest, { key: wanted.key, value, not: Boolean(wanted.not) }];
}

/**
 * Whether the times of traces decide, which are known once a trace is over.
 * @type {(filters: Filter[]) => boolean}
 */
export const needTimes = (filters) => filters.some(({ key }) => key === "took");
/** @type {(filters: Filter[], gone: Filter) => Filter[]} */
export const remove = (filters, gone) => filters.filter((f) => !same(f, gone));
/** @type {(filters: Filter[], turned: Filter) => Filter[]} */
export const invert = (filters, turned) => filters.map((f) => (same(f, turned) ? { ...f, not: !f.not } : f));

/** @type {(filter: Filter) => string} */
const mark = ({ value, not }) => (not ? "!" : "") + value;

/**
 * `{sender: ["auth.User", "!users.Profile"]}` for the server.
 * @param {Filter[]} filters
 */
export function toWire(filters) {
  /** @type {Record<string, string[]>} */
  const wire = {};
  for (const filter of filters) {
    wire[filter.key] ??= [];
    wire[filter.key].push(mark(filter));
  }
  return wire;
}

/**
 * The filters as a query string, the same one that /events/ takes.
 * @param {Filter[]} filters
 */
export function toQuery(filters) {
  const query = new URLSearchParams();
  for (const filter of filters) query.append(filter.key, mark(filter));
  return query;
}

/** @param {string} query */
export function fromQuery(query) {
  /** @type {Filter[]} */
  let filters = [];
  for (const [name, text] of new URLSearchParams(query)) {
    const key = KEYS.find((one) => one === name);
    if (key) filters = add(filters, parsed(key, text));
  }
  return filters;
}

/**
 * @param {FilterKey} key
 * @param {string} text
 * @returns {Filter}
 */
function parsed(key, text) {
  const not = text.startsWith("!");
  return { key, value: not ? text.slice(1) : text, not };
}

/**
 * What was typed: `model:auth.User`, `-actor:eve`, `!needle` or plain words to search for.
 * @param {string} typed
 * @returns {Filter | null}
 */
export function fromTyped(typed) {
  const text = typed.trim();
  const named = /^([-!]?)(\w+):(\S[\s\S]*)$/.exec(text);
  if (named && named[2] in ALIASES) return { key: ALIASES[named[2]], value: named[3].trim(), not: named[1] !== "" };
  return text ? parsed("q", text) : null;
}

/**
 * The filter to drop when nothing is left: the one that was added last.
 * @type {(filters: Filter[]) => Filter | null}
 */
export const narrowest = (filters) => filters.at(-1) ?? null;
