// The story of an object and the page of an actor: walks their operations by keys and opens them in place.

import { listen } from "./lib/keys.js";

const lines = /** @type {HTMLDetailsElement[]} */ ([...document.querySelectorAll(".story details")]);
const heads = lines.map((line) => /** @type {HTMLElement} */ (line.querySelector("summary")));
const keys = /** @type {HTMLDialogElement | null} */ (document.getElementById("keys"));
const button = /** @type {HTMLButtonElement | null} */ (document.querySelector("[data-keys]"));

/** The line with the focus, -1 without one. */
const current = () => lines.findIndex((line) => line.contains(document.activeElement));

/** @param {number} index */
function go(index) {
  const head = heads[Math.max(0, Math.min(index, heads.length - 1))];
  head?.focus({ preventScroll: true });
  head?.scrollIntoView({ block: "nearest" });
}

function nextLost() {
  const lost = lines.flatMap((line, index) => (line.closest(".lost") ? [index] : []));
  if (lost.length) go(lost.find((index) => index > current()) ?? lost[0]);
}

/** @param {boolean} open */
const all = (open) => {
  for (const line of lines) line.open = open;
};

const actions = {
  j: () => go(current() + 1),
  k: () => go(current() < 0 ? 0 : current() - 1),
  g: () => go(0),
  G: () => go(lines.length - 1),
  n: nextLost,
  o: () => /** @type {HTMLElement | null | undefined} */ (lines[current()]?.querySelector(".links a"))?.click(),
  "[": () => all(false),
  "]": () => all(true),
  "/": () => document.getElementById("f-field")?.focus() ?? document.getElementById("f-sender")?.focus(),
  Escape: () => {
    const line = lines[current()];
    if (!line?.open) return false;
    line.open = false;
    return go(current());
  },
  "?": () => keys?.showModal(),
};

if (lines.length) {
  listen(actions);
  if (button) {
    button.hidden = false;
    button.addEventListener("click", actions["?"]);
  }
}
const named = document.getElementById(location.hash.slice(1));
if (named instanceof HTMLDetailsElement) named.open = true;
