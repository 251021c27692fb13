// Keyboard shortcuts: one key, one action; ignored while typing.

export const HELP = [
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
  ["Ctrl K", "Go to any page, object, account or event"],
  ["?", "Show these shortcuts"],
];

/** @typedef {Record<string, ((event: KeyboardEvent) => unknown) | undefined>} Deeds */

/** @type {(target: Element) => Element | null | undefined} */
const typing = (target) => target.closest?.("input, textarea, select, [contenteditable]");
/** @type {(target: Element) => Element | null | undefined} */
const pressing = (target) => target.closest?.("button, a, summary, dialog");

/**
 * `actions` maps a key to a function; listens for the life of the page.
 * @param {Deeds} actions
 * @param {Document} root
 */
export function listen(actions, root = document) {
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const { key } = event;
    const target = /** @type {Element} */ (event.target);
    if (typing(target) && key !== "Escape") return;
    if ((key === "Enter" || key === " ") && pressing(target)) return;
    const action = actions[key];
    // An open dialog or menu handles the keys itself, Escape first.
    if (!action || document.querySelector("dialog[open], :popover-open")) return;
    if (action(event) !== false) event.preventDefault();
  });
}
