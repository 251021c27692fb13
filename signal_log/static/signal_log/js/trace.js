// The trace page: folds its rows and zooms its time axis by keys, buttons and the overview above them.

import { copyPlace } from "./lib/copying.js";
import { listen } from "./lib/keys.js";
import { count, duration } from "./lib/text.js";
import { Folds } from "./tracepage/folds.js";
import { Minimap } from "./tracepage/minimap.js";
import { END, isWhole, length, pan, showing, WHOLE, zoom } from "./tracepage/span.js";
import { TraceRows } from "./tracepage/trace_rows.js";

/** @import { Span } from "./tracepage/span.js" */

const STEP = 1.5; // zoom factor of a key
const PART = 0.2; // share of the visible span that a key moves by

/**
 * @typedef {object} Special elements
 * @property {HTMLTableElement} falls
 * @property {HTMLCanvasElement} minimap
 * @property {HTMLDialogElement} keys
 * @property {HTMLButtonElement} zoom-all
 * @property {HTMLButtonElement} zoom-out
 */

/**
 * @template {string} I
 * @param {I} id
 * @returns {I extends keyof Special ? Special[I] : HTMLElement}
 */
const $ = (id) => /** @type {any} */ (document.getElementById(id));
const table = $("falls");
const rows = new TraceRows(table);
const folds = new Folds(rows.levels);
const errors = rows.worst();
const totalUs = Number(table.dataset.totalUs);
const axis = [...table.querySelectorAll("thead .axis span")];
const ends = axis.map((one) => one.textContent);
let span = WHOLE;
let shown = folds.shown();
let current = -1;

$("trace-tools").hidden = false;
const minimap = new Minimap($("minimap"), rows.length, { select: setSpan, go: (index) => rows.goTo(shown[index]) });
/** @param {string} words */
const say = (words) => {
  $("trace-said").textContent = words;
};
/** @param {number} at */
const time = (at) => duration((at / END) * totalUs);

/** Draws what the span, the open rows and the scroll position put in view. */
function draw() {
  minimap.mark(span, rows.paint(shown, span, $("trace-tools").getBoundingClientRect().bottom));
}

let waiting = 0;
const drawSoon = () => {
  if (waiting) return;
  waiting = requestAnimationFrame(() => {
    waiting = 0;
    draw();
  });
};

/** @param {Span} wanted */
function setSpan(wanted) {
  span = wanted;
  for (const [end, one] of axis.entries()) one.textContent = isWhole(span) ? ends[end] : time(span[end]);
  $("zoom-all").disabled = $("zoom-out").disabled = isWhole(span);
  say(isWhole(span) ? "" : `${time(span[0])} to ${time(span[1])}, ${time(length(span))} of ${ends[1]}`);
  drawSoon();
}

function refold() {
  shown = folds.shown();
  rows.fold(shown, folds);
  minimap.show(shown.map((row) => rows.bars[row]));
  drawSoon();
}

/** @param {boolean} open */
function foldAll(open) {
  folds.all(open);
  refold();
  say(`${count(shown.length)} of ${count(rows.length)} rows shown`);
}

function nextError() {
  if (!errors.length) return say("No errors in this trace");
  current = (current + 1) % errors.length;
  folds.reveal(errors[current]);
  refold();
  rows.goTo(errors[current]);
  setSpan(showing(span, rows.bars[errors[current]]));
  say(`Error ${count(current + 1)} of ${count(errors.length)}`);
}

function copyFocused() {
  const place = document.activeElement?.closest("tr")?.querySelector("[data-place]");
  if (place) copyPlace(place);
  else say("No row with a place in code has the focus");
}

function highlight() {
  const on = $("errors-lit").getAttribute("aria-pressed") !== "true";
  $("errors-lit").setAttribute("aria-pressed", String(on));
  if (on) for (const row of errors) folds.reveal(row);
  rows.light(on ? errors : [], folds);
  refold();
}

/** The point that keys zoom around: the bar of the focused row, if it is in view. */
function middle() {
  const row = rows.rowOf(document.activeElement);
  if (row === undefined) return undefined;
  const { x, width } = rows.bars[row];
  const at = x + (width ?? 0) / 2;
  return at >= span[0] && at <= span[1] ? at : undefined;
}

/** @param {number} part */
const scroll = (part) => scrollBy({ top: part * innerHeight });
/** @type {Record<string, () => unknown>} */
const actions = {
  w: () => scroll(-PART),
  s: () => scroll(PART),
  a: () => setSpan(pan(span, -PART)),
  d: () => setSpan(pan(span, PART)),
  ArrowUp: () => setSpan(zoom(span, 1 / STEP, middle())),
  ArrowDown: () => setSpan(zoom(span, STEP, middle())),
  "[": () => foldAll(false),
  "]": () => foldAll(true),
  c: copyFocused,
  n: nextError,
  e: () => errors.length && highlight(),
  Escape: () => {
    minimap.cancel();
    setSpan(WHOLE);
  },
  "?": () => $("keys").showModal(),
};
listen(actions);
$("trace-tools").addEventListener("click", ({ target }) => {
  const button = target instanceof Element && target.closest("[data-key]");
  if (button instanceof HTMLElement) actions[button.dataset.key ?? ""]?.();
});
table.addEventListener("click", ({ target }) => {
  const caret = target instanceof Element && target.closest(".caret");
  const row = caret ? rows.rowOf(caret) : undefined;
  if (row === undefined) return;
  folds.toggle(row);
  refold();
});
/** Opens what hides the row that the address names, and goes to it. */
function follow() {
  const row = rows.rowOf(document.getElementById(location.hash.slice(1)));
  if (row === undefined) return;
  folds.reveal(row);
  refold();
  rows.goTo(row);
}
addEventListener("hashchange", follow);

new ResizeObserver(([{ borderBoxSize }]) => {
  document.documentElement.style.setProperty("--tools", `${borderBoxSize[0].blockSize}px`);
}).observe($("trace-tools"));
addEventListener("scroll", drawSoon, { passive: true });
addEventListener("resize", drawSoon);
const recolour = () => {
  rows.colours();
  refold();
};
new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);

rows.carets(folds);
$("errors-lit").hidden = $("error-next").hidden = !errors.length;
recolour();
setSpan(WHOLE);
if (location.hash) follow();
