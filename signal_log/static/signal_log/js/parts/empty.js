// The empty state of the list: why it is empty, and what to do about it.

import { html, render } from "../../vendor/htm-preact.js";
import { narrowest } from "../events/filters.js";
import { pillWords } from "./pills.js";

/** @import { Filter } from "../events/filters.js" */

/**
 * @typedef {object} Of
 * @property {string} connection
 * @property {string} login
 * @property {number} rows
 * @property {string} refusal
 * @property {string[]} unmatched
 * @property {number} answered
 * @property {boolean} settled
 * @property {boolean} looking
 * @property {string} time
 * @property {Filter[]} filters
 * @property {string[]} models
 * @property {(filter: Filter | null) => void} drop
 * @property {() => void} clear
 * @property {() => void} anytime
 * @property {{ name: string, query: string }[]} presets
 * @property {(query: string) => void} open
 */

/**
 * Renders into `root`, or hides it when the list has rows.
 * @param {HTMLElement} root
 * @param {Of} state
 */
export function renderEmptyState(root, state) {
  const content = contentFor(state);
  root.hidden = !content;
  render(content, root);
}

/** @param {Of} state */
function contentFor(state) {
  if (state.connection === "signed-out") return signedOut(state);
  if (state.connection === "forbidden") return forbidden();
  if (state.rows) return null;
  if (state.refusal) return noMatches(state);
  if (!state.answered) return state.connection === "connecting" ? null : unreachable();
  if (!state.settled) return null;
  if (state.looking) return null;
  if (state.time) return emptyRange(state);
  return state.filters.length ? noMatches(state) : emptyLog(state);
}

/** @param {Of} of */
const signedOut = ({ login }) => html`<div class="empty"><h2>You have been logged out</h2>
  <p>The events were removed from this page. Log in again to continue.</p>
  <p><a class="btn primary" href=${login}>Log in</a></p></div>`;

const forbidden = () => html`<div class="empty"><h2>You no longer have access to events</h2>
  <p>Your account lost the permission to view signal events.${" "}
  Ask an administrator to restore it, then reload this page.</p></div>`;

const unreachable = () => html`<div class="empty"><h2>Cannot reach the log</h2>
  <p>This page keeps retrying. Events that you missed appear once the connection is back.</p></div>`;

/** @param {Of} of */
function noMatches({ filters, refusal, unmatched, drop, clear, presets, open }) {
  const last = narrowest(filters);
  const all = ["this filter", "both filters"][filters.length - 1] ?? `all ${filters.length} filters`;
  const why = unmatched.length
    ? unmatched
    : [refusal || `No event in the log matches ${all}. New events that match will appear here.`];
  const filter = last && pillWords(last);
  return html`<div class="empty"><h2>${refusal ? "This filter is not valid" : "No events match"}</h2>
    ${why.map((sentence) => html`<p class="value">${sentence}</p>`)}
    <p>Remove <button class="pill" type="button" onClick=${() => drop(last)}>${filter} ×</button>
    ${filters.length > 1 && html` or ${pill("all filters", clear)}`}</p>
    <${Questions} presets=${presets} open=${open} /></div>`;
}

/**
 * What is often asked, for somebody whose own question had no answer.
 * @param {Pick<Of, "presets" | "open">} of
 */
const Questions = ({ presets, open }) =>
  html`<p>Or ask ${presets.map(
    ({ name, query }, i) =>
      html`${i ? ", " : ""}<a href=${`?${query}`} onClick=${(/** @type {Event} */ event) => {
        event.preventDefault();
        open(query);
      }}>${name}</a>`,
  )}.</p>`;

/** @param {Of} of */
const emptyRange = ({
  time,
  filters,
  unmatched,
  anytime,
  clear,
  presets,
  open,
}) => html`<div class="empty"><h2>No events in this time range</h2>
  <p>The log has no ${filters.length ? "matching " : ""}events in the range <b>${time}</b>.</p>
  ${unmatched.map((sentence) => html`<p class="value">${sentence}</p>`)}
  <p>${pill("Show all times", anytime)}
  ${filters.length > 0 && html` or ${pill("Remove all filters too", clear)}`}</p>
  <${Questions} presets=${presets} open=${open} /></div>`;

/** @type {(words: string, act: () => void) => unknown} */
const pill = (words, act) => html`<button class="pill" type="button" onClick=${act}>${words}</button>`;

/** @param {Of} of */
const emptyLog = ({ models }) => html`<div class="empty"><h2>No events yet</h2>
  <p>Saves and deletes of these models appear here as they happen:${" "}
  ${models.map((model, i) => html`${i ? ", " : ""}<code>${model}</code>`)}.</p>
  <p>Save one in the admin or anywhere on the site, or try this in <code>python manage.py shell</code>:</p>
  <pre>${sample(models)}</pre></div>`;

/** @param {string[]} models */
function sample(models) {
  const [app, name] = (models.find((model) => !model.includes("*")) ?? "auth.User").split(".");
  const variable = name.toLowerCase();
  return [
    "from django.apps import apps",
    `${variable} = apps.get_model("${app}", "${name}").objects.first()`,
    `${variable}.save()`,
  ].join("\n");
}
