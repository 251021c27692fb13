// The rows of a trace as the server rendered them: read once, and painted only near the view.

import { END, isWhole } from "./span.js";

/** @import { Folds } from "./folds.js" */
/** @import { Bar, Span } from "./span.js" */

const HEIGHT = 26; // pixels per row, as in trace.css
const AROUND = 300; // pixels beyond the window that are painted too

export class TraceRows {
  /** @param {HTMLTableElement} table */
  constructor(table) {
    this.table = table;
    this.rows = [.../** @type {NodeListOf<HTMLTableRowElement>} */ (table.querySelectorAll("tr[data-level]"))];
    this.levels = this.rows.map((row) => Number(row.dataset.level));
    this.fills = this.rows.map((row) => row.querySelector(".fall"));
    this.painted = this.rows.map(() => "");
    /** @type {Map<Element | null, number>} */
    this.numbers = new Map(this.rows.map((row, index) => [row, index]));
    this.hidden = this.rows.map(() => false);
    /** @type {Bar[]} */
    this.bars = this.fills.map((svg, row) => {
      const bar = svg?.firstElementChild;
      return {
        x: Number(bar?.getAttribute("x")),
        width: bar ? Number(bar.getAttribute("width")) : null,
        bad: this.#is(row, "failed"),
        colour: "",
      };
    });
  }

  get length() {
    return this.rows.length;
  }

  /**
   * @param {number} row
   * @param {string} name
   */
  #is(row, name) {
    return this.rows[row].classList.contains(name);
  }

  /** The rows that failed or, if none did, those that were rolled back. */
  worst() {
    /** @param {string} name */
    const of = (name) => this.rows.flatMap((_, row) => (this.#is(row, name) ? [row] : []));
    const failed = of("failed");
    return failed.length ? failed : of("undone");
  }

  /** Reads the bars' colours from the style sheet, once per kind. */
  colours() {
    const known = new Map();
    this.fills.forEach((svg, row) => {
      if (!svg) return;
      const kind = `${this.rows[row].className} ${svg.getAttribute("class")}`;
      if (!known.has(kind)) known.set(kind, getComputedStyle(svg).fill);
      this.bars[row].colour = known.get(kind);
    });
  }

  /**
   * Adds a button to each row that has descendants.
   * @param {Folds} folds
   */
  carets(folds) {
    this.rows.forEach((row, index) => {
      if (!folds.has(index)) return;
      const caret = document.createElement("button");
      const words = row.cells[0].textContent.replace(/\s+/g, " ").trim();
      Object.assign(caret, { type: "button", className: "caret" });
      caret.setAttribute("aria-label", `Rows below ${words}`);
      caret.setAttribute("aria-expanded", "true");
      row.cells[0].prepend(caret);
    });
  }

  /**
   * The index of the row that contains an element.
   * @param {Element | null} element
   */
  rowOf(element) {
    return this.numbers.get(element?.closest("tr") ?? null);
  }

  /**
   * Shows these rows; parts of the table that are not laid out get their intrinsic height.
   * @param {number[]} shown
   * @param {Folds} folds
   */
  fold(shown, folds) {
    const open = new Set(shown);
    this.rows.forEach((row, index) => {
      const hide = !open.has(index);
      if (this.hidden[index] !== hide) row.hidden = this.hidden[index] = hide;
      if (folds.has(index))
        row.cells[0].firstElementChild?.setAttribute("aria-expanded", String(!folds.closed.has(index)));
    });
    const heights = new Map([...this.table.tBodies].map((body) => [body, 0]));
    for (const row of shown) {
      const body = /** @type {HTMLTableSectionElement} */ (this.rows[row].parentNode);
      heights.set(body, (heights.get(body) ?? 0) + HEIGHT);
    }
    for (const [body, height] of heights) body.style.containIntrinsicHeight = `${height}px`;
  }

  /**
   * Highlights these rows and their ancestors, or none.
   * @param {number[]} wanted
   * @param {Folds} folds
   */
  light(wanted, folds) {
    const leading = new Set(wanted.flatMap((row) => folds.above(row)));
    this.table.classList.toggle("lit", wanted.length > 0);
    for (const [index, row] of this.rows.entries()) row.classList.toggle("leads", leading.has(index));
  }

  /** @param {number} index */
  goTo(index) {
    const head = this.rows[index].cells[0];
    head.tabIndex = -1;
    head.focus({ preventScroll: true });
    head.scrollIntoView({ block: "center" });
  }

  /**
   * Draws the bars in view for a span; returns the first row in view, below `edge`, and the first one beyond it.
   * @param {number[]} shown
   * @param {Span} span
   * @param {number} edge
   */
  paint(shown, [from, to], edge) {
    const box = isWhole([from, to]) ? `0 0 ${END} 8` : `${from} 0 ${to - from} 8`;
    /** @param {number} place */
    const top = (place) => this.rows[shown[place]].getBoundingClientRect().top;
    const first = firstPlace(shown.length, (place) => top(place) > -AROUND);
    const after = firstPlace(shown.length, (place) => top(place) > innerHeight + AROUND);
    const seen = [
      firstPlace(shown.length, (place) => top(place) >= edge),
      firstPlace(shown.length, (place) => top(place) > innerHeight),
    ];
    for (const row of shown.slice(first, after)) {
      const fill = this.fills[row];
      if (this.painted[row] === box || !fill) continue;
      fill.setAttribute("viewBox", box);
      this.painted[row] = box;
    }
    return seen;
  }
}

/**
 * Binary search: the first of `many` places for which something holds.
 * @param {number} many
 * @param {(place: number) => boolean} holds
 */
export function firstPlace(many, holds) {
  let [low, high] = [0, many];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
