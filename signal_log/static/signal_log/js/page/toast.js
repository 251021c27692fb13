// A short word about what was just done, and copying, which needs one.

import { copy } from "../lib/clip.js";
import { $, announcer, state } from "./state.js";

/**
 * @param {string} text
 * @param {string} what
 */
export async function copyText(text, what) {
  const done = await copy(text);
  announcer.say(done ? `${what} copied` : "The browser blocked copying");
  state.notes = [done ? "" : "the browser blocked copying"].filter(Boolean);
  toast(done ? `${what} copied` : "Not copied");
}

/** @param {string} words */
export function toast(words) {
  $("copied").textContent = words;
  $("copied").hidden = false;
  setTimeout(() => {
    $("copied").hidden = true;
  }, 1500);
}
