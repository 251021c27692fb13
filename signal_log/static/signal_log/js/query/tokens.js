// Cuts a query that is being typed into its tokens, to know what stands under the caret; places count code points.

import { keyIn, SPACE } from "./keys.js";

/**
 * `closed` is false of a phrase without its last quote; `glued` is true of a key with something right behind it.
 * @typedef {object} Token
 * @property {"word" | "phrase" | "key" | "open" | "close" | "not"} kind
 * @property {string} text
 * @property {number} at
 * @property {number} length
 * @property {boolean} [closed]
 * @property {boolean} [glued]
 */

const BREAK = new RegExp(`[${SPACE}]`);

/** @type {(char: string | undefined) => boolean} */
const isBreak = (char) => char === undefined || BREAK.test(char);
/** @type {(char: string | undefined) => boolean} */
const endsWord = (char) => isBreak(char) || char === "(" || char === ")";

/** @param {string} typed */
export function tokens(typed) {
  const chars = [...typed];
  /** @type {Token[]} */
  const found = [];
  let at = 0;
  /** @type {(kind: Token["kind"], end: number, text?: string) => Token} */
  const take = (kind, end, text = chars.slice(at, end).join("")) => {
    const token = { kind, text, at, length: end - at };
    found.push(token);
    at = end;
    return token;
  };
  while (at < chars.length) {
    const char = chars[at];
    const last = found.at(-1);
    const isValue = last?.kind === "key" && last.glued;
    if (isBreak(char)) at += 1;
    else if (char === "(") take("open", at + 1);
    else if (char === ")") take("close", at + 1);
    else if (char === '"') phrase(chars, at, take);
    else if (isValue) take("word", wordEnd(chars, at));
    else if ((char === "-" || char === "!") && !isBreak(chars[at + 1]) && chars[at + 1] !== ")") take("not", at + 1);
    else {
      const end = wordEnd(chars, at);
      const name = keyIn(chars.slice(at, end).join(""));
      if (!name) take("word", end);
      else {
        const key = take("key", at + [...name].length + 1, name);
        key.glued = !isBreak(chars[at]) && chars[at] !== ")";
      }
    }
  }
  return found;
}

/**
 * @param {string[]} chars
 * @param {number} at
 * @param {(kind: Token["kind"], end: number, text?: string) => Token} take
 */
function phrase(chars, at, take) {
  let text = "";
  let end = at + 1;
  while (end < chars.length && chars[end] !== '"') {
    if (chars[end] === "\\" && (chars[end + 1] === '"' || chars[end + 1] === "\\")) end += 1;
    text += chars[end];
    end += 1;
  }
  const closed = end < chars.length;
  take("phrase", closed ? end + 1 : end, text).closed = closed;
}

/** @type {(chars: string[], at: number) => number} */
function wordEnd(chars, at) {
  let end = at + 1;
  while (!endsWord(chars[end])) end += 1;
  return end;
}
