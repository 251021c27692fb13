// The dialog of keyboard shortcuts.

import { html, render } from "../../vendor/htm-preact.js";
import { HELP } from "./keys.js";

/** @param {HTMLDialogElement} dialog */
export function openHelp(dialog) {
  if (dialog.open) return;
  /** @type {(names: string) => unknown[]} */
  const keys = (names) => names.split(" ").map((name, i) => html`${i ? " " : ""}<kbd>${name}</kbd>`);
  /** @type {(line: string[]) => unknown} */
  const entry = ([names, words]) => html`<dt>${keys(names)}</dt><dd>${words}</dd>`;
  render(
    html`<h2 id="keys-title">Keyboard shortcuts</h2><dl>${HELP.map(entry)}</dl>
    <form method="dialog"><button class="btn" autofocus>Close</button></form>`,
    dialog,
  );
  dialog.showModal();
}
