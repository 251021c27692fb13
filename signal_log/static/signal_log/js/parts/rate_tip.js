// The values at the chart's cursor, beside it. Screen readers hear them as the value of the chart itself.

import { html, render } from "../../vendor/htm-preact.js";
import { KINDS } from "../events/rate.js";
import { count } from "../lib/text.js";
import { SAID } from "./chart.js";

/** @import { Told } from "./chart.js" */

/**
 * @param {HTMLElement} root
 * @param {Told | null} told
 */
export function renderTip(root, told) {
  root.hidden = !told;
  if (!told) return;
  root.classList.toggle("left", told.left > 0.6);
  root.style.setProperty("--at", told.left.toFixed(4));
  /** @param {[kind: string, number: number]} value */
  const value = ([kind, number]) => html`<li><i class=${KINDS[SAID.indexOf(kind)]}></i>${count(number)} ${kind}</li>`;
  const values = told.values.length ? told.values.map(value) : html`<li>nothing</li>`;
  const marks = told.marks.map((words) => html`<li class="mark">${words}</li>`);
  render(html`<b>${told.time}</b><ul>${values}${marks}</ul>`, root);
}
