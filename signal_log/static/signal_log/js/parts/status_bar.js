// The status bar below the list: how many events it holds, whether any were missed, writes past Django, the shortcuts.

import { html, render } from "../../vendor/htm-preact.js";
import { count, plural } from "../lib/text.js";

/** @typedef {{ perSecond: number, folded: number, open: () => void }} StormOf */

/**
 * @typedef {object} Of
 * @property {StormOf | false} storm
 * @property {number | null} total operations in the span shown; null before they have been counted
 * @property {string} spanned what that span is
 * @property {number} size
 * @property {number} rows
 * @property {string} list
 * @property {{ tone: string, said: string }} kept whether any were missed
 * @property {{ number: number, isPartial: boolean, url: string }} past
 * @property {{ said: string, url: string } | null} absent
 * @property {string} older
 * @property {string[]} notes
 * @property {() => void} help
 */

/**
 * @param {HTMLElement} root
 * @param {Of} of
 */
export function renderStatusBar(
  root,
  { storm, total, spanned, size, rows, list, kept, past, absent, older, notes, help },
) {
  const held = list === "operations" ? count(rows) : plural(rows, list === "signals" ? "signal" : "cascade");
  const counted = html`${plural(total ?? 0, "operation")} ${spanned} <span class="of"> · ${held} listed</span>`;
  render(
    html`<span title=${`The list holds ${plural(size, "signal")}`}>${total === null ? `${held} listed` : counted}</span>
    ${storm && html`<${Storm} ...${storm} />`}
    ${kept.said && html`<span class=${kept.tone}>${kept.said}</span>`}
    ${past.number > 0 && html`<a class="bad" href=${past.url}>${plural(past.number, "write")} past Django</a>`}
    ${past.isPartial && html`<a href=${past.url}>not all looked at for writes past Django</a>`}
    ${absent && html`<a href=${absent.url}>${absent.said}</a>`}
    ${notes.map((note) => html`<span class="bad">${note}</span>`)}
    <a class="push" href=${older} title="The same filters on the whole log">History</a>
    <span><button type="button" onClick=${help}>
      <span class="keys-hint"><kbd>j</kbd> <kbd>k</kbd> move · <kbd>f</kbd> follow · </span><kbd>?</kbd> shortcuts
    </button></span>`,
    root,
  );
}

/** @param {StormOf} of */
function Storm({ perSecond, folded, open }) {
  const words = `1 row per second of ${count(perSecond)} · ${plural(folded, "operation")} grouped`;
  const each = html`<button class="link" type="button" onClick=${open}>Show every operation</button>`;
  return html`<span class="storm">${words} · ${each}</span>`;
}
