// The list under the search field: what can stand at the caret, chosen with the arrow keys while the focus stays in the
// field, which points at the option that is chosen.

import { optionsAt, placeAt } from "../query/complete.js";
import { renderCompletions } from "./completions.js";

/** @import { Option, Place, ValuesOf } from "../query/complete.js" */

/**
 * @typedef {object} On
 * @property {(place: Place) => { valuesOf: ValuesOf, scope: string }} known
 * @property {() => void} changed after an option was taken
 * @property {(words: string) => void} say
 */

/**
 * @param {HTMLInputElement} input
 * @param {HTMLElement} list
 * @param {On} on
 */
export function combobox(input, list, on) {
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
    if (options.length && !before) on.say(`Completions: ${options.length}, arrow down to choose`);
  };

  /** @param {Option} option */
  const accept = ({ insert, more }) => {
    const spaced = input.value[place.to] === " " ? insert.trimEnd() : insert;
    input.setRangeText(spaced, place.from, place.to, "end");
    on.changed();
    if (more) open();
    else close();
  };

  /** @param {number} by */
  const move = (by) => {
    if (!isOpen) open();
    if (!options.length) return;
    chosen = chosen < 0 && by < 0 ? options.length - 1 : (chosen + by + options.length) % options.length;
    draw();
  };

  input.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const { key } = event;
    const wanted = options[chosen] ?? (key === "Tab" && place.begins ? options[0] : undefined);
    if (key === "ArrowDown" || key === "ArrowUp") move(key === "ArrowDown" ? 1 : -1);
    else if ((key === "Enter" || key === "Tab") && isOpen && wanted) accept(wanted);
    else return;
    event.preventDefault();
  });

  return {
    open,
    close,
    /** More values are known than before. */
    learned() {
      if (isOpen) look();
    },
    get isShown() {
      return isOpen && options.length > 0;
    },
  };
}
