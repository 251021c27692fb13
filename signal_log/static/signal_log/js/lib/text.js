// Makes any text safe and honest to look at: what could hide or reorder characters becomes visible.

const CONTROLS = String.raw`\u0000-\u0008\u000b-\u001f\u007f-\u009f`;
const UNSEEN = String.raw`\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb`;
const LONE = String.raw`[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]`;
const HIDDEN = new RegExp(`[${CONTROLS}${UNSEEN}]|${LONE}`, "g");

function code(char) {
  const number = char.charCodeAt(0);
  if (number < 0x20) return String.fromCharCode(0x2400 + number); // ␀, ␛: made for this
  return `[U+${number.toString(16).toUpperCase().padStart(4, "0")}]`;
}

/** The text with control, direction and zero-width characters and lone surrogates spelt out. */
export const visible = (text) => String(text).replace(HIDDEN, code);

/** One line of at most `most` characters; breaks and tabs are shown as signs. */
export function line(text, most = 80) {
  const source = String(text);
  const cut = source.length > most ? `${source.slice(0, most - 1)}…` : source;
  return visible(cut.replace(/\r\n|\n|\r/g, "⏎").replace(/\t/g, "⇥"));
}

/** A value of the log (JSON) as a person reads it. */
export function valueText(value) {
  if (value === null || value === undefined) return "null";
  if (typeof value === "string") return value === "" ? "empty" : value;
  if (typeof value === "object") return JSON.stringify(value, null, 1).replace(/\n\s*/g, " ");
  return String(value);
}

/** `users.signals.create_profile` -> `create_profile`. */
export const lastPart = (path) => path.slice(path.lastIndexOf(".") + 1);

/** At most two capitals that stand for a person. */
export function initials(name) {
  const words = String(name)
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean);
  const letters = words.length > 1 ? [...words[0]][0] + [...words[1]][0] : [...(words[0] ?? "?")].slice(0, 2).join("");
  return letters.toUpperCase();
}

/** 10482 -> "10,482"; the separator never changes with the locale, so columns stay comparable. */
export const count = (number) => String(Math.trunc(number)).replace(/\B(?=(\d{3})+$)/g, ",");

export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

/** Microseconds as a person says them. */
export function duration(us) {
  if (us === null || us === undefined) return "–";
  if (us < 1000) return `${Math.round(us)} µs`;
  if (us < 1e6) return `${(us / 1000).toFixed(us < 1e4 ? 1 : 0)} ms`;
  return `${(us / 1e6).toFixed(us < 1e7 ? 2 : 0)} s`;
}
