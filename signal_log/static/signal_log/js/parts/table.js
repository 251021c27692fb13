// The virtual list: as many row elements as fit, each bound to its row while that is in view.

import { fillDelta, fillRow, fillTime, makeRow, setCells, setTooltips } from "./cells.js";

/** @import { List, Row } from "../events/types.js" */
/** @import { Mode } from "../lib/time.js" */
/** @import { RowElement } from "./cells.js" */

/**
 * @typedef {object} On
 * @property {(row: Row) => void} pick
 * @property {(row: Row) => void} toggle
 * @property {(atEdge: boolean) => void} scrolled
 * @property {() => void} rendered
 * @property {() => void} moved after rows came into view
 */

const OVERSCAN = 6;
const REST = 120; // ms without scrolling after which the list is at rest
const FAR = 0.5; // of what is in view, passed in one frame: after two such frames nobody can read what flies past
const EDGE = 5; // pixels from the top that still count as the live edge

/** @type {(event: Event) => RowElement | null} */
const rowAround = ({ target }) => (target instanceof Element ? target.closest(".row") : null);

export class Table {
  /** @type {List | null} */
  rows = null;
  /** @type {Row | null} */
  picked = null;
  /** @type {Row | undefined} */
  newest;
  /** @type {Mode} */
  mode = "local";
  skew = 0;
  calm = true;
  /** @type {RegExp | null} */
  hits = null; // what to mark
  held = false; // under a pressed pointer
  /** @type {string[]} */
  columns = [];
  /** @type {Map<Row, RowElement>} */
  shown = new Map();
  /** @type {RowElement[]} */
  spare = [];
  serial = 0;
  height = 0;
  head = 0;
  room = 0;
  last = 0;
  total = -1;
  laid = 0;
  top = 0; // where it is scrolled to: read once a scroll, because reading between two writes lays the page out
  stale = false; // scrolled since it was rendered
  before = 0; // where it was scrolled to in the frame before
  far = false; // whether that was far from where it was before
  flies = false; // rows that come into view are filled with what tells them apart, the rest once they can be read
  /** @type {number | null} */
  wanted = null;
  /** @type {number | undefined} */
  resting;

  /**
   * @param {HTMLElement} grid
   * @param {HTMLElement} body
   * @param {On} on
   */
  constructor(grid, body, on) {
    this.grid = grid;
    this.body = body;
    this.on = on;
    this.measure();
    grid.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    grid.addEventListener("pointerdown", () => {
      this.pressed = true;
    });
    addEventListener("pointerup", () => setTimeout(() => this.#release()));
    addEventListener("pointercancel", () => this.#release());
    body.addEventListener("pointerover", (event) => {
      const element = rowAround(event);
      if (element) setTooltips(element);
    });
    body.addEventListener("click", (event) => this.#clicked(event));
    new ResizeObserver(() => this.measure()).observe(grid);
  }

  /** Whether it was scrolled just now. */
  get moves() {
    return this.resting !== undefined;
  }

  /** Whether the newest row is in view. */
  get atEdge() {
    return this.top < EDGE;
  }

  /** Whether the oldest row is in view, or nearly. */
  get nearEnd() {
    return this.rows !== null && this.room > 0 && this.last >= this.rows.length - 2 * OVERSCAN;
  }

  /**
   * Sets the columns and their order.
   * @param {string[]} columns
   */
  setColumns(columns) {
    this.columns = columns;
    for (const element of [...this.shown.values(), ...this.spare]) setCells(element, columns);
    if (this.rows) this.render();
  }

  measure() {
    this.height = parseFloat(getComputedStyle(this.grid).getPropertyValue("--sl-row")) || 28;
    this.head = this.body.offsetTop;
    this.room = this.grid.clientHeight;
    if (this.rows) this.render();
  }

  /**
   * Shows these rows from now on; the table does not care whether the list is frozen or live.
   * @param {List} rows
   */
  show(rows) {
    this.rows = rows;
    this.render();
  }

  /** Renders every element from the rows alone; nothing changes while the pointer is pressed. */
  render(now = Date.now()) {
    const { rows, height, grid } = this;
    if (!rows || this.pressed) return;
    const total = rows.length;
    const shorter = total * height < this.total * this.laid;
    if (this.total !== total) {
      this.total = total;
      this.body.style.height = `${total * height}px`;
      grid.setAttribute("aria-rowcount", String(total + 1));
    } else if (this.laid !== height) this.body.style.height = `${total * height}px`;
    this.laid = height;
    if (shorter) this.top = grid.scrollTop; // which it may have cut
    this.stale = false;
    const first = Math.max(0, Math.floor((this.top - this.head) / height) - OVERSCAN);
    const last = Math.min(total, first + Math.ceil(this.room / height) + 2 * OVERSCAN);
    this.last = last;
    this.newest = rows.at(0);
    this.#place(rows, first, last, now);
    this.on.rendered();
  }

  /**
   * Scrolls a row into view, no further than needed.
   * @param {Row} row
   */
  reveal(row) {
    const index = this.rows?.indexOf(row) ?? -1;
    if (index < 0) return;
    const top = this.head + index * this.height;
    const { scrollTop, clientHeight } = this.grid;
    if (top - this.head < scrollTop) this.#scrollTo(top - this.head);
    else if (top + this.height > scrollTop + clientHeight) this.#scrollTo(top + this.height - clientHeight);
  }

  toNewest() {
    this.#scrollTo(0);
  }

  toOldest() {
    this.#scrollTo(this.grid.scrollHeight);
  }

  /** @param {number} top */
  #scrollTo(top) {
    this.grid.scrollTop = top;
    this.top = this.grid.scrollTop;
  }

  /**
   * Selects a row; the grid keeps the focus and points to it by aria-activedescendant.
   * @param {Row | null} row
   */
  pick(row) {
    this.picked = row;
    this.render();
    const element = row && this.shown.get(row);
    if (element) this.grid.setAttribute("aria-activedescendant", element.id);
    else this.grid.removeAttribute("aria-activedescendant");
  }

  /** Rewrites the times, which change with the clock. */
  updateTimes() {
    for (const [row, element] of this.shown) fillTime(element, row, this);
  }

  /** Renders what changed while the pointer was pressed. */
  #release() {
    if (!this.pressed) return;
    this.pressed = false;
    this.render();
  }

  #scrolled() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.#rest(), REST);
    this.top = this.grid.scrollTop;
    this.stale = true;
    this.on.scrolled(this.atEdge);
    this.#nextFrame();
  }

  #nextFrame() {
    this.wanted ??= requestAnimationFrame(() => {
      this.wanted = null;
      const [was, far] = [this.flies, Math.abs(this.top - this.before) > FAR * this.room];
      this.flies = far && this.far;
      Object.assign(this, { before: this.top, far });
      // Unless what arrived had it rendered in this frame.
      if (this.stale || (was && !this.flies)) this.render();
      this.on.moved();
      if (this.flies) this.#nextFrame();
    });
  }

