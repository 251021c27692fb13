// What the reader wants to see: a list of {key, value, not}, in the address bar and on the wire alike.

export const KEYS = ["signal", "sender", "object", "actor", "outcome", "source", "trace", "q"];
export const LABELS = {
  signal: "signal",
  sender: "model",
  object: "object",
  actor: "actor",
  outcome: "outcome",
  source: "source",
  trace: "trace",
  q: "text",
};
const ALIASES = { model: "sender", text: "q", ...Object.fromEntries(KEYS.map((key) => [key, key])) };
const MOST_VALUES = 50;
const LONGEST = 500;

export const same = (a, b) => a.key === b.key && a.value === b.value;
export const has = (filters, wanted) => filters.find((f) => same(f, wanted));

/** Put a filter in, or turn the one that says the opposite; what is already there goes (a toggle). */
export function toggle(filters, wanted) {
  const there = has(filters, wanted);
  const rest = filters.filter((f) => !same(f, wanted));
  return there && Boolean(there.not) === Boolean(wanted.not) ? rest : add(rest, wanted);
}

export function add(filters, wanted) {
  const value = [...wanted.value].slice(0, LONGEST).join(""); // never half of a character
  const rest = filters.filter((f) => !same(f, wanted));
  if (!value || rest.filter((f) => f.key === wanted.key).length >= MOST_VALUES) return rest;
  return [...rest, { key: wanted.key, value, not: Boolean(wanted.not) }];
}

export const remove = (filters, gone) => filters.filter((f) => !same(f, gone));
export const invert = (filters, turned) => filters.map((f) => (same(f, turned) ? { ...f, not: !f.not } : f));

const mark = ({ value, not }) => (not ? "!" : "") + value;

/** `{sender: ["auth.User", "!users.Profile"]}` for the server. */
export function toWire(filters) {
  const wire = {};
  for (const filter of filters) {
    wire[filter.key] ??= [];
    wire[filter.key].push(mark(filter));
  }
  return wire;
}

/** The filters as a query string, the same one that /events/ takes. */
export function toQuery(filters) {
  const query = new URLSearchParams();
  for (const filter of filters) query.append(filter.key, mark(filter));
  return query;
}

export function fromQuery(query) {
  let filters = [];
  for (const [key, text] of new URLSearchParams(query)) {
    if (KEYS.includes(key)) filters = add(filters, parsed(key, text));
  }
  return filters;
}

function parsed(key, text) {
  const not = text.startsWith("!");
  return { key, value: not ? text.slice(1) : text, not };
}

/** What was typed: `model:auth.User`, `-actor:eve`, `!needle` or plain words to search for. */
export function fromTyped(typed) {
  const text = typed.trim();
  const named = /^([-!]?)(\w+):(\S[\s\S]*)$/.exec(text);
  if (named && named[2] in ALIASES) return { key: ALIASES[named[2]], value: named[3].trim(), not: named[1] !== "" };
  return text ? parsed("q", text) : null;
}

/** The filter to drop when nothing is left: the one that was added last. */
export const narrowest = (filters) => filters.at(-1) ?? null;
