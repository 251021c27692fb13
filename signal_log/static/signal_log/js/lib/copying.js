// Copies what a link leads to, or the place in code that an element shows, and says so.

import { copy } from "./clip.js";

const BACK_AFTER = 2_000;
const PLACE = /^(.+:\d+) in \S.*$/;

/** @type {HTMLElement | undefined} */
let region;

/**
 * Readers announce only what changes in a region that is there already, so a page says "" first.
 * @param {string} words
 */
export function sayCopied(words) {
  if (!region) {
    region = document.createElement("p");
    region.className = "sr-only";
    region.id = "copied";
    region.role = "status";
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
  if (!answer?.ok || !(await copy(await answer.text()))) return location.assign(link.href);
  const words = link.dataset.copy || (link.textContent ?? "");
  sayCopied(words.replace(/^Copy/, "Copied"));
  link.dataset.copy = words;
  link.textContent = "Copied";
  setTimeout(() => {
    link.textContent = words;
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
