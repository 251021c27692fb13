// The View menu: saved views, time range, row display and columns.

import { html, render } from "../../vendor/htm-preact.js";
import { MODES, zone } from "../lib/time.js";
import { Columns } from "../parts/columns_menu.js";
import { forget, Shared } from "../parts/shared_menu.js";
import { SharedViews } from "../server/shared.js";
import { announcer, links } from "./state.js";

/** @import { Mode } from "../lib/time.js" */
/** @import { Column } from "../parts/columns.js" */
/** @import { Choices, Display } from "./display.js" */
/** @import { SavedViews, View } from "./saved.js" */

/**
 * @typedef {object} Of
 * @property {SavedViews} views
 * @property {Display} display
 * @property {{ name: string, query: string }[]} presets
 * @property {() => string} query of the view shown
 * @property {(query: string) => void} open
 * @property {(from: Date | null, to: Date | null) => void} show
 * @property {(minutes: number) => void} last
 * @property {(changes: Choices) => void} look
 * @property {() => Column[]} columns
 * @property {(columns: Column[]) => void} arrange
 * @property {(name: string) => boolean} fits
 */
/** @typedef {Of & { shared: SharedViews, again: (done?: unknown) => void, close: () => void }} Parts */

/** @type {[words: string, minutes: number][]} */
const SPANS = [
  ["Last 5 min", 5],
  ["Last hour", 60],
  ["Last day", 1440],
];
/** @type {Record<Mode, [words: string, title: string]>} */
const WORDS = { local: ["Local", zone("local")], utc: ["UTC", ""], relative: ["Age", ""] };

/** @type {SharedViews | undefined} */
let shared;

/**
 * @param {HTMLElement} menu
 * @param {Of} of
 */
export function fill(menu, of) {
  shared ??= new SharedViews(links.shared, menu.dataset.token ?? "");
  const known = shared;
  const close = () => menu.hidePopover();
  const again = () => render(html`<${Menu} ...${of} shared=${known} again=${again} close=${close} />`, menu);
  known.load().then((done) => {
    if (done) of.views.follow(known.all);
    if (menu.matches(":popover-open")) again();
  });
  again();
}

export { forget };

/** @param {Parts} of */
const Menu = (of) => html`<div><${Views} ...${of} /><${Time} ...${of} /></div>
  <div><${Rows} ...${of} /><${Columns} ...${of} say=${say} /></div>`;

/** @param {string} words */
const say = (words) => announcer.say(words);

/** @type {(event: SubmitEvent, name: string) => HTMLInputElement} */
const fieldOf = ({ target }, name) => /** @type {any} */ (target).elements[name];

/** @param {Parts} of */
function Views({ views, shared, presets, display, query, open, again, close }) {
  /** @param {SubmitEvent} event */
  const save = async (event) => {
    event.preventDefault();
    const name = fieldOf(event, "name");
    const sharing = event.submitter?.getAttribute("value") === "share";
    const done = sharing ? await shared.share(name.value, query()) : views.save(name.value, query());
    if (done && sharing) announcer.say(`${name.value} is now shared`);
    if (done) name.value = "";
    again();
  };
  /** @type {(event: Event, wanted: string) => void} */
  const go = (event, wanted) => {
    event.preventDefault();
    close();
    open(wanted);
  };
  /** @type {(wanted: string) => (event: Event) => void} */
  const opening = (wanted) => (event) => go(event, wanted);
  /** @param {View} view */
  const view = ({ name, query: kept, first }) => html`<li key=${name}>
    <a href=${`?${kept}`} onClick=${opening(kept)}>${name}</a>
    <button type="button" aria-pressed=${String(Boolean(first))} title="Open by default"
      aria-label=${`Open ${name} by default`} onClick=${() => again(views.toggleFirst(name))}
    >${first ? "★" : "☆"}</button>
    <button type="button" title="Delete" aria-label=${`Delete the view ${name}`}
      onClick=${() => again(views.remove(name))}>×</button></li>`;
  const share = html`<button class="btn small" value="share"
    title="Share with everyone who can see events">Share</button>`;
  return html`<h2>Views</h2><ul class="views">
    <li><a href="?" onClick=${opening("")}>All events</a></li>
    ${views.all.map(view)}
  </ul>
  <h2>Questions</h2><ul class="views presets">${presets.map(
    ({ name, query: asked }) =>
      html`<li><a href=${`?${asked}`} title=${new URLSearchParams(asked).get("q")}
        onClick=${opening(asked)}>${name}</a></li>`,
  )}</ul>
  <form class="one-line" onSubmit=${save}>
    <input name="name" required maxlength="60" autocomplete="off" aria-label="View name"
      placeholder="Name this view…" />
    <button class="btn small" title="Save for yourself in this browser">Save</button>
    ${shared.mayShare && share}</form>
  ${shared.problem && html`<p class="errorlist" role="alert">${shared.problem}</p>`}
  <${Shared} shared=${shared} views=${views} display=${display} go=${go} again=${again} say=${say} />`;
}

/** @param {Parts} of */
function Time({ show, last, close }) {
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    const [from, to] = [fieldOf(event, "from").value, fieldOf(event, "to").value];
    if (!from && !to) return;
    close();
    show(from ? new Date(from) : null, to ? new Date(to) : null);
  };
  /** @param {number} minutes */
  const choose = (minutes) => {
    close();
    last(minutes);
  };
  /** @param {[string, number]} span */
  const span = ([words, minutes]) =>
    html`<button class="btn small" type="button" onClick=${() => choose(minutes)}>${words}</button>`;
  /** @type {(name: string, label: string) => unknown} */
  const field = (name, label) => html`<label>${label}<input type="datetime-local" name=${name} step="1" /></label>`;
  return html`<h2>Time</h2><div class="one-line">${SPANS.map(span)}</div>
    <form class="times" onSubmit=${submit}>${field("from", "Start")}${field("to", "End")}
      <button class="btn small">Show</button></form>`;
}

/** @param {Parts} of */
function Rows({ display, look, again }) {
  /** @type {(name: "comfortable" | "mode", value: boolean | Mode, words: [string, string]) => unknown} */
  const choice = (name, value, [words, title]) =>
    html`<button type="button" title=${title} aria-pressed=${String(display[name] === value)}
      onClick=${() => again(look({ [name]: value }))}>${words}</button>`;
  const heights = [choice("comfortable", false, ["Compact", ""]), choice("comfortable", true, ["Comfortable", ""])];
  const modes = MODES.map((mode) => choice("mode", mode, WORDS[mode]));
  return html`<h2>Rows</h2>
    <div class="one-line"><span class="seg small" role="group" aria-label="Row height">${heights}</span>
    <span class="seg small" role="group" aria-label="Time format">${modes}</span></div>`;
}
