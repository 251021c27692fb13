// The keys of the query language, which texts are keys, and which characters part words.

/** Each key of a term, with a hint for whoever completes it; any other name is that of a changed field. */
export const KEYS = new Map([
  ["model", "User or auth.User"],
  ["signal", "post_save"],
  ["actor", "name or key"],
  ["actor_pk", "key of an account"],
  ["actor_name", "name of an account"],
  ["object", "name, key or auth.User/7"],
  ["outcome", "committed, rolled_back, failed"],
  ["source", "http, shell, command:…"],
  ["trace", "number of a trace"],
  ["field", "name of a changed field"],
  ["old", "value before"],
  ["new", "value after"],
  ["value", "value before or after"],
  ["overwrote", "true, or a field"],
  ["took", ">100ms, <2s"],
  ["pinned", "true, in the history"],
  ["text", "a part of any text"],
]);
/** Of the whole query, with a hint. */
export const MOMENTS = new Map([
  ["since", "now-5m, 2026-11-22"],
  ["until", "now, 2026-11-22"],
]);
export const SIDES = ["old", "new", "value"];
export const OUTCOMES = ["committed", "rolled_back", "failed"];

/** The white space of a regular expression's class, spelled out: Python and JavaScript do not mean the same by it. */
export const SPACE = String.raw`\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`;
const NAME = /^[\p{L}_][\p{L}\p{N}\p{M}_.-]*$/u;

/**
 * The key that a name before a colon stands for, or nothing: then it is a field's.
 * @param {string} name
 */
export function known(name) {
  const key = name.toLowerCase();
  if (key === "sender") return "model";
  return KEYS.has(key) || MOMENTS.has(key) ? key : "";
}

/** @type {(text: string) => boolean} */
export const isName = (text) => NAME.test(text);

/**
 * The name before a word's first colon, if that is what it is: `10:42` and `https://x` have none.
 * @param {string} word
 */
export function keyIn(word) {
  const colon = word.indexOf(":");
  const name = word.slice(0, Math.max(colon, 0));
  return name && !word.startsWith("//", colon + 1) && isName(name) ? name : "";
}
