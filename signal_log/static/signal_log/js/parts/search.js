// The search field: filters while you type, completes keys and values, marks what is wrong, and turns the text into
// pills on Enter. It is a combobox: the focus stays in the field, which points at the option that is chosen.

import { fromTyped, toText, whileTyping } from "../events/filters.js";
import { optionsAt, placeAt } from "../query/complete.js";
import { renderCompletions } from "./completions.js";

/** @import { Filter, Read } from "../events/filters.js" */
/** @import { Option, Place, ValuesOf } from "../query/complete.js" */
/** @import { Problem } from "../query/parse.js" */

/**
 * What the field is made of: `list` has the completions, `mirror` lies under the text, `said` tells what is wrong.
 * @typedef {object} Parts
 * @property {HTMLFormElement} form
 * @property {HTMLInputElement} input
 * @property {HTMLElement} list
 * @property {HTMLElement} mirror
 * @property {HTMLElement} said
 */

/**
 * @typedef {object} On
 * @property {(filters: Filter[]) => void} typed while typing, and without filters when that is over
 * @property {(read: Read) => void} entered at Enter
 * @property {(place: Place) => { valuesOf: ValuesOf, scope: string }} known
 * @property {(words: string) => void} say
 */

const PAUSE = 350;

/**
 * @param {Parts} parts
 * @param {On} on
 */
export function searchBox({ form, input, list, mirror, said }, on) {
  /** @type {number | undefined} */
  let timer;
  let shown = ""; // the query of what is typed, as far as it is applied
  /** @type {Option[]} */
  let options = [];
  let chosen = -1;
  let scope = "";
  let isOpen = false;
  /** @type {Place} */
  let place = { key: "", begins: "", from: 0, to: 0 };

  const draw = () => {
    const shown = isOpen && options.length > 0;
    input.setAttribute("aria-expanded", String(shown));
    if (shown && chosen >= 0) input.setAttribute("aria-activedescendant", `completion-${chosen}`);
    else input.removeAttribute("aria-activedescendant");
    list.hidden = !shown;
    renderCompletions(list, { options: shown ? options : [], chosen, begins: place.begins, scope, take: accept });
  };

  const close = () => {
    isOpen = false;
    options = [];
    chosen = -1;
    draw();
  };

  const look = () => {
    place = placeAt(input.value, input.selectionStart ?? input.value.length);
    const known = on.known(place);
    const { label } = options[chosen] ?? {};
    options = optionsAt(place, known.valuesOf);
    scope = place.key ? known.scope : "";
    chosen = label === undefined ? -1 : options.findIndex((one) => one.label === label);
    draw();
  };

  const open = () => {
    const before = isOpen ? options.length : 0;
    isOpen = true;
    look();
    if (options.length && !before) on.say(`${options.length} completions, arrow down to choose`);
  };

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
    close();
  };

  const preview = () => {
    const { filters, problems } = whileTyping(input.value);
    const text = toText(filters);
    if (problems.length || text === shown) return; // the last query that could be read stays
    shown = text;
    on.typed(filters);
  };

  const changed = () => {
    mark(whileTyping(input.value).problems[0] ?? null);
    clearTimeout(timer);
    timer = setTimeout(preview, PAUSE);
  };

  /** @param {Option} option */
  const accept = ({ insert, more }) => {
    const spaced = input.value[place.to] === " " ? insert.trimEnd() : insert;
    input.setRangeText(spaced, place.from, place.to, "end");
    changed();
    if (more) open();
    else close();
  };

  /**
   * @param {number} by
   * @returns {void}
   */
  const move = (by) => {
    if (!isOpen) open();
    if (!options.length) return;
    chosen = chosen < 0 && by < 0 ? options.length - 1 : (chosen + by + options.length) % options.length;
    draw();
  };

  input.addEventListener("input", () => {
    if (input.value.trim()) open();
    else close();
    changed();
  });
  input.addEventListener("scroll", () => {
    mirror.scrollLeft = input.scrollLeft;
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const { key } = event;
    const wanted = options[chosen] ?? (key === "Tab" && place.begins ? options[0] : undefined);
    if (key === "ArrowDown" || key === "ArrowUp") move(key === "ArrowDown" ? 1 : -1);
    else if ((key === "Enter" || key === "Tab") && isOpen && wanted) accept(wanted);
    else return;
    event.preventDefault();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const read = fromTyped(input.value);
    const [problem] = read.problems;
    if (problem) {
      mark(problem);
      close();
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
    clear() {
      const had = shown !== "";
      empty();
      if (had) on.typed([]);
      return true;
    },
    /**
     * Esc in the field: first closes the completions, then clears it, then leaves it.
     * @param {Event} event
     */
    leave({ target }) {
      if (target !== input) return false;
      if (isOpen && options.length) close();
      else if (input.value) this.clear();
      else input.blur();
      return true;
    },
    /** More values are known than before. */
    learned() {
      if (isOpen) look();
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
