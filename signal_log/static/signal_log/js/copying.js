// Copies by one click, on any page of ours that loads it: what a link with `data-copy` leads to, and places in code.

import { copyLinked, copyPlace, placeOf, sayCopied } from "./lib/copying.js";

/** @type {(event: Event, selector: string) => HTMLElement | null} */
const hit = ({ target }, selector) => (target instanceof Element ? target.closest(selector) : null);

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
  const place = hit(event, "[data-place]");
  if (link instanceof HTMLAnchorElement) {
    event.preventDefault();
    copyLinked(link);
  } else if (place && getSelection()?.isCollapsed !== false) {
    copyPlace(place);
  }
});
document.addEventListener("pointerover", (event) => {
  const place = hit(event, "[data-place]");
  if (place) place.title = `Copy ${placeOf(place.textContent ?? "")}`;
});
