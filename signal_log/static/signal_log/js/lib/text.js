// Makes any text safe and honest to look at, as the server does (`show/words/text.py`).

const CONTROLS = String.raw`\u0000-\u0008\u000b-\u001f\u007f-\u009f`;
const UNSEEN = String.raw`\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb`;
const LONE = String.raw`[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]`;
const HIDDEN = new RegExp(`[${CONTROLS}${UNSEEN}]|${LONE}`, "g");

/** @type {(char: string) => string} */
const code = (char) => `[U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}]`;

/**
 * The text with what cannot be seen, or would turn it, replaced by its number; lines stay.
 * @type {(text: unknown) => string}
 */
export const visible = (text) => String(text).replace(HIDDEN, code);

/**
 * At most `most` characters of a text on one line, the last of them "…" where something was left out.
 * @param {unknown} text
 * @param {number} most
 */
export function line(text, most = 80) {
  return visible(
    shortened(String(text), most)
      .replace(/\r\n|\n|\r/g, "⏎")
      .replace(/\t/g, "⇥"),
  );
}

/**
 * Counted as Python counts: a character beyond U+FFFF is one.
 * @param {string} text
 * @param {number} most
 */
function shortened(text, most) {
  if (text.length <= most) return text;
  const characters = Array.from(text.slice(0, 2 * most + 2));
  return characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : text;
}

/**
 * A value of the log as a person reads it: text bare, all else as JSON; with an `indent` on lines of their own.
 * @type {(value: unknown, indent?: string) => string}
 */
export const plain = (value, indent) => (typeof value === "string" ? value : json(value ?? null, indent));

/**
 * JSON with sorted keys.
 * @param {unknown} value
 * @param {string} [indent]
 * @returns {string}
 */
function json(value, indent) {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const inside = indent === undefined ? undefined : `${indent}  `;
  const colon = indent === undefined ? ":" : ": ";
  const items = Array.isArray(value)
    ? value.map((one) => json(one, inside))
    : Object.entries(value)
        .sort(([a], [b]) => byCodePoint(a, b))
        .map(([key, one]) => JSON.stringify(key) + colon + json(one, inside));
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  if (indent === undefined || !items.length) return open + items.join(",") + close;
  return `${open}\n${inside}${items.join(`,\n${inside}`)}\n${indent}${close}`;
}

/**
 * The order of Python's texts; `<` compares the halves of a character beyond U+FFFF.
 * @param {string} a
 * @param {string} b
 */
function byCodePoint(a, b) {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  return (a.codePointAt(at) ?? -1) - (b.codePointAt(at) ?? -1);
}

/**
 * `users.signals.create_profile` -> `create_profile`.
 * @type {(path: string) => string}
 */
export const lastPart = (path) => path.slice(path.lastIndexOf(".") + 1);

/**
 * At most two capitals that stand for a person.
 * @param {unknown} name
 */
export function initials(name) {
  const words = String(name)
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean);
  const letters = words.length > 1 ? [...words[0]][0] + [...words[1]][0] : [...(words[0] ?? "?")].slice(0, 2).join("");
  return letters.toUpperCase();
}

/**
 * 10482 -> "10,482"; the separator never changes with the locale, so columns stay comparable.
 * @type {(number: number) => string}
 */
export const count = (number) => String(Math.trunc(number)).replace(/\B(?=(\d{3})+$)/g, ",");

/** @type {(number: number, word: string) => string} */
export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

/** @typedef {[below: number, size: number, decimals: number, unit: string]} Duration all in microseconds */

/** @type {Duration[]} */
const DURATIONS = [
  [999.5, 1, 0, "µs"],
  [99_950, 1_000, 1, "ms"],
  [999_500, 1_000, 0, "ms"],
  [9_995_000, 1_000_000, 2, "s"],
  [99_950_000, 1_000_000, 1, "s"],
  [Infinity, 1_000_000, 0, "s"],
];

/**
 * Microseconds with three digits at most up to 999 s: "840 µs", "3.6 ms", "1.20 s".
 * @param {number | null | undefined} us
 */
export function duration(us) {
  if (us === null || us === undefined) return "not finished";
  const [, size, decimals, unit] = /** @type {Duration} */ (DURATIONS.find(([below]) => us < below));
  const power = 10 ** decimals;
  return `${(Math.floor(us / (size / power) + 0.5) / power).toFixed(decimals)} ${unit}`;
}
