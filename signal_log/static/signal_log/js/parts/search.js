// The search field: filters while you type, marks what is wrong, and turns the text into pills on Enter. What completes
// keys and values is loaded when the field gets the focus.

import { fromTyped, toText, whileTyping } from "../events/filters.js";

/** @import { Filter, Read } from "../events/filters.js" */
/** @import { Problem } from "../query/parse.js" */
/** @import { combobox } from "./combobox.js" */

/**
 * What the field is made of: `mirror` lies under the text, `said` tells what is wrong.
 * @typedef {object} Parts
 * @property {HTMLFormElement} form
 * @property {HTMLInputElement} input
 * @property {HTMLElement} mirror
 * @property {HTMLElement} said
 */

/**
 * @typedef {object} On
 * @property {(filters: Filter[]) => void} typed while typing, and without filters when that is over
 * @property {(read: Read) => void} entered at Enter
 * @property {(changed: () => void) => Promise<ReturnType<typeof combobox> | null>} completed the field, by `list`
 * @property {(words: string) => void} say
 */

const PAUSE = 350;

/**
 * @param {Parts} parts
 * @param {On} on
 */
export function searchBox({ form, input, mirror, said }, on) {
  /** @type {number | undefined} */
  let timer;
  let shown = ""; // the query of what is typed, as far as it is applied
  /** @type {ReturnType<typeof combobox> | null} */
  let completions = null;
  /** @type {Promise<ReturnType<typeof combobox> | null> | null} */
  let loading = null;

  /** @param {Problem | null} problem */
  const mark = (problem) => {
    const chars = [...input.value];
    mirror.replaceChildren();
    if (problem) {
      const wrong = document.createElement("mark");
      // What is wrong may be that nothing stands there.
      wrong.textContent = chars.slice(problem.at, problem.at + problem.length).join("") || " ";
      mirror.append(chars.slice(0, problem.at).join(""), wrong, chars.slice(problem.at + problem.length).join(""));
      mirror.scrollLeft = input.scrollLeft;
    }
    said.textContent = problem?.message ?? "";
    said.hidden = !problem;
    if (problem) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };

  const empty = () => {
    clearTimeout(timer);
    input.value = shown = "";
    mark(null);
    completions?.close();
  };

  const preview = () => {
    const { filters, problems } = whileTyping(input.value);
    const text = toText(filters);
    if (problems.length || text === shown) return; // the last query that could be read stays
    shown = text;
    on.typed(filters);
  };

  /** The list is that of the pills again; the text stays. */
  const withdraw = () => {
    clearTimeout(timer);
    const had = shown !== "";
    shown = "";
    if (had) on.typed([]);
  };

  const changed = () => {
    mark(whileTyping(input.value).problems[0] ?? null);
    clearTimeout(timer);
    timer = setTimeout(preview, PAUSE);
  };

  input.addEventListener("input", () => {
    if (input.value.trim()) completions?.open();
    else completions?.close();
    changed();
  });
  input.addEventListener("scroll", () => {
    mirror.scrollLeft = input.scrollLeft;
  });
  input.addEventListener("blur", () => completions?.close());
  input.addEventListener("focus", async () => {
    if (completions) return;
    loading ??= on.completed(changed);
    completions = await loading;
    if (!completions) loading = null; // at the next focus, again
    // A refusal is to be heard.
    if (input.value.trim() && said.hidden && document.activeElement === input) completions?.open();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const read = fromTyped(input.value);
    const [problem] = read.problems;
    if (problem) {
      mark(problem);
      completions?.close();
      withdraw(); // what is refused filters nothing either
      input.setSelectionRange(unitsTo(input.value, problem.at), unitsTo(input.value, problem.at + problem.length));
      return on.say(problem.message);
    }
    if (!read.filters.length && !read.since && !read.until) return;
    empty();
    on.entered(read);
  });

  return {
    empty,
    focus: () => input.focus(),
    /** The numbers of the facets, which stand beside what completes, are others than before. */
    counted: () => completions?.learned(),
    clear() {
      withdraw();
      empty();
      return true;
    },
    /**
     * Esc in the field: first closes the completions, then clears it, then leaves it.
     * @param {Event} event
     */
    leave({ target }) {
      if (target !== input) return false;
      if (completions?.isShown) completions.close();
      else if (input.value) this.clear();
      else input.blur();
      return true;
    },
    /**
     * Puts a text into the field, to be changed there.
     * @param {string} text
     */
    edit(text) {
      input.value = text;
      input.focus();
      input.setSelectionRange(text.length, text.length);
      changed();
    },
    /**
     * Shows a text that was not taken, and why.
     * @param {string} text
     * @param {Problem[]} problems
     */
    refuse(text, problems) {
      input.value = text.trim();
      mark(problems[0] ?? null);
    },
  };
}

/** @type {(text: string, place: number) => number} */
const unitsTo = (text, place) => [...text].slice(0, place).join("").length;
