// The menu that exports: files of the query and the span shown, for those who may take events away.

import * as range from "../events/range.js";
import { now, state } from "./state.js";

/**
 * Each link has its format; what it leads to is decided when the menu opens.
 * @param {HTMLElement} menu
 * @param {{ query: () => URLSearchParams, link: (query: URLSearchParams) => string }} of
 */
export function fill(menu, { query, link }) {
  for (const one of menu.querySelectorAll("a")) {
    const asked = query();
    asked.set("format", one.dataset.format ?? "");
    one.href = link(asked);
  }
  const span = state.range ? range.words(state.range, state.mode, now()) : "from the beginning of the log";
  const which = query().has("q") ? "Every signal that matches" : "Every signal";
  const words = menu.querySelector("p");
  if (words) words.textContent = `${which}, ${span}, oldest first`;
  menu.onclick = ({ target }) => {
    if (target instanceof Element && target.closest("a")) menu.hidePopover();
  };
}
