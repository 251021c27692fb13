// What may stand at the caret of a query: keys, names of changed fields, and values with their counts.

import { KEYS, known, MOMENTS, OUTCOMES } from "./keys.js";
import { tokens } from "./tokens.js";
import { value as written } from "./write.js";

/** @import { Token } from "./tokens.js" */

/**
 * The piece under the caret, in UTF-16 places as an input counts them: `begins` is what of it is typed already.
 * @typedef {{ key: string, begins: string, from: number, to: number }} Place
 */
/** @typedef {[value: string, count: number | null]} Counted */
/** @typedef {(key: string) => Counted[]} ValuesOf */
/**
 * `insert` replaces the piece; `more` tells that something has to follow at once.
 * @typedef {object} Option
 * @property {string} insert
 * @property {string} label
 * @property {string} [hint]
 * @property {number | null} [count]
 * @property {boolean} [more]
 */

const MOST = 12;
const MOST_OF_OTHERS = 6;
const LOOKED_AT = 1_000; // values of a key, of ten thousand perhaps: the answer has to come within a keystroke
const PARTED = [" ", ".", "/", ":", "_"];
const SHORTEST = 2; // characters before values of every key are offered
/** @type {Map<string, string[]>} a map, as a field may be called "constructor" */
const ALWAYS = new Map([
  ["outcome", OUTCOMES],
  ["overwrote", ["true"]],
  ["pinned", ["true"]],
  ["took", [">10ms", ">100ms", ">1s"]],
  ["since", ["now-5m", "now-1h", "now-1d"]],
  ["until", ["now", "now-5m"]],
]);
/** Keys whose values are offered although no key was typed. */
export const SUGGESTED = ["actor", "model", "signal", "source", "outcome"];

/**
 * @param {string} typed
 * @param {number} caret
 * @returns {Place}
 */
export function placeAt(typed, caret) {
  const chars = [...typed];
  /** @type {(place: number) => number} */
  const units = (place) => chars.slice(0, place).join("").length;
  const at = [...typed.slice(0, caret)].length;
  const found = tokens(typed);
  const index = found.findIndex((one) => one.at < at && at <= one.at + one.length && one.kind !== "close");
  const token = found[index];
  if (!token || token.kind === "open" || token.kind === "not") return { key: "", begins: "", from: caret, to: caret };
  const before = found[index - 1];
  /** @type {(key: Token | undefined, part: Token | undefined) => Place} */
  const value = (key, part) => ({
    key: key ? known(key.text) || key.text : "",
    begins: part ? begun(part, at) : "",
    from: part ? units(part.at) : caret,
    to: part ? units(part.at + part.length) : caret,
  });
  if (token.kind === "key") {
    if (at === token.at + token.length) return value(token, token.glued ? glued(found[index + 1]) : undefined);
    return { key: "", begins: begun(token, at), from: units(token.at), to: units(token.at + token.length) };
  }
  const key = before?.kind === "key" && before.glued ? before : bracketed(found, index);
  return value(key, token);
}

/** @type {(next: Token | undefined) => Token | undefined} */
const glued = (next) => (next?.kind === "word" || next?.kind === "phrase" ? next : undefined);

/** @type {(token: Token, at: number) => string} */
function begun(token, at) {
  const size = at - token.at;
  return token.kind === "phrase"
    ? [...token.text].slice(0, size - 1).join("")
    : [...token.text].slice(0, size).join("");
}

/**
 * The key whose bracket is open around this token.
 * @type {(found: Token[], index: number) => Token | undefined}
 */
function bracketed(found, index) {
  let depth = 0;
  for (let at = index - 1; at >= 0; at -= 1) {
    if (found[at].kind === "close") depth += 1;
    else if (found[at].kind === "open" && depth > 0) depth -= 1;
    else if (found[at].kind === "open" && found[at - 1]?.kind === "key" && found[at - 1].glued) return found[at - 1];
  }
  return undefined;
}

/**
 * The options at a place, best first. `valuesOf(key)` are the values known at present, of "field" the fields' names.
 * @param {Place} place
 * @param {ValuesOf} valuesOf
 * @returns {Option[]}
 */
export function optionsAt({ key, begins }, valuesOf) {
  const sought = begins.toLowerCase();
  if (key) return valuesFor(key, sought, valuesOf).slice(0, MOST);
  const keys = [...KEYS, ...MOMENTS]
    .filter(([name]) => name.startsWith(sought))
    .map(([name, hint]) => keyed(name, hint));
  if (sought.length < SHORTEST) return keys;
  const fields = ranked(valuesOf("field"), sought, true).map(([name]) => keyed(name, "changed field"));
  const others = SUGGESTED.flatMap((name) =>
    ranked(valuesOf(name), sought, true).map(([text, count]) => ({
      ...option(text, count),
      insert: `${name}:${written(text)} `,
      hint: name,
    })),
  );
  others.sort((a, b) => (b.count ?? 0) - (a.count ?? 0));
  return [...keys, ...fields.slice(0, MOST_OF_OTHERS), ...others.slice(0, MOST_OF_OTHERS)].slice(0, MOST);
}

/** @type {(name: string, hint: string) => Option} */
const keyed = (name, hint) => ({ insert: `${name}:`, label: `${name}:`, hint, more: true });

/** @type {(text: string, count: number | null) => Option} */
const option = (text, count) => ({ insert: `${written(text)} `, label: text, count });

/**
 * @param {string} key
 * @param {string} sought
 * @param {ValuesOf} valuesOf
 */
function valuesFor(key, sought, valuesOf) {
  const found = ranked(valuesOf(key), sought);
  const has = new Set(found.map(([text]) => text));
  const always = (ALWAYS.get(key) ?? []).filter((text) => !has.has(text) && text.startsWith(sought));
  return [...found.map(([text, count]) => option(text, count)), ...always.map((text) => option(text, null))];
}

/**
 * Those that hold what is sought; the ones with a part that begins with it first, then by count.
 * @param {Counted[]} values
 * @param {string} sought
 * @param {boolean} [begun] only those with a part that begins with it
 * @returns {Counted[]}
 */
function ranked(values, sought, begun = false) {
  /** @type {(text: string) => number} */
  const rank = (text) => {
    const lower = text.toLowerCase();
    if (lower.startsWith(sought) || PARTED.some((mark) => lower.includes(mark + sought))) return 0;
    return lower.includes(sought) ? 1 : 2;
  };
  return values
    .slice(0, LOOKED_AT)
    .map(([text, count]) => ({ text, count, rank: rank(text) }))
    .filter((one) => one.rank < (begun ? 1 : 2))
    .sort((a, b) => a.rank - b.rank || (b.count ?? 0) - (a.count ?? 0) || (a.text < b.text ? -1 : 1))
    .map(({ text, count }) => [text, count]);
}
