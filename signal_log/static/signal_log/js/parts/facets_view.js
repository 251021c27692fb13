// The facets beside the list: each value with its count, a button that filters for it and one that excludes it.

import { html, render } from "../../vendor/htm-preact.js";
import { FACETS } from "../events/facets.js";
import { has, LABELS } from "../events/filters.js";
import { count, lastPart, line } from "../lib/text.js";

/** @import { FacetCounts } from "../events/facets.js" */
/** @import { Filter, FilterKey } from "../events/filters.js" */

/** @typedef {[value: string, number: number]} Counted */
/** @typedef {{ facets: FacetCounts, filters: Filter[], toggle: Toggle, close: () => void }} Of */
/** @typedef {(filter: Filter) => void} Toggle */

const FIRST = 10;
/** @type {Map<string, string>} */
const open = new Map(); // expanded facets, each with the text searched for in it

/**
 * The controls call `toggle(filter)` and `close()`.
 * @param {HTMLElement} root
 * @param {Of} of
 */
export function renderFacets(root, { facets, filters, toggle, close }) {
  const again = () => renderFacets(root, { facets, filters, toggle, close });
  /** @param {typeof FACETS[number]} facet */
  const facet = ([key]) => html`<${Facet} key=${key} name=${key} values=${valuesOf(facets, filters, key)}
    filters=${filters} toggle=${toggle} again=${again} />`;
  const done = html`<button class="btn small" type="button" onClick=${close}>Done</button>`;
  render(html`<div class="facets-head">Filters ${done}</div>${FACETS.map(facet)}`, root);
}

/**
 * The counted values, and those filtered for that no event here has.
 * @param {FacetCounts} facets
 * @param {Filter[]} filters
 * @param {FilterKey} key
 * @returns {Counted[]}
 */
function valuesOf(facets, filters, key) {
  const counted = facets.top(key);
  const known = new Set(counted.map(([value]) => value));
  const missing = filters.filter((f) => f.key === key && !known.has(f.value));
  /** @type {Counted[]} */
  const asked = missing.map((f) => [f.value, 0]);
  return [...counted, ...asked];
}

/**
 * @typedef {object} FacetOf
 * @property {FilterKey} name
 * @property {Counted[]} values
 * @property {Filter[]} filters
 * @property {Toggle} toggle
 * @property {() => void} again
 */

/** @param {FacetOf} of */
function Facet({ name, values, filters, toggle, again }) {
  if (!values.length) return null;
  const most = Math.max(1, values[0][1]);
  const sought = open.get(name);
  const shown =
    sought === undefined
      ? values.slice(0, FIRST)
      : values.filter(([value]) => value.toLowerCase().includes(sought.toLowerCase()));
  const flip = () => {
    if (!open.delete(name)) open.set(name, "");
    again();
  };
  /** @param {InputEvent} event */
  const seek = ({ target }) => {
    open.set(name, /** @type {HTMLInputElement} */ (target).value);
    again();
  };
  const field = html`<input class="seek" type="search" aria-label=${`Search ${LABELS[name]} values`}
    placeholder="Search…" value=${sought} onInput=${seek} />`;
  /** @param {Counted} counted */
  const entry = ([value, number]) => html`<${Value} key=${value} name=${name} value=${value} number=${number}
    most=${most} there=${has(filters, { key: name, value })} toggle=${toggle} />`;
  const more = open.has(name) ? "Show fewer" : `Show ${values.length - FIRST} more`;
  return html`<h2>${LABELS[name]}</h2>
    ${sought !== undefined && field}
    <ul>${shown.map(entry)}</ul>
    ${values.length > FIRST && html`<button class="more" type="button" onClick=${flip}>${more}</button>`}`;
}

/**
 * @typedef {object} ValueOf
 * @property {FilterKey} name
 * @property {string} value
 * @property {number} number
 * @property {number} most
 * @property {Filter} [there]
 * @property {Toggle} toggle
 */

/** @param {ValueOf} of */
function Value({ name, value, number, most, there, toggle }) {
  const state = there ? (there.not ? "not" : "on") : number ? "" : "none";
  const text = line(name === "outcome" ? value.replace("_", " ") : value, 100);
  /** @param {MouseEvent} event */
  const take = (event) => toggle({ key: name, value, not: event.altKey });
  const leave = () => toggle({ key: name, value, not: true });
  const none = state === "not" ? "" : "–";
  return html`<li class=${`facet ${state}`} style=${{ "--part": `${(100 * number) / most}%` }}>
    <button class="include" type="button" title=${text} aria-pressed=${String(state === "on")} onClick=${take}>
      <span>${name === "signal" ? lastPart(text) : text}</span><span>${number ? count(number) : none}</span></button>
    <button class="exclude" type="button" title="Exclude" aria-label=${`Exclude ${LABELS[name]} ${text}`}
      aria-pressed=${String(state === "not")} onClick=${leave}>−</button>
  </li>`;
}
