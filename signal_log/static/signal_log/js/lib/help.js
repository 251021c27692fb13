// The dialog of keyboard shortcuts.

import { html, render } from "../../vendor/htm-preact.js";

const HELP = [
  ["/", "Search, or name a field: model:auth.User, -actor:eve, took:>100ms"],
  ["j k", "Next, previous row"],
  [". F6", "Go into the panel, and back to the list"],
  ["o", "Open in the panel"],
  ["Enter", "Open the event page"],
  ["Esc", "Close the panel and resume following"],
  ["f", "Follow"],
  ["p", "Pause"],
  ["Space", "Pause or follow"],
  ["g G", "Go to the newest, oldest row"],
  ["→ ←", "Expand, collapse a cascade"],
  ["n", "Next operation that failed, was refused or rolled back"],
  ["− +", "Zoom the chart out, in"],
  ["x", "Show 20 events before and after"],
  ["c", "Switch between cascades and operations"],
  ["e", "Switch between signals and operations"],
  ["t", "Switch between local time, UTC and age"],
  ["d", "Switch between compact and comfortable rows"],
  ["y", "Copy a link to the event"],
  ["v", "What can be done with its values: only, not, copy, open"],
  ["Ctrl K", "Go to any page, object, account or event"],
  ["?", "Show these shortcuts"],
];

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
