// The column heads, and the edges between them that resize columns by dragging or with the arrow keys.

import { areUsual, COLUMNS, leastRoom, slim, tracks, USUAL, widened, widest, withWidths } from "./columns.js";

const STEP = 10; // pixels that an arrow key moves an edge; five times as far with Shift
const LIKE_CELLS = ["delta", "via", "took"]; // heads that share the alignment and visibility of their cells

function el(tag, className, role) {
  const node = Object.assign(document.createElement(tag), { className });
  node.setAttribute("role", role);
  return node;
}

export class Heads {
  /**
   * The row holds the clock button; `on`: lay(names) sets other columns, changed(columns) reports other widths.
   */
  constructor(grid, row, on) {
    Object.assign(this, { grid, row, on, names: [], clock: row.querySelector("#clock") });
    this.narrow = matchMedia("(max-width: 640px)"); // rows there have two lines, of the default columns
    this.cells = Object.fromEntries(Object.keys(COLUMNS).map((name) => [name, this.#make(name)]));
    this.narrow.addEventListener("change", () => this.show(this.columns));
    row.addEventListener("pointerdown", (event) => this.#grasp(event));
    row.addEventListener("keydown", (event) => this.#press(event));
    row.addEventListener("keyup", () => this.#settle());
    row.addEventListener("focusout", () => this.#settle());
    new ResizeObserver(() => this.#say()).observe(row);
  }

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
    this.#say();
  }

  /** Whether there is space for a column that is shown. */
  fits(name) {
    return this.narrow.matches || this.cells[name].offsetWidth > 0;
  }

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

  #place(columns) {
    const { style } = this.grid;
    style.setProperty("--columns", tracks(columns));
    style.setProperty("--columns-slim", tracks(slim(columns)));
    style.setProperty("--columns-room", `${leastRoom(columns)}px`);
  }

  /** The visible heads with their widths. */
  #measure() {
    const names = this.names.filter((name) => this.fits(name));
    const widths = names.map((name) => this.cells[name].getBoundingClientRect().width);
    return { names, widths, least: names.map((name) => COLUMNS[name].least) };
  }

  /** Updates the ARIA values of the edges; the last column has none. */
  #say() {
    const { names, widths, least } = this.#measure();
    names.forEach((name, index) => {
      const edge = this.cells[name].lastChild;
      edge.hidden = index === names.length - 1;
      const values = { now: widths[index], min: least[index], max: widest(widths, least, index) };
      for (const [which, value] of Object.entries(values))
        edge.setAttribute(`aria-value${which}`, String(Math.round(value)));
      edge.setAttribute("aria-valuetext", `${Math.round(widths[index])} pixels`);
    });
  }

  /** Moves the edge behind a column, starting from the widths measured. */
  #move(name, { names, widths, least }, by) {
    const after = widened(widths, least, names.indexOf(name), by);
    const named = (all) => Object.fromEntries(names.map((one, index) => [one, all[index]]));
    this.columns = withWidths(this.columns, named(widths), named(after));
    this.moved = true;
    this.#place(this.columns);
  }

  /** Reports a change once, when the key or the pointer is released. */
  #settle() {
    if (!this.moved || this.held) return;
    this.moved = false;
    this.on.changed(this.columns);
  }

  #grasp(event) {
    const edge = event.target.closest(".edge");
    if (!edge || event.button) return;
    event.preventDefault(); // select no text,
    event.stopPropagation(); // and let the list go on rendering
    edge.focus({ focusVisible: false });
    const [before, columns] = [this.#measure(), this.columns];
    this.held = true;
    edge.setPointerCapture(event.pointerId);
    edge.onpointermove = ({ clientX }) => {
      this.columns = columns;
      this.#move(edge.dataset.column, before, clientX - event.clientX);
    };
    edge.onlostpointercapture = () => {
      edge.onpointermove = null;
      this.held = false;
      this.#say();
      this.#settle();
    };
  }

  #press(event) {
    const edge = event.target.closest(".edge");
    const by = { ArrowLeft: -STEP, ArrowRight: STEP, Home: -Infinity, End: Infinity }[event.key];
    if (!edge || !by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.#move(edge.dataset.column, this.#measure(), event.shiftKey ? 5 * by : by);
    this.#say();
  }
}
