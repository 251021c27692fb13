// The part of the View menu that lists the shared views.

import { html } from "../../vendor/htm-preact.js";
import { line } from "../lib/text.js";
import { minute } from "../lib/time.js";

/** @import { Mode } from "../lib/time.js" */
/** @import { SharedView, SharedViews } from "../server/shared.js" */

/**
 * @typedef {object} Of
 * @property {SharedViews} shared
 * @property {{ firstShared: string, toggleShared: (view: SharedView) => void }} views
 * @property {{ mode: Mode }} display
 * @property {(event: Event, query: string) => void} go
 * @property {(done?: unknown) => void} again
 * @property {(words: string) => void} say
 */

let asked = 0; // the id of the view whose button asks for confirmation

/**
 * `shared` and the personal `views`, of which one may be the default; `go(event, query)` opens a view;
 * `say(words)` is for a screen reader.
 * @param {Of} of
 */
export function Shared({ shared, views, display, go, again, say }) {
  if (!shared.all.length && !shared.mayShare) return null;
  /** @param {number} id */
  const ask = (id) => {
    asked = id;
    again();
  };
  /** @param {SharedView} view */
  const remove = async (view) => {
    if (asked !== view.id) return ask(view.id);
    if (await shared.remove(view)) say(`${view.name} is no longer shared`);
    ask(0);
  };
  /** @param {SharedView} view */
  const entry = (view) => html`<${View} key=${view.id} view=${view} first=${views.firstShared === view.name}
    mode=${display.mode} go=${go} star=${() => again(views.toggleShared(view))} remove=${() => remove(view)} />`;
  return html`<h2>Shared views</h2>
    ${!shared.all.length && html`<p class="muted">None yet. Name the current view and share it.</p>`}
    <ul class="views">${shared.all.map(entry)}</ul>`;
}

/**
 * @typedef {object} ViewOf
 * @property {SharedView} view
 * @property {boolean} first
 * @property {Mode} mode
 * @property {(event: Event, query: string) => void} go
 * @property {() => void} star
 * @property {() => void} remove
 */

/** @param {ViewOf} of */
function View({ view, first, mode, go, star, remove }) {
  const name = line(view.name, 60);
  const sure = asked === view.id;
  /** @param {Event} event */
  const open = (event) => go(event, view.query);
  const cross = html`<button type="button" class=${sure ? "confirm" : ""}
    title=${sure ? "Stop sharing it with everyone" : "Stop sharing"}
    aria-label=${`${sure ? "Sure? " : ""}Stop sharing ${name}`} onClick=${remove}>${sure ? "Sure?" : "×"}</button>`;
  return html`<li><a href=${`?${view.query}`} title=${name} onClick=${open}>${name}
      <small>${line(view.by, 40)}, ${minute(Date.parse(view.at), mode)}</small></a>
    <button type="button" aria-pressed=${String(first)} title="Open by default"
      aria-label=${`Open ${name} by default`} onClick=${star}>${first ? "★" : "☆"}</button>
    ${view.removable && cross}</li>`;
}

/** Drops a pending confirmation: the menu was closed. */
export const forget = () => {
  asked = 0;
};
