// Keyboard shortcuts: one key, one action; ignored while typing.

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
