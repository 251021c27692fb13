// The keys of every page: walks its list, turns its pages, and opens the palette. Without it Tab and Enter do.

import { copy } from "./lib/clip.js";
import { listen } from "./lib/keys.js";
import { toggle } from "./lib/palette.js";
import { prepare, say } from "./lib/status.js";
import { cellsOf, turn, walker } from "./lib/walk.js";

/** @import { Deeds } from "./lib/keys.js" */

const KEYS = [
  ["j k", "Next, previous row"],
  ["Enter", "Open it"],
  ["y", "Copy its link"],
  ["g G", "First, last row"],
  ["[ ]", "Previous, next page"],
  ["/", "Go to the search"],
  ["Ctrl K", "Go to any page, object, account or event"],
  ["?", "Show these shortcuts"],
];
const SEARCH = "main form:is([role=search], .filters) :is(input:not([type=hidden], [type=checkbox]), select)";

const find = document.querySelector("script[data-find]")?.getAttribute("data-find") ?? "";
const palette = () => toggle(find);

addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== "k") return;
  event.preventDefault();
  palette();
});
for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-palette]"))) {
  button.hidden = false;
  button.addEventListener("click", palette);
}

/** @type {(row: HTMLElement) => HTMLAnchorElement | null} */
const linkOf = (row) => row.querySelector("a[href]");

function walk() {
  prepare();
  const rows = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-walk] > tbody > tr:not(.day)")]);
  const list = walker({ rows, head: linkOf, say, words: cellsOf });
  /** @type {Deeds} */
  const deeds = {
    ...(rows.length ? list.keys : {}),
    "[": () => turn("prev", say),
    "]": () => turn("next", say),
    o: () => rows[list.current()] && linkOf(rows[list.current()])?.click(),
    y: async () => {
      const link = rows[list.current()] && linkOf(rows[list.current()]);
      say((await copy(link?.href ?? location.href)) ? "Link copied" : "The browser blocked copying");
    },
    "/": () => /** @type {HTMLElement | null} */ (document.querySelector(SEARCH))?.focus(),
    "?": () => help(rows.length > 0),
  };
  listen(deeds);
}

/** @param {boolean} isList */
function help(isList) {
  const dialog = document.createElement("dialog");
  dialog.className = "keys";
  dialog.setAttribute("aria-labelledby", "keys-title");
  const head = Object.assign(document.createElement("h2"), { id: "keys-title", textContent: "Keyboard shortcuts" });
  const lines = document.createElement("dl");
  for (const [names, words] of KEYS.slice(isList ? 0 : 2)) {
    const term = document.createElement("dt");
    for (const name of names.split(" "))
      term.append(Object.assign(document.createElement("kbd"), { textContent: name }), " ");
    lines.append(term, Object.assign(document.createElement("dd"), { textContent: words }));
  }
  const form = Object.assign(document.createElement("form"), { method: "dialog" });
  form.append(
    Object.assign(document.createElement("button"), { className: "btn", textContent: "Close", autofocus: true }),
  );
  dialog.append(head, lines, form);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

// The live page, stories and a trace have keys of their own.
if (!document.querySelector("body.live, .story, .falls")) walk();
