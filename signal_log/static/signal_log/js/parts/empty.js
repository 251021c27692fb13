// What stands in place of the list while there is nothing to list: why, and what to do about it.

import { html, render } from "../../vendor/htm-preact.js";
import { LABELS, narrowest } from "../events/filters.js";
import { pillText } from "./pills.js";

/** Renders into `root` and says whether there is anything to show. */
export function renderOver(root, state) {
  const content = chosen(state);
  root.hidden = !content;
  render(content, root);
}

function chosen(state) {
  if (state.connection === "signed-out") return signedOut(state);
  if (state.connection === "forbidden") return forbidden();
  if (state.rows) return null;
  if (state.refusal) return tooNarrow(state);
  if (!state.answered) return state.connection === "connecting" ? null : waiting();
  if (!state.settled) return null;
  if (state.looking) return null;
  if (state.time) return nothingThen(state);
  return state.filters.length ? tooNarrow(state) : nothingYet(state);
}

const signedOut = ({ login }) => html`<div class="empty"><h2>You have been signed out</h2>
  <p>The events were removed from this page. Log in again, and it goes on here.</p>
  <p><a class="btn primary" href=${login}>Log in</a></p></div>`;

const forbidden = () => html`<div class="empty"><h2>You may no longer see events</h2>
  <p>Your account has lost the permission to view signal events, so this page was closed.${" "}
  An administrator can give it back.</p></div>`;

const waiting = () => html`<div class="empty"><h2>The log cannot be reached</h2>
  <p>This page keeps trying, and shows what happened meanwhile as soon as it is back.</p></div>`;

function tooNarrow({ filters, refusal, drop, clear }) {
  const last = narrowest(filters);
  const all = filters.length > 1 ? `all ${filters.length} filters` : "the filter";
  const why = refusal || `Nothing in the log passes ${all}. New events that do will appear here at once.`;
  const filter = html`<b>${LABELS[last.key]}</b> ${last.not ? "not " : ""}<bdi>${pillText(last)}</bdi>`;
  return html`<div class="empty"><h2>${refusal ? "This filter cannot be used" : "No event matches"}</h2>
    <p>${why}</p>
    <p>Drop <button class="pill" type="button" onClick=${() => drop(last)}>${filter} ×</button>
    ${filters.length > 1 && html` or ${pill("all of them", clear)}`}</p></div>`;
}

const nothingThen = ({ time, filters, anytime, clear }) => html`<div class="empty"><h2>Nothing in this time</h2>
  <p>The log holds no event ${filters.length ? "that matches " : ""}from <b>${time}</b>.</p>
  <p>${pill("Show all times", anytime)}
  ${filters.length > 0 && html` or ${pill("drop all filters too", clear)}`}</p></div>`;

const pill = (words, act) => html`<button class="pill" type="button" onClick=${act}>${words}</button>`;

const nothingYet = ({ models }) => html`<div class="empty"><h2>Nothing has happened yet</h2>
  <p>As soon as one of these is saved or deleted, it appears here:${" "}
  ${models.map((model, i) => html`${i ? ", " : ""}<code>${model}</code>`)}.</p>
  <p>Save one in the admin or on a page of the site, or try it in <code>python manage.py shell</code>:</p>
  <pre>${attempt(models)}</pre></div>`;

function attempt(models) {
  const [app, name] = (models.find((model) => !model.includes("*")) ?? "auth.User").split(".");
  const variable = name.toLowerCase();
  return [
    "from django.apps import apps",
    `${variable} = apps.get_model("${app}", "${name}").objects.first()`,
    `${variable}.save()`,
  ].join("\n");
}
