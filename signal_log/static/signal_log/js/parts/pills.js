// The active filters as pills: a click inverts one, its cross removes it.

import { html, render } from "../../vendor/htm-preact.js";
import { LABELS } from "../events/filters.js";
import { line } from "../lib/text.js";

/** `time` is the time range in words, or empty. */
export function renderPills(root, { filters, time, invert, drop, clear, anytime }) {
  const span = html`<span class="pill time" key="time"><span><b>time</b> ${time}</span>
    <button class="drop" type="button" title="Show all times (Esc)" aria-label="Show all times"
      onClick=${anytime}>×</button></span>`;
  const pill = (filter) =>
    html`<${Pill} key=${`${filter.key}:${filter.value}`} filter=${filter} invert=${invert} drop=${drop} />`;
  const all = html`<button class="link" type="button" onClick=${clear}>Clear all</button>`;
  const several = filters.length + (time ? 1 : 0) > 1;
  render(html`${time && span}${filters.map(pill)}${several && all}`, root);
}

export const pillText = ({ value }) => line(value);

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
