// The line below the list: how many events are held, whether any was missed, and the way to the keys.

import { html, render } from "../vendor/htm-preact.js";
import { count, plural } from "./text.js";
import { minute } from "./time.js";

export function renderFoot(root, { size, rows, unfolded, since, recovered, lost, absent, older, notes, mode, help }) {
  const held = unfolded ? plural(size, "event") : `${plural(rows, "operation")} of ${plural(size, "event")}`;
  const kept = lost ? html`<span class="bad">! ${lost}</span>`
    : recovered ? html`<span class="good">✓ recovered ${plural(recovered, "event")}</span>`
    : since ? html`<span>nothing missed since ${minute(since, mode)}</span>` : null;
  render(html`<span title=${`${count(size)} events held on this page`}>${held}</span>${kept}${absent && html`<a href=${absent.url}>event ${absent.id} is older: open it</a>`}${notes.map((note) => html`<span class="bad">${note}</span>`)}
    <a class="push" href=${older} title="The same filters over the whole log">History</a>
    <span><button type="button" onClick=${help}><span class="keys-hint"><kbd>j</kbd> <kbd>k</kbd> move · <kbd>f</kbd> follow · </span><kbd>?</kbd> keys</button></span>`, root);
}
