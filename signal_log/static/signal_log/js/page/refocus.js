// The focus of the panel while the list begins anew: it goes to the list, and back once the same event is open again.

import { $, operationOf, state } from "./state.js";

/** @type {{ id: number, way: string | undefined } | null} the event, and the value that had the focus */
let left = null;

/** @param {number} id of the event that is open, before its panel goes */
export function keepFocus(id) {
  const at = /** @type {HTMLElement} */ (document.activeElement);
  if (!$("detail").contains(at)) return;
  left = { id, way: at.dataset.way };
  $("grid").focus({ preventScroll: true });
}

/** The panel is there: on the same value, or on the panel if that is gone; nothing if the reader has gone elsewhere. */
export function giveFocus() {
  if (!left || !state.picked) return;
  const { id, way } = left;
  left = null;
  if (document.activeElement !== $("grid") || !operationOf(state.picked).events.some((one) => one.id === id)) return;
  const panel = $("detail");
  const same = [...panel.querySelectorAll("[data-way]")].find((one) => way && one.getAttribute("data-way") === way);
  /** @type {HTMLElement} */ (same ?? panel).focus({ preventScroll: !same });
}