  /**
   * Reorders elements once the list is at rest: moving them costs more than everything else in a frame. In a frame of
   * its own, or the next scroll would have to lay the page out to know where it is.
   */
  #rest() {
    const { resting } = this;
    requestAnimationFrame(() => {
      if (this.resting !== resting) return; // it goes on
      this.resting = undefined;
      this.render();
    });
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const element = rowAround(event);
    if (!element?.of || element.of.type === "gap") return;
    if (/** @type {Element} */ (event.target).closest(".caret") || element.of.type === "second")
      this.on.toggle(element.of);
    else if (!String(getSelection()).length) this.on.pick(element.of);
  }

  /**
   * @param {List} rows
   * @param {number} first
   * @param {number} last
   * @param {number} now
   */
  #place(rows, first, last, now) {
    /** @type {Set<Row>} */
    const wanted = new Set();
    for (let index = first; index < last; index += 1) wanted.add(rows.at(index));
    for (const [row, element] of this.shown) {
      if (wanted.has(row)) continue;
      this.shown.delete(row);
      this.spare.push(element);
    }
    for (let index = first; index < last; index += 1) {
      const row = rows.at(index);
      // First in, first out: rows of two kinds in turn then mostly reuse elements of their own kind, which saves style
      // recalculation.
      const element = this.shown.get(row) ?? this.spare.shift() ?? this.#make();
      this.shown.set(row, element);
      if (element.of !== row || element.version !== row.version || (element.lean && !this.flies))
        this.#fill(element, row, now);
      this.#position(element, row, index);
      if (!element.lean) fillDelta(element, row, rows, index);
    }
    for (const element of this.spare) if (element.of) this.#hide(element);
    if (!this.resting) this.#order(rows, first, last);
  }

  /** @param {RowElement} element */
  #hide(element) {
    element.of = null;
    element.hidden = true;
  }

  /**
   * Screen readers follow document order, so it is kept the same as the list's.
   * @param {List} rows
   * @param {number} first
   * @param {number} last
   */
  #order(rows, first, last) {
    let next = this.body.firstChild;
    for (let index = first; index < last; index += 1) {
      const element = this.shown.get(rows.at(index));
      if (!element) continue;
      if (element === next) next = next.nextSibling;
      else this.body.insertBefore(element, next);
    }
  }

  #make() {
    this.serial += 1;
    const element = makeRow(`row-${this.serial}`, this.columns);
    this.body.append(element);
    return element;
  }

  /**
   * @param {RowElement} element
   * @param {Row} row
   * @param {number} index
   */
  #position(element, row, index) {
    if (element.index !== index || element.tall !== this.height) {
      element.index = index;
      element.tall = this.height;
      element.style.transform = `translateY(${index * this.height}px)`;
      element.setAttribute("aria-rowindex", String(index + 2));
    }
    const picked = row === this.picked;
    if (element.picked !== picked) {
      element.picked = picked;
      element.classList.toggle("picked", picked);
      element.setAttribute("aria-selected", String(picked));
    }
  }

  /**
   * @param {RowElement} element
   * @param {Row} row
   * @param {number} now
   */
  #fill(element, row, now) {
    const another = element.of !== row;
    element.of = row;
    element.version = row.version;
    element.hidden = false;
    const { mode, skew, calm, picked, hits, flies: lean } = this;
    fillRow(element, row, { mode, skew, calm, picked, hits, another, now, lean });
  }
}
