// A menu below its button, filled whenever it is opened.

/**
 * @param {HTMLElement} button
 * @param {HTMLElement} menu
 * @param {{ fill: () => unknown, closed?: () => void }} of what cannot be filled, with `false`, is closed again
 */
export function opens(button, menu, { fill, closed = () => {} }) {
  menu.addEventListener("toggle", async (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== "open") return closed();
    if ((await fill()) === false) return menu.hidePopover();
    const { bottom, right } = button.getBoundingClientRect();
    menu.style.top = `${bottom + 4}px`;
    menu.style.right = `${Math.max(8, Math.min(innerWidth - right, innerWidth - menu.offsetWidth - 8))}px`;
  });
}
