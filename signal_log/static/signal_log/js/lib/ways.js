// Values that can be asked about: finds the one under a click, a long touch, the pointer or the key `v`.
//
// A value is an element with `data-way`, its query; the menu that it opens is loaded when it is first needed.

/**
 * @typedef {object} Value
 * @property {string} of what it is: "model", "old value"
 * @property {string} q its query; empty if it can only be copied
 * @property {string} text what is copied
 * @property {string} [open] the address of its own page
 * @property {Element} at where it is shown
 */
/** @typedef {{ values: Value[], index: number }} Found the values of a row, and which of them is meant */
/** @typedef {(found: Found) => void} Show */
/** @typedef {{ openMenu: Show, showNear: Show, exclude: (value: Value) => void }} Menu */

/**
 * @typedef {object} Of
 * @property {() => Promise<Menu>} load
 * @property {(target: Element) => Found | null} [near] the values of a row that has no marks of its own
 * @property {() => Element | null | undefined} row the one that the key `v` means
 */

const LONG = 500; // ms of a touch
const REST = 220; // ms that the pointer rests on a value
const MOVED = 10; // pixels, above which a touch scrolls
const MARK = "[data-way]";

/** @type {(mark: Element) => Value} */
function asValue(mark) {
  const { way = "", of = "", text, open } = /** @type {HTMLElement} */ (mark).dataset;
  const goes = mark instanceof HTMLAnchorElement && mark.dataset.goes !== undefined;
  return { of, q: way, text: text ?? mark.textContent?.trim() ?? "", open: goes ? mark.href : open, at: mark };
}

/**
 * The values of a row or a page, of which one is meant.
 * @param {Element} scope
 * @param {Element | null} mark
 * @returns {Found | null}
 */
export function marked(scope, mark) {
  const marks = [...scope.querySelectorAll(MARK)].filter((one) => one.getClientRects().length);
  if (mark && !marks.includes(mark)) marks.unshift(mark);
  return marks.length ? { values: marks.map(asValue), index: Math.max(0, mark ? marks.indexOf(mark) : 0) } : null;
}

/** @type {(mark: Element) => Element} */
const scopeOf = (mark) => mark.closest("tr, li, .row, dl, section, aside, main") ?? document.body;

/** Lets Tab reach the values that are no links or buttons, but for those of long lists, whose rows have the key `v`. */
export function reach() {
  for (const mark of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(`span${MARK}`))) {
    if (mark.closest("[data-walk], .long, summary, a, button")) continue;
    mark.tabIndex = 0;
    mark.role = "button";
    mark.ariaHasPopup = "menu";
  }
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (!(target instanceof HTMLElement) || !target.matches(`span[role=button]${MARK}`)) return;
    if (key !== "Enter" && key !== " ") return;
    event.preventDefault();
    target.click();
  });
}

/** @param {Of} of */
export function listenForWays({ load, near = () => null, row }) {
  let resting = 0;
  let touching = 0;
  let isHeld = false; // a long touch has opened the menu; what it would do otherwise is left out
  /** @param {EventTarget | null} target */
  const find = (target) => {
    if (!(target instanceof Element)) return null;
    const mark = target.closest(MARK);
    return mark ? marked(scopeOf(mark), mark) : near(target);
  };
  /** @param {Found} found */
  const open = async (found) => (await load()).openMenu(found);
  const forget = () => clearTimeout(touching);

  document.addEventListener("click", (event) => {
    if (isHeld) event.preventDefault();
    const mark = event.target instanceof Element ? event.target.closest(MARK) : null;
    if (!mark || isHeld || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (mark.hasAttribute("data-goes") || String(getSelection()).length) return;
    event.preventDefault();
    const found = marked(scopeOf(mark), mark);
    if (!found) return;
    if (event.altKey) load().then(({ exclude }) => exclude(found.values[found.index]));
    else open(found);
  });
  document.addEventListener("pointerdown", (event) => {
    clearTimeout(resting);
    forget();
    isHeld = false;
    if (event.pointerType !== "touch") return;
    const { target, clientX, clientY } = event;
    touching = setTimeout(() => {
      const found = find(target);
      if (!found) return;
      isHeld = true;
      open(found);
    }, LONG);
    /** @param {PointerEvent} to */
    const moved = (to) => {
      if (Math.hypot(to.clientX - clientX, to.clientY - clientY) > MOVED) forget();
    };
    const ended = () => {
      forget();
      removeEventListener("pointermove", moved);
    };
    addEventListener("pointermove", moved, { passive: true });
    for (const name of ["pointerup", "pointercancel"]) addEventListener(name, ended, { once: true });
  });
  document.addEventListener("contextmenu", (event) => {
    const byTouch = event instanceof PointerEvent && event.pointerType === "touch";
    if (isHeld || (byTouch && find(event.target))) event.preventDefault();
  });
  document.addEventListener("pointerover", ({ target, pointerType }) => {
    clearTimeout(resting);
    if (pointerType === "touch" || !(target instanceof Element)) return;
    if (!target.closest(`${MARK}, .row`) || target.closest(".ways-near, .ways")) return;
    resting = setTimeout(async () => {
      const found = find(target);
      if (found && target.isConnected) (await load()).showNear(found);
    }, REST);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "v" || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = /** @type {Element} */ (event.target);
    if (target.closest?.("input, textarea, select, [contenteditable]")) return;
    if (document.querySelector("dialog[open], :popover-open")) return;
    const scope = row();
    const own = target.closest?.(MARK);
    const found = own ? find(own) : scope && (near(scope) ?? marked(scope, null));
    if (!found) return;
    event.preventDefault();
    open(found);
  });
}
