// Says something to screen readers, on pages that have no region of their own for it.

/** @type {HTMLElement | undefined} */
let region;

/** Readers announce only what changes in a region that is there already, so a page calls this when it is loaded. */
export function prepare() {
  if (region) return;
  region = document.createElement("div");
  region.className = "sr-only";
  region.ariaLive = "polite"; // no second status beside one that a page shows
  region.id = "said";
  (document.querySelector("main") ?? document.body).append(region);
}

/** @param {string} words */
export function say(words) {
  prepare();
  if (region) region.textContent = words;
}
