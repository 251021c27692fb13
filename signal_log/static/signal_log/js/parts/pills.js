// The active filters as pills: a click inverts one, or edits what is more than a key and a value; its cross removes it.

import { html, render } from "../../vendor/htm-preact.js";
import { inOrder, isAnyOf, LABELS } from "../events/filters.js";
import { line } from "../lib/text.js";

/** @import { Filter } from "../events/filters.js" */

/**
 * @typedef {object} Of
 * @property {Filter[]} filters
 * @property {string} time
 * @property {(filter: Filter) => void} invert
 * @property {(filter: Filter) => void} edit
 * @property {(filter: Filter) => void} drop
 * @property {() => void} clear
 * @property {() => void} anytime
 * @property {(() => void) | null} fix makes a time that goes along with the clock stand still
 */

/**
 * `time` is the time range in words, or empty.
 * @param {HTMLElement} root
 * @param {Of} of
 */
export function renderPills(root, { filters, time, invert, edit, drop, clear, anytime, fix }) {
  const words = html`<b>time</b> ${time}`;
  const title = "Fix these times, so that a link shows the same tomorrow";
  const span = html`<span class="pill time" key="time">
    ${fix ? html`<button type="button" title=${title} onClick=${fix}>${words}</button>` : html`<span>${words}</span>`}
    <button class="drop" type="button" title="Show all times (Esc)" aria-label="Show all times"
      onClick=${anytime}>×</button></span>`;
  const ordered = inOrder(filters);
  /** @type {(filter: Filter, index: number) => unknown} */
  const pill = (filter, index) => {
    const before = ordered[index - 1];
    const or = before && isAnyOf(before) && isAnyOf(filter) && before.key === filter.key;
    const key = `${filter.key}:${filter.value}`;
    return html`${or && html`<span class="or" key=${`or ${key}`}>or</span>`}
      <${Pill} key=${key} filter=${filter} act=${filter.key === "group" ? edit : invert} drop=${drop} />`;
  };
  const all = html`<button class="link" type="button" onClick=${clear}>Clear all</button>`;
  const several = filters.length + (time ? 1 : 0) > 1;
  render(html`${time && span}${ordered.map(pill)}${several && all}`, root);
}

/** @type {(filter: Filter) => string} */
export const pillText = ({ value }) => line(value);

/** @type {(filter: Filter) => unknown} */
export const pillWords = (filter) => {
  const label = filter.key !== "group" && html`<b>${LABELS[filter.key]}</b> `;
  return html`${label}${filter.not ? "not " : ""}<bdi>${pillText(filter)}</bdi>`;
};

/** @param {{ filter: Filter, act: Of["invert"], drop: Of["drop"] }} of */
function Pill({ filter, act, drop }) {
  const { key, not } = filter;
  const said = `${LABELS[key]} ${not ? "is not" : "is"} ${pillText(filter)}`;
  return html`<span class=${`pill ${key === "group" ? "group" : ""} ${not ? "not" : ""}`}>
    <button type="button" title=${key === "group" ? "Edit this part of the query" : "Invert this filter"}
      onClick=${() => act(filter)}>${pillWords(filter)}</button>
    <button class="drop" type="button" title="Remove this filter" aria-label=${`Remove the filter ${said}`}
      onClick=${() => drop(filter)}>×</button>
  </span>`;
}
