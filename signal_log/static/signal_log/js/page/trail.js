// The browser's history: each change of filters is an entry, and so is an open panel, so that Back closes it.

import { toView } from "./view.js";

/** @import { View } from "./view.js" */
/**
 * A panel's, and the one that it was opened from; `open` if the view was there with its panel from the beginning.
 * @typedef {{ panel?: number, base?: number, open?: boolean } | null} Entry
 */

/** @type {() => Entry} */
const entry = () => history.state;
let shown = entry()?.panel ?? 0;
/**
 * What is to be written once the browser has left a panel's entry.
 * @type {{ view: View & { isOpen: boolean }, push: boolean } | null}
 */
let waiting = null;

/** @param {View} view */
function address(view) {
  const text = toView(view);
  return location.pathname + (text ? `?${text}` : "");
}

/**
 * Writes the view into the address. A change of filters is an entry of its own, and so is a panel that was opened;
 * closing it takes its entry back. A panel that stays open over a change of filters is a part of that one's entry.
 * @param {View & { isOpen: boolean }} view
 * @param {boolean} push
 */
export function write(view, push) {
  if (waiting) waiting = { view, push: push || waiting.push };
  else if (push) add(view);
  else if (view.isOpen && !shown && !entry()?.open) open(view);
  else if (!view.event && shown) {
    waiting = { view, push };
    history.back();
  } else replace(view);
}

/** @param {View} view */
function add(view) {
  const url = address(view);
  if (url === location.pathname + location.search) return;
  history.pushState(view.event ? { open: true } : null, "", url);
  shown = 0;
}

/** @param {View} view */
function open(view) {
  shown = Date.now();
  history.replaceState({ base: shown }, "", address({ ...view, event: 0 }));
  history.pushState({ panel: shown }, "", address(view));
}

/** @param {View} view */
function replace(view) {
  const url = address(view);
  if (url === location.pathname + location.search) return;
  history.replaceState(!view.event && entry()?.open ? null : entry(), "", url);
}

/**
 * Takes note of an entry that the browser went to, and says what that means: the page itself had closed its panel, the
 * reader closes it, or another view is wanted.
 * @param {Entry} to
 * @returns {"closed" | "close" | "another"}
 */
export function arrive(to) {
  const from = shown;
  shown = to?.panel ?? 0;
  const meant = waiting;
  waiting = null;
  if (!meant) return from && to?.base === from ? "close" : "another";
  write(meant.view, meant.push);
  return "closed";
}
