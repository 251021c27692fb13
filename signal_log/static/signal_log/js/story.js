// The story of an object and the page of an actor: walks their operations by keys and opens them in place.

import { copy } from "./lib/clip.js";
import { listen } from "./lib/keys.js";
import { prepare, say } from "./lib/status.js";
import { turn, walker } from "./lib/walk.js";

const lines = /** @type {HTMLDetailsElement[]} */ ([...document.querySelectorAll(".story details")]);
const keys = /** @type {HTMLDialogElement | null} */ (document.getElementById("keys"));
const button = /** @type {HTMLButtonElement | null} */ (document.querySelector("[data-keys]"));

// A summary that has the focus is read as a whole.
const list = walker({ rows: lines, head: (line) => line.querySelector("summary"), say, words: () => "" });
const { current, go } = list;

function nextLost() {
  const lost = lines.flatMap((line, index) => (line.closest(".lost") ? [index] : []));
  if (lost.length) go(lost.find((index) => index > current()) ?? lost[0]);
}

/** @param {boolean} open */
const all = (open) => {
  for (const line of lines) line.open = open;
};

/** @returns {HTMLAnchorElement | null | undefined} */
const eventLink = () => lines[current()]?.querySelector(".links a");

function toggle() {
  const line = lines[current()];
  if (line) line.open = !line.open;
  else go(0);
}

const actions = {
  ...list.keys,
  n: nextLost,
  o: toggle,
  O: () => eventLink()?.click(),
  y: async () => say((await copy(eventLink()?.href ?? location.href)) ? "Link copied" : "The browser blocked copying"),
  "-": () => all(false),
  "+": () => all(true),
  "[": () => turn("prev", say),
  "]": () => turn("next", say),
  "/": () => document.getElementById("f-q")?.focus(),
  Escape: () => {
    const line = lines[current()];
    if (!line?.open) return false;
    line.open = false;
    return go(current());
  },
  "?": () => keys?.showModal(),
};

prepare();
if (lines.length) {
  listen(actions);
  if (button) {
    button.hidden = false;
    button.addEventListener("click", actions["?"]);
  }
}
const named = document.getElementById(location.hash.slice(1));
if (named instanceof HTMLDetailsElement) named.open = true;
