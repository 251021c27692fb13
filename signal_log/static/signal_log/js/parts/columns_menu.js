// The part of the View menu that chooses the columns and their order.

import { html } from "../../vendor/htm-preact.js";
import { COLUMNS, move, toggle, toText, USUAL } from "./columns.js";

/**
 * `columns()` returns those shown, `arrange(columns)` sets others, `fits(name)` tells whether there is space for one;
 * `say(words)` is for a screen reader.
 */
export function Columns({ columns, arrange, fits, again, say }) {
  const shown = columns();
  const others = Object.keys(COLUMNS).filter((name) => !shown.some((one) => one.name === name));
  const change = (chosen) => {
    arrange(chosen);
    again();
  };
  const shift = ({ currentTarget }, name, by) => {
    const moved = move(shown, name, by);
    change(moved);
    currentTarget.focus(); // its line has moved, which loses the focus in browsers without moveBefore()
    say(`${COLUMNS[name].title} is column ${moved.findIndex((one) => one.name === name) + 1} of ${moved.length}`);
  };
  const line = (name, place) => html`<${Line} key=${name} name=${name}
    shown=${place !== undefined} first=${place === 0} last=${place === shown.length - 1}
    fits=${place === undefined || fits(name)}
    flip=${() => change(toggle(shown, name))} shift=${(event, by) => shift(event, name, by)} />`;
  return html`<section class="columns"><h2>Columns</h2>
    <ul>${[...shown.map(({ name }, place) => line(name, place)), ...others.map((name) => line(name))]}</ul>
    ${
      toText(shown) &&
      html`<button class="btn small" type="button"
      onClick=${() => change(USUAL)}>Reset columns</button>`
    }
  </section>`;
}

function Line({ name, shown, first, last, fits, flip, shift }) {
  const { title, words, always } = COLUMNS[name];
  const arrow = (by, end, sign, where) =>
    html`<button type="button" title=${`Move ${where}`} aria-label=${`Move ${title} ${where}`}
      aria-disabled=${String(end)} onClick=${(event) => end || shift(event, by)}>${sign}</button>`;
  return html`<li><label class="check" title=${words}>
    <input type="checkbox" checked=${shown} disabled=${always} onChange=${flip} /> ${title}</label>
    ${fits ? null : html`<span class="muted">no room</span>`}
    ${shown && html`${arrow(-1, first, "↑", "left")}${arrow(1, last, "↓", "right")}`}</li>`;
}
