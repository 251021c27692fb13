// The list: as many row elements as fit, each following its row while that is in view.

import { gapWords } from "./gap.js";
import { initials, lastPart, line } from "./text.js";
import { clock } from "./time.js";

const OVERSCAN = 6;
const FLASH = 1_200;
const JUST_NOW = 10_000; // what is older came with the backfill and does not flash
const EDGE = 5; // pixels from the top within which the reader is at the live edge

const el = (tag, className, role) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (role) node.setAttribute("role", role);
  return node;
};

export class Table {
  /** `on`: pick(row), scrolled(atEdge). */
  constructor(grid, body, on) {
    Object.assign(this, { grid, body, on, rows: null, picked: null, mode: "local", skew: 0, calm: true });
    this.shown = new Map(); // row -> element
    this.spare = [];
    this.serial = 0;
    this.measure();
    grid.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    grid.addEventListener("pointerdown", () => (this.held = true));
    addEventListener("pointerup", () => setTimeout(() => (this.held = false)));
    addEventListener("pointercancel", () => (this.held = false));
    body.addEventListener("click", (event) => this.#clicked(event));
    new ResizeObserver(() => this.measure()).observe(grid);
  }

  /** Whether the newest row is in view. */
  get atEdge() {
    return this.grid.scrollTop < EDGE;
  }

  measure() {
    this.height = parseFloat(getComputedStyle(this.grid).getPropertyValue("--sl-row")) || 28;
    this.head = this.body.offsetTop;
    this.room = this.grid.clientHeight;
    if (this.rows) this.render();
  }

  /** Show these rows from now on; a frozen list and a live one are the same to the table. */
  show(rows) {
    this.rows = rows;
    this.render();
  }

  /** The state of each element follows from the rows alone; nothing is rendered under a pressed pointer. */
  render(now = Date.now()) {
    const { rows, height, grid } = this;
    if (!rows || this.held) return;
    const total = rows.length;
    if (this.total !== total) {
      this.total = total;
      this.body.style.height = `${total * height}px`;
      grid.setAttribute("aria-rowcount", String(total + 1));
    } else if (this.laid !== height) this.body.style.height = `${total * height}px`;
    this.laid = height;
    const first = Math.max(0, Math.floor((grid.scrollTop - this.head) / height) - OVERSCAN);
    const last = Math.min(total, first + Math.ceil(this.room / height) + 2 * OVERSCAN);
    this.#place(first, last, now);
  }

  /** Bring a row into view without moving more than needed. */
  reveal(row) {
    const index = this.rows.indexOf(row);
    if (index < 0) return;
    const top = this.head + index * this.height;
    const { scrollTop, clientHeight } = this.grid;
    if (top - this.head < scrollTop) this.grid.scrollTop = top - this.head;
    else if (top + this.height > scrollTop + clientHeight) this.grid.scrollTop = top + this.height - clientHeight;
  }

  toEdge() {
    this.grid.scrollTop = 0;
  }

  toEnd() {
    this.grid.scrollTop = this.grid.scrollHeight;
  }

  /** Mark a row; the grid keeps the focus and points at it. */
  pick(row) {
    this.picked = row;
    this.render();
    const element = row && this.shown.get(row);
    if (element) this.grid.setAttribute("aria-activedescendant", element.id);
    else this.grid.removeAttribute("aria-activedescendant");
  }

  /** Times are said anew: their words change with the clock. */
  retime() {
    for (const [row, element] of this.shown) this.#time(element, row);
  }

  #scrolled() {
    this.on.scrolled(this.atEdge);
    this.wanted ??= requestAnimationFrame(() => {
      this.wanted = null;
      this.render();
    });
  }

