// The list under the search field: what may stand at the caret, with counts.

import { html, render } from "../../vendor/htm-preact.js";
import { count, line } from "../lib/text.js";

/** @import { Option } from "../query/complete.js" */

/**
 * @typedef {object} Of
 * @property {Option[]} options
 * @property {number} chosen
 * @property {string} begins what of it is typed already
 * @property {string} scope what the counts are of
 * @property {(option: Option) => void} take
 */

/**
 * @param {HTMLElement} root
 * @param {Of} of
 */
export function renderCompletions(root, { options, chosen, begins, scope, take }) {
  /** @type {(option: Option, index: number) => unknown} */
  const entry = (option, index) => html`<li key=${option.insert} id=${`completion-${index}`} role="option"
    aria-selected=${String(index === chosen)} onClick=${() => take(option)}>
    <bdi><${Label} text=${line(option.label, 100)} begins=${begins} /></bdi>
    <small>${option.hint ?? ""}</small>
    <span>${option.count ? count(option.count) : ""}</span></li>`;
  const note = scope && html`<li class="scope" role="presentation">${scope}</li>`;
  render(options.length ? html`${options.map(entry)}${note}` : null, root);
  root.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
}

/** @param {{ text: string, begins: string }} of */
function Label({ text, begins }) {
  const at = begins ? text.toLowerCase().indexOf(begins.toLowerCase()) : -1;
  if (at < 0) return text;
  return html`${text.slice(0, at)}<b>${text.slice(at, at + begins.length)}</b>${text.slice(at + begins.length)}`;
}
