// The facets beside the list: each value with its number of operations and when they happened, to show it, it alone, or
// all but it.

import { html, render } from "../../vendor/htm-preact.js";
import { FACETS } from "../events/facets.js";
import { has, LABELS } from "../events/filters.js";
import { count, lastPart, line } from "../lib/text.js";

/** @import { FacetCounts } from "../events/facets.js" */
/** @import { Filter, FilterKey } from "../events/filters.js" */

/** @typedef {[value: string, number: number]} Counted */
/** @typedef {(filter: Filter) => void} Act */

/**
 * @typedef {object} Of
 * @property {FacetCounts} facets
 * @property {[from: number, to: number]} span in seconds
 * @property {string} of what the numbers are of
 * @property {Filter[]} filters
 * @property {Act} toggle
 * @property {Act} only
 * @property {() => void} close
 */

const FIRST = 10;
/** @type {Map<string, string>} */
const open = new Map(); // expanded facets, each with the text searched for in it

/**
 * The controls call `toggle(filter)`, `only(filter)` and `close()`.
 * @param {HTMLElement} root
 * @param {Of} of
 */
export function renderFacets(root, of) {
  const again = () => renderFacets(root, of);
  /** @param {FilterKey} key */
  const facet = (key) => html`<${Facet} key=${key} name=${key} values=${valuesOf(of, key)} of=${of} again=${again} />`;
  const done = html`<button class="btn small" type="button" onClick=${of.close}>Done</button>`;
  const said = html`<p class="facets-of">${of.of}</p>`;
  render(html`<div class="facets-head">Filters ${done}</div>${said}${FACETS.map(facet)}`, root);
}

/**
 * The counted values, and those filtered for that nothing has.
 * @param {Of} of
 * @param {FilterKey} key
 * @returns {Counted[]}
 */
function valuesOf({ facets, filters }, key) {
  const counted = facets.top(key);
  const known = new Set(counted.map(([value]) => value));
  const missing = filters.filter((f) => f.key === key && !known.has(f.value));
  /** @type {Counted[]} */
  const asked = missing.map((f) => [f.value, 0]);
  return [...counted, ...asked];
}

/** @param {{ name: FilterKey, values: Counted[], of: Of, again: () => void }} of */
function Facet({ name, values, of, again }) {
  if (!values.length) return null;
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
  const entry = (counted) => html`<${Value} key=${counted[0]} name=${name} counted=${counted} of=${of} />`;
  const more = open.has(name) ? "Show fewer" : `Show ${values.length - FIRST} more`;
  const further = of.facets.more(name);
  const title = name === "signal" ? "A save or delete has two, and is counted with each" : null;
  return html`<h2 title=${title}>${LABELS[name]}</h2>
    ${sought !== undefined && field}
    <ul>${shown.map(entry)}</ul>
    ${values.length > FIRST && html`<button class="more" type="button" onClick=${flip}>${more}</button>`}
    ${further > 0 && html`<p class="facets-of">and ${count(further)} rarer ones, to be found by typing them</p>`}`;
}

/** @param {{ name: FilterKey, counted: Counted, of: Of }} of */
function Value({ name, counted: [value, number], of }) {
  const there = has(of.filters, { key: name, value });
  const state = there ? (there.not ? "not" : "on") : number ? "" : "none";
  const text = line(name === "outcome" ? value.replace("_", " ") : value, 100);
  /** @param {MouseEvent} event */
  const take = (event) => of.toggle({ key: name, value, not: event.altKey });
  const alone = () => of.only({ key: name, value });
  const leave = () => of.toggle({ key: name, value, not: true });
  const none = state === "not" ? "" : "–";
  return html`<li class=${`facet ${state}`}>
    <button class="include" type="button" title=${text} aria-pressed=${String(state === "on")} onClick=${take}>
      <span>${broken(name === "signal" ? lastPart(text) : text)}</span>
      <${Spark} bars=${of.facets.bars(name, value, of.span)} tone=${name === "outcome" ? value : ""} />
      <span>${number ? count(number) : none}</span></button>
    <button class="alone" type="button" aria-label=${`Only ${LABELS[name]} ${text}`} onClick=${alone}>only</button>
    <button class="exclude" type="button" aria-label=${`Not ${LABELS[name]} ${text}`}
      aria-pressed=${String(state === "not")} onClick=${leave}>not</button>
  </li>`;
}

/**
 * A name that may go on in a second line behind its dots and underscores, rather than lose the end that tells it apart.
 * @param {string} text
 */
const broken = (text) => text.split(/(?<=[._:/])/).map((part, at) => (at ? html`<wbr />${part}` : part));

/**
 * When a value happened, in twelve bars; a bar of one is still seen beside one of a thousand.
 * @param {{ bars: number[], tone: string }} of
 */
function Spark({ bars, tone }) {
  const most = Math.max(1, ...bars);
  const path = bars
    .map((n, at) => (n ? `M${at * 3 + 1} 12v-${Math.max(1.5, (12 * n) / most).toFixed(1)}` : ""))
    .join("");
  return html`<svg class=${`spark ${tone}`} viewBox="0 0 36 12" aria-hidden="true"><path d=${path} /></svg>`;
}
