// Copies what a link leads to, a place in code or other text, and says so; on our pages and in a host's.

import { copy } from "./clip.js";

const BACK_AFTER = 2_000;
const PLACE = /^(.+:\d+) in \S.*$/;
const UNSEEN = { position: "absolute", width: "1px", height: "1px", overflow: "hidden", clipPath: "inset(50%)" };

/** @type {HTMLElement | undefined} */
let region;

/**
 * Say it in this region, not in one that is added to the page.
 * @param {HTMLElement} given
 */
export function sayIn(given) {
  region = given;
}

/**
 * Readers announce only what changes in a region that is there already, so a page says "" first.
 * @param {string} words
 */
export function sayCopied(words) {
  if (!region) {
    region = document.createElement("p");
    region.id = "signal-log-copied";
    region.role = "status";
    Object.assign(region.style, UNSEEN);
    (document.querySelector("main") ?? document.body).append(region);
  }
  region.textContent = words;
}

/**
 * Copies what the link's address answers; where that fails the browser follows it.
 * @param {HTMLAnchorElement} link
 */
export async function copyLinked(link) {
  const answer = await fetch(link.href).catch(() => undefined);
  if (!answer?.ok || answer.redirected || !(await copy(await answer.text()))) return location.assign(link.href);
  toldBy(link);
}

/**
 * Copies a text for who has pressed a button.
 * @param {HTMLElement} button
 * @param {string} text
 */
export async function copyText(button, text) {
  if (await copy(text)) toldBy(button);
  else sayCopied("The browser blocked copying");
}

/** @param {HTMLElement} pressed */
function toldBy(pressed) {
  const words = pressed.dataset.words ?? pressed.textContent ?? "";
  sayCopied(words.replace(/^Copy/, "Copied"));
  pressed.dataset.words = words;
  pressed.textContent = "Copied";
  setTimeout(() => {
    pressed.textContent = words;
  }, BACK_AFTER);
}

/**
 * `users/forms.py:83` of `users/forms.py:83 in save`, as editors take it.
 * @param {string} text
 */
export const placeOf = (text) => text.trim().replace(PLACE, "$1");

/** @param {Element} place */
export async function copyPlace(place) {
  const text = placeOf(place.textContent ?? "");
  const done = await copy(text);
  sayCopied(done ? `Copied ${text}` : "The browser blocked copying");
  if (!done) return;
  place.classList.add("was-copied");
  setTimeout(() => place.classList.remove("was-copied"), BACK_AFTER);
}