  #clicked(event) {
    const element = event.target.closest(".row");
    if (!element || String(getSelection()).length) return;
    for (const [row, shown] of this.shown) if (shown === element && row.type !== "gap") this.on.pick(row);
  }

  #place(first, last, now) {
    const wanted = new Set();
    for (let index = first; index < last; index += 1) wanted.add(this.rows.at(index));
    for (const [row, element] of this.shown) {
      if (wanted.has(row)) continue;
      this.shown.delete(row);
      this.spare.push(element);
    }
    for (let index = first; index < last; index += 1) {
      const row = this.rows.at(index);
      let element = this.shown.get(row);
      if (!element) this.shown.set(row, (element = this.spare.pop() ?? this.#make()));
      if (element.of !== row || element.version !== row.version) this.#fill(element, row, now);
      this.#position(element, row, index);
    }
    for (const element of this.spare) if (element.of) this.#hide(element);
    this.#order(first, last);
  }

  #hide(element) {
    element.of = null;
    element.hidden = true;
  }

  /** Screen readers walk the document, so its order is kept equal to the list's. */
  #order(first, last) {
    let next = this.body.firstChild;
    for (let index = first; index < last; index += 1) {
      const element = this.shown.get(this.rows.at(index));
      if (element === next) next = next.nextSibling;
      else this.body.insertBefore(element, next);
    }
  }

  #make() {
    const row = el("div", "row", "row");
    row.id = `row-${(this.serial += 1)}`;
    row.cells = {};
    for (const name of ["time", "kind", "obj", "chg", "actor", "via"]) {
      const cell = el(name === "time" ? "time" : "span", name === "time" ? "" : name, "gridcell");
      row.cells[name] = cell;
      row.append(cell);
    }
    row.cells.model = el("b");
    row.cells.repr = el("span");
    row.cells.obj.append(row.cells.model, " ", row.cells.repr);
    row.cells.badge = el("span", "who small");
    row.cells.badge.setAttribute("aria-hidden", "true");
    row.cells.name = el("span");
    row.cells.actor.append(row.cells.badge, row.cells.name);
    row.parts = [...row.children];
    this.body.append(row);
    return row;
  }

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

  #fill(element, row, now) {
    const another = element.of !== row;
    element.of = row;
    element.version = row.version;
    element.hidden = false;
    if (row.type === "gap") return this.#fillGap(element, row);
    if (element.gap) {
      element.gap = false;
      element.replaceChildren(...element.parts);
    }
    const operation = row.operation ?? row;
    const kind = row.event?.kind ?? operation.kind;
    const isNew = this.calm && another && now - row.born < FLASH / 2 && now + this.skew - operation.at < JUST_NOW;
    element.className = `row ${kind}${row.event && kind === "about" ? " pre" : ""}${row === this.picked ? " picked" : ""}`;
    if (isNew) element.classList.add("new");
    this.#time(element, row);
    this.#what(element.cells, operation, row.event, kind);
    this.#actor(element.cells, operation);
    element.cells.via.textContent = operation.via;
    element.cells.via.title = operation.via;
  }

  #fillGap(element, row) {
    element.gap = true;
    element.className = "row gap";
    const cell = el("span", "", "gridcell");
    cell.textContent = gapWords(row, this.mode);
    element.replaceChildren(cell);
  }

  #time(element, row) {
    if (row.type === "gap") return;
    const at = row.event?.at ?? row.at;
    const { time } = element.cells;
    time.textContent = clock(at, this.mode, Date.now() + this.skew);
    time.dateTime = new Date(at).toISOString();
    time.title = time.dateTime;
  }

  #what(cells, operation, event, kind) {
    cells.kind.className = `kind ${kind}`;
    cells.kind.textContent = event ? lastPart(event.signal) : operation.word;
    cells.obj.style.setProperty("--depth", Math.min(operation.depth, 8));
    cells.obj.toggleAttribute("data-child", operation.depth > 0);
    cells.model.textContent = line(lastPart(operation.sender), 60);
    cells.repr.textContent = line(operation.repr || operation.pk, 100);
    cells.obj.title = `${line(operation.sender, 100)} ${line(operation.pk, 60)}: ${line(operation.repr, 100)}`;
    cells.chg.replaceChildren(...operation.pieces.map(([role, text]) => {
      const piece = el("span", role);
      piece.textContent = text;
      return piece;
    }));
  }

  #actor(cells, operation) {
    const { actor } = operation;
    cells.actor.classList.toggle("none", !actor);
    cells.badge.textContent = actor ? initials(actor) : "";
    cells.name.textContent = line(actor || nobody(operation.source), 60);
    cells.actor.title = actor ? line(actor, 200) : "nobody was logged in";
  }
}

/** Who did it when nobody was logged in: a stranger, or a program. */
const nobody = (source) => (source === "http" || source === "websocket" ? "anonymous" : source.replace(/^\w+:/, ""));
