// The keys of a page with a list: walk it, turn its pages, go to the search. Without them Tab and Enter do.

import { beside, isEventPage } from "./lib/came.js";
import { copy } from "./lib/clip.js";
import { listen } from "./lib/keys.js";
import { Later } from "./lib/later.js";
import { prepare, say } from "./lib/status.js";
import { cellsOf, turn, walker } from "./lib/walk.js";

/** @import { Deeds } from "./lib/keys.js" */

const OF_LISTS = [
  ["j k", "Next, previous row"],
  ["y", "Copy its link"],
  ["v", "What can be done with its values: only, not, copy, open"],
  ["g G", "First, last row"],
];
const OF_EVENTS = [["j k", "Next, previous event of the list that it was opened from, else of its object"]];
const OF_PANELS = [
  ["Enter", "Open its page"],
  ["o", "Open in the panel"],
  [". F6", "Go into the panel, and back to the list"],
  ["Esc", "Close the panel"],
];
const KEYS = [
  ["[ ]", "Previous, next page"],
  ["/", "Go to the search"],
  ["Ctrl K", "Go to any page, object, account or event"],
  ["?", "Show these shortcuts"],
];
const SEARCH = "main form:is([role=search], .filters) :is(input:not([type=hidden], [type=checkbox]), select)";

/** @type {(row: HTMLElement) => HTMLAnchorElement | null} */
const linkOf = (row) => row.querySelector("a[href]");

/** @type {(row: HTMLElement) => HTMLElement | null} what opens a row: an event without a page opens in its place */
const openerOf = (row) => row.querySelector(".whole > summary") ?? linkOf(row);

const panel = new Later(() => import("./lib/peek.js"), say);

/**
 * The keys of a list whose rows have a page: what they are is opened in a panel beside it.
 * @param {object} of
 * @param {() => HTMLElement | null} of.opener of the row
 * @param {() => HTMLAnchorElement | null} of.linkOf the same if it leads to a page of this site
 * @param {ReturnType<typeof walker>} of.list
 * @param {string} of.what
 * @returns {Deeds}
 */
function ofPanel({ opener, linkOf, list, what }) {
  const back = () => list.go(Math.max(0, list.current()));
  const left = () => {
    if (!panel.part?.close()) return false;
    back();
  };
  const show = async () => {
    const link = linkOf();
    if (link) (await panel.need())?.show(link.href, { say, left, what });
    else panel.part?.close();
  };
  const cross = () => {
    if (!panel.part?.isOpen()) say(`There is no ${what} to open`);
    else if (panel.part.enter()) say(`Selected ${what}. Press . to go back to the list`);
    else back();
  };
  /** @param {(() => unknown) | undefined} go */
  const moved = (go) => () => {
    const was = list.current();
    go?.();
    if (panel.part?.isOpen() && list.current() !== was) show();
  };
  return {
    ...Object.fromEntries(Object.entries(list.keys).map(([key, go]) => [key, moved(go)])),
    o: () => {
      if (!opener()) list.go(0);
      if (linkOf()) show();
      else opener()?.click();
    },
    ".": cross,
    F6: cross,
    Escape: left,
  };
}

/** @param {number} by */
function goBeside(by) {
  const url = beside(by);
  if (url) location.assign(url);
  else if (url === null) say(`This is the ${by > 0 ? "last" : "first"} event of the list`);
  else turn(by > 0 ? "prev" : "next", say, "event of this object"); // the list has the newest on top
}

function walk() {
  prepare();
  const rows = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-walk] > tbody > tr:not(.day)")]);
  const list = walker({ rows, head: openerOf, say, words: cellsOf });
  // What its rows are; nothing where they have no page.
  const what = /** @type {HTMLElement | null} */ (document.querySelector("[data-walk]"))?.dataset.walk ?? "";
  const opener = () => (rows[list.current()] ? openerOf(rows[list.current()]) : null);
  const link = () => {
    const found = opener();
    return found instanceof HTMLAnchorElement ? found : null;
  };
  const own = () => (link()?.origin === location.origin ? link() : null);
  /** @type {Deeds} */
  const deeds = {
    ...(rows.length ? list.keys : {}),
    ...(isEventPage() && { j: () => goBeside(1), k: () => goBeside(-1) }),
    "[": () => turn("prev", say),
    "]": () => turn("next", say),
    ...(what && ofPanel({ opener, linkOf: own, list, what })),
    y: async () => {
      say((await copy(link()?.href ?? location.href)) ? "Link copied" : "The browser blocked copying");
    },
    "/": () => /** @type {HTMLElement | null} */ (document.querySelector(SEARCH))?.focus(),
    "?": () =>
      help([
        ...(rows.length ? OF_LISTS : []),
        ...(isEventPage() ? OF_EVENTS : []),
        ...(what ? OF_PANELS : []),
        ...KEYS,
      ]),
  };
  listen(deeds);
}

/** @param {string[][]} keys */
function help(keys) {
  const dialog = document.createElement("dialog");
  dialog.className = "keys";
  dialog.setAttribute("aria-labelledby", "keys-title");
  const head = Object.assign(document.createElement("h2"), { id: "keys-title", textContent: "Keyboard shortcuts" });
  const lines = document.createElement("dl");
  for (const [names, words] of keys) {
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

// Stories have keys of their own.
if (!document.querySelector(".story")) walk();
