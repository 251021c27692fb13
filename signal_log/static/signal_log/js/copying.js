// Copies by one click, on any page that loads it and in the toolbar's panel: what a link with `data-copy` leads to, the
// element after a button with `data-copy-next`, and places in code.

import { copyLinked, copyNext, copyPlace, placeOf, sayCopied } from "./lib/copying.js";

/** @type {(event: Event, selector: string) => HTMLElement | null} */
function hit(event, selector) {
  const target = event.composedPath()[0]; // the toolbar is in a shadow root
  return target instanceof Element ? target.closest(selector) : null;
}

sayCopied("");
for (const place of document.querySelectorAll("span[data-place]")) {
  if (place.closest("tr")) continue; // of these there may be thousands: the page of a trace has a key for them
  const button = document.createElement("button");
  button.type = "button";
  button.className = place.className;
  button.dataset.place = "";
  button.append(...place.childNodes);
  place.replaceWith(button);
}
document.addEventListener("click", (event) => {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const link = hit(event, "a[data-copy]");
  const button = hit(event, "[data-copy-next]");
  const place = hit(event, "[data-place]");
  if (link instanceof HTMLAnchorElement) {
    event.preventDefault();
    copyLinked(link);
  } else if (button) {
    copyNext(button);
  } else if (place && getSelection()?.isCollapsed !== false) {
    copyPlace(place);
  }
});
document.addEventListener("pointerover", (event) => {
  const place = hit(event, "[data-place]");
  if (place) place.title = `Copy ${placeOf(place.textContent ?? "")}`;
});
