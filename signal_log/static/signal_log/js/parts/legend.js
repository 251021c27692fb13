// The legend of the chart: each kind with its colour and number; a click shows only that kind, as far as a query can.

import { html, render } from "../../vendor/htm-preact.js";
import { KINDS } from "../events/rate.js";
import { count } from "../lib/text.js";
import { SAID } from "./chart.js";

/** @import { Filter } from "../events/filters.js" */

const SAVES = "saves: what was created and what was updated, for which there is one signal";
/** @type {Record<string, [filter: Filter, what: string]>} */
const FILTERS = {
  failed: [{ key: "outcome", value: "failed", not: false }, "what failed"],
  undone: [{ key: "outcome", value: "rolled_back", not: false }, "what was rolled back"],
  refused: [{ key: "signal", value: "django.contrib.auth.signals.user_login_failed", not: false }, "failed log-ins"],
  created: [{ key: "signal", value: "post_save", not: false }, SAVES],
  updated: [{ key: "signal", value: "post_save", not: false }, SAVES],
  deleted: [{ key: "signal", value: "post_delete", not: false }, "deletions"],
};

/**
 * What went wrong first; kinds of which there are none are left out.
 * @param {HTMLElement} root
 * @param {number[]} totals in the order of `KINDS`
 * @param {{ narrow: (filter: Filter) => void, isOn: (filter: Filter) => boolean }} does
 */
export function renderLegend(root, totals, does) {
  const entries = KINDS.map((kind, k) => {
    const [filter, what] = FILTERS[kind] ?? [];
    if (!totals[k]) return null;
    const said = html`<i class=${kind} aria-hidden="true"></i>${SAID[k]} <b>${count(totals[k])}</b>`;
    if (!filter) return html`<li key=${kind}><span>${said}</span></li>`;
    return html`<li key=${kind}><button type="button" title=${`Show only ${what}`}
      aria-pressed=${String(does.isOn(filter))} onClick=${() => does.narrow(filter)}>${said}</button></li>`;
  });
  render(entries.reverse(), root);
}
