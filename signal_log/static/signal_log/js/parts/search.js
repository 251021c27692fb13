// The search field: filters while you type, and turns the text into a pill on Enter.

import { fromTyped } from "../events/filters.js";

/** @import { Filter } from "../events/filters.js" */

const PAUSE = 350;

/**
 * `on`: typed(filter or null) while typing, entered(filter) at Enter.
 * @param {HTMLFormElement} form
 * @param {HTMLInputElement} input
 * @param {{ typed: (filter: Filter | null) => void, entered: (filter: Filter) => void }} on
 */
export function searchBox(form, input, on) {
  /** @type {number | undefined} */
  let timer;
  let last = "";

  const empty = () => {
    clearTimeout(timer);
    input.value = last = "";
  };

  const look = () => {
    const text = input.value.trim();
    if (text === last) return;
    last = text;
    const filter = fromTyped(text);
    if (filter && filter.key !== "q") return; // `actor:gr` is incomplete until Enter
    on.typed(filter);
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, PAUSE);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const filter = fromTyped(input.value);
    if (!filter) return;
    empty();
    on.entered(filter);
  });

  return {
    empty,
    focus: () => input.focus(),
    clear() {
      const had = last !== "";
      empty();
      if (had) on.typed(null);
      return true;
    },
    /**
     * Esc in the field: first clears it, then leaves it.
     * @param {Event} event
     */
    leave({ target }) {
      if (target !== input) return false;
      if (input.value) this.clear();
      else input.blur();
      return true;
    },
  };
}
