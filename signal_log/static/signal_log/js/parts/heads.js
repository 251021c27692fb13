// The column heads, and the edges between them that resize columns by dragging or with the arrow keys.

import { areUsual, COLUMNS, leastRoom, slim, tracks, USUAL, widened, widest, withWidths } from "./columns.js";

/** @import { Column } from "./columns.js" */

/** @typedef {{ names: string[], widths: number[], least: number[] }} Measured */

const STEP = 10; // pixels that an arrow key moves an edge; five times as far with Shift
/** @type {Record<string, number>} */
const STEPS = { ArrowLeft: -STEP, ArrowRight: STEP, Home: -Infinity, End: Infinity };
const LIKE_CELLS = ["delta", "via", "took"]; // heads that share the alignment and visibility of their cells

/**
 * @param {string} tag
 * @param {string} className
 * @param {string} role
 */
function el(tag, className, role) {
  const node = Object.assign(document.createElement(tag), { className });
  node.setAttribute("role", role);
  return node;
}

/** @type {(event: Event) => HTMLElement | null} */
const edgeOf = ({ target }) => (target instanceof Element ? target.closest(".edge") : null);

export class Heads {
  /** @type {string[]} */
  names = [];
  /** @type {Column[]} */
  columns = USUAL;
  moved = false;
  held = false;

  /**
   * The row holds the clock button; `on`: lay(names) sets other columns, changed(columns) reports other widths.
   * @param {HTMLElement} grid
   * @param {HTMLElement} row
   * @param {{ lay: (names: string[]) => void, changed: (columns: Column[]) => void }} on
   */
  constructor(grid, row, on) {
    this.grid = grid;
    this.row = row;
    this.on = on;
    this.clock = /** @type {HTMLElement} */ (row.querySelector("#clock"));
    this.narrow = matchMedia("(max-width: 640px)"); // rows there have two lines, of the default columns
    /** @type {Record<string, HTMLElement>} */
    this.cells = Object.fromEntries(Object.keys(COLUMNS).map((name) => [name, this.#make(name)]));
    this.narrow.addEventListener("change", () => this.show(this.columns));
    row.addEventListener("pointerdown", (event) => this.#startDrag(event));
    row.addEventListener("keydown", (event) => this.#onKey(event));
    row.addEventListener("keyup", () => this.#report());
    row.addEventListener("focusout", () => this.#report());
    new ResizeObserver(() => this.#updateAria()).observe(row);
  }

  /** @param {Column[]} columns */
  show(columns) {
    this.columns = columns;
    const shown = this.narrow.matches ? USUAL : columns;
    const names = shown.map(({ name }) => name);
    this.grid.classList.toggle("own", !areUsual(shown));
    this.#place(shown);
    if (names.join() !== this.names.join()) {
      this.names = names;
      this.row.replaceChildren(...names.map((name) => this.cells[name]));
      this.grid.setAttribute("aria-colcount", String(names.length));
      this.on.lay(names);
    }
    this.#updateAria();
  }

  /**
   * Whether there is space for a column that is shown.
   * @param {string} name
   */
  fits(name) {
    return this.narrow.matches || this.cells[name].offsetWidth > 0;
  }

  /** @param {string} name */
  #make(name) {
    const { title, words = "" } = COLUMNS[name];
    const head = el("span", LIKE_CELLS.includes(name) ? name : "", "columnheader");
    head.title = words;
    const edge = el("span", "edge", "separator");
    edge.tabIndex = 0;
    edge.title = "Drag or use the arrow keys to resize";
    edge.dataset.column = name;
    edge.setAttribute("aria-orientation", "vertical");
    edge.setAttribute("aria-label", `Width of ${title}`);
    const said =
      name === "time"
        ? this.clock
        : Object.assign(document.createElement("span"), { id: `head-${name}`, className: "said", textContent: title });
    head.setAttribute("aria-labelledby", said.id); // or its name would include that of its edge
    head.append(said, edge);
    return head;
  }

  /** @param {Column[]} columns */
  #place(columns) {
    const { style } = this.grid;
    style.setProperty("--columns", tracks(columns));
    style.setProperty("--columns-slim", tracks(slim(columns)));
    style.setProperty("--columns-room", `${leastRoom(columns)}px`);
  }

  /**
   * The visible heads with their widths.
   * @returns {Measured}
   */
  #measure() {
    const names = this.names.filter((name) => this.fits(name));
    const widths = names.map((name) => this.cells[name].getBoundingClientRect().width);
    return { names, widths, least: names.map((name) => COLUMNS[name].least) };
  }

  /** Updates the ARIA values of the edges; the last column has none. */
  #updateAria() {
    const { names, widths, least } = this.#measure();
    names.forEach((name, index) => {
      const edge = /** @type {HTMLElement} */ (this.cells[name].lastChild);
      edge.hidden = index === names.length - 1;
      const values = { now: widths[index], min: least[index], max: widest(widths, least, index) };
      for (const [which, value] of Object.entries(values))
        edge.setAttribute(`aria-value${which}`, String(Math.round(value)));
      edge.setAttribute("aria-valuetext", `${Math.round(widths[index])} pixels`);
    });
  }

  /**
   * Moves the edge behind a column, starting from the widths measured.
   * @param {string} name
   * @param {Measured} measured
   * @param {number} by
   */
  #move(name, { names, widths, least }, by) {
    const after = widened(widths, least, names.indexOf(name), by);
    /** @type {(all: number[]) => Record<string, number>} */
    const named = (all) => Object.fromEntries(names.map((one, index) => [one, all[index]]));
    this.columns = withWidths(this.columns, named(widths), named(after));
    this.moved = true;
    this.#place(this.columns);
  }

  /** Reports a change once, when the key or the pointer is released. */
  #report() {
    if (!this.moved || this.dragging) return;
    this.moved = false;
    this.on.changed(this.columns);
  }

  /** @param {PointerEvent} event */
  #startDrag(event) {
    const edge = edgeOf(event);
    if (!edge || event.button) return;
    event.preventDefault(); // select no text,
    event.stopPropagation(); // and let the list go on rendering
    edge.focus({ focusVisible: false });
    const [before, columns] = [this.#measure(), this.columns];
    this.dragging = true;
    edge.setPointerCapture(event.pointerId);
    edge.onpointermove = ({ clientX }) => {
      this.columns = columns;
      this.#move(edge.dataset.column ?? "", before, clientX - event.clientX);
    };
    edge.onlostpointercapture = () => {
      edge.onpointermove = null;
      this.dragging = false;
      this.#updateAria();
      this.#report();
    };
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const edge = edgeOf(event);
    const by = STEPS[event.key];
    if (!edge || !by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.#move(edge.dataset.column ?? "", this.#measure(), event.shiftKey ? 5 * by : by);
    this.#updateAria();
  }
}
