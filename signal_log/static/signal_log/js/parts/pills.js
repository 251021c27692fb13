// The active filters as pills: a click inverts one, its cross removes it.

import { html, render } from "../../vendor/htm-preact.js";
import { LABELS } from "../events/filters.js";
import { line } from "../lib/text.js";

/** @import { Filter } from "../events/filters.js" */

/**
 * @typedef {object} Of
 * @property {Filter[]} filters
 * @property {string} time
 * @property {(filter: Filter) => void} invert
 * @property {(filter: Filter) => void} drop
 * @property {() => void} clear
 * @property {() => void} anytime
 */

/**
 * `time` is the time range in words, or empty.
 * @param {HTMLElement} root
 * @param {Of} of
 */
export function renderPills(root, { filters, time, invert, drop, clear, anytime }) {
  const span = html`<span class="pill time" key="time"><span><b>time</b> ${time}</span>
    <button class="drop" type="button" title="Show all times (Esc)" aria-label="Show all times"
      onClick=${anytime}>×</button></span>`;
  /** @param {Filter} filter */
  const pill = (filter) =>
    html`<${Pill} key=${`${filter.key}:${filter.value}`} filter=${filter} invert=${invert} drop=${drop} />`;
  const all = html`<button class="link" type="button" onClick=${clear}>Clear all</button>`;
  const several = filters.length + (time ? 1 : 0) > 1;
  render(html`${time && span}${filters.map(pill)}${several && all}`, root);
}

/** @type {(filter: Filter) => string} */
export const pillText = ({ value }) => line(value);

/** @param {{ filter: Filter, invert: Of["invert"], drop: Of["drop"] }} of */
function Pill({ filter, invert, drop }) {
  const { key, not } = filter;
  const said = `${LABELS[key]} ${not ? "is not" : "is"} ${pillText(filter)}`;
  return html`<span class=${`pill ${not ? "not" : ""}`}>
    <button type="button" title="Invert this filter" onClick=${() => invert(filter)}>
      <b>${LABELS[key]}</b> ${not ? "not " : ""}<bdi>${pillText(filter)}</bdi></button>
    <button class="drop" type="button" title="Remove this filter" aria-label=${`Remove the filter ${said}`}
      onClick=${() => drop(filter)}>×</button>
  </span>`;
}
