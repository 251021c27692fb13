// The part of the View menu that chooses the columns and their order.

import { html } from "../../vendor/htm-preact.js";
import { COLUMNS, move, toggle, toText, USUAL } from "./columns.js";

/** @import { Column } from "./columns.js" */

/**
 * @typedef {object} Of
 * @property {() => Column[]} columns
 * @property {(columns: Column[]) => void} arrange
 * @property {(name: string) => boolean} fits
 * @property {() => void} again
 * @property {(words: string) => void} say
 */

/**
 * `columns()` returns those shown, `arrange(columns)` sets others, `fits(name)` tells whether there is space for one;
 * `say(words)` is for a screen reader.
 * @param {Of} of
 */
export function Columns({ columns, arrange, fits, again, say }) {
  const shown = columns();
  const others = Object.keys(COLUMNS).filter((name) => !shown.some((one) => one.name === name));
  /** @param {Column[]} chosen */
  const change = (chosen) => {
    arrange(chosen);
    again();
  };
  /** @type {(event: Event, name: string, by: number) => void} */
  const shift = ({ currentTarget }, name, by) => {
    const moved = move(shown, name, by);
    change(moved);
    // Its line has moved, which loses the focus in browsers without moveBefore().
    /** @type {HTMLElement} */ (currentTarget).focus();
    say(`${COLUMNS[name].title} is column ${moved.findIndex((one) => one.name === name) + 1} of ${moved.length}`);
  };
  /** @type {(name: string, place?: number) => unknown} */
  const line = (name, place) => {
    const flip = () => change(toggle(shown, name));
    /** @type {(event: Event, by: number) => void} */
    const moved = (event, by) => shift(event, name, by);
    return html`<${Line} key=${name} name=${name}
      shown=${place !== undefined} first=${place === 0} last=${place === shown.length - 1}
      fits=${place === undefined || fits(name)} flip=${flip} shift=${moved} />`;
  };
  return html`<section class="columns"><h2>Columns</h2>
    <ul>${[...shown.map(({ name }, place) => line(name, place)), ...others.map((name) => line(name))]}</ul>
    ${
      toText(shown) &&
      html`<button class="btn small" type="button"
      onClick=${() => change(USUAL)}>Reset columns</button>`
    }
  </section>`;
}

/**
 * @typedef {object} LineOf
 * @property {string} name
 * @property {boolean} shown
 * @property {boolean} first
 * @property {boolean} last
 * @property {boolean} fits
 * @property {() => void} flip
 * @property {(event: Event, by: number) => void} shift
 */

/** @param {LineOf} of */
function Line({ name, shown, first, last, fits, flip, shift }) {
  const { title, words, always } = COLUMNS[name];
  /** @type {(by: number, end: boolean, sign: string, where: string) => unknown} */
  const arrow = (by, end, sign, where) => {
    /** @param {Event} event */
    const press = (event) => end || shift(event, by);
    return html`<button type="button" title=${`Move ${where}`} aria-label=${`Move ${title} ${where}`}
      aria-disabled=${String(end)} onClick=${press}>${sign}</button>`;
  };
  return html`<li><label class="check" title=${words}>
    <input type="checkbox" checked=${shown} disabled=${always} onChange=${flip} /> ${title}</label>
    ${fits ? null : html`<span class="muted">no room</span>`}
    ${shown && html`${arrow(-1, first, "↑", "left")}${arrow(1, last, "↓", "right")}`}</li>`;
}
