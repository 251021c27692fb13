// Fills the cells of a row element from a row of any type.

import { gapWords } from "../events/gap.js";
import { actorName, modelName, objectName } from "../events/kinds.js";
import { rowAt } from "../events/rows.js";
import { initials, lastPart, line, plural } from "../lib/text.js";
import { apart, clock } from "../lib/time.js";
import { EXTRA } from "./extra_columns.js";
import { setHits } from "./hits.js";

/** @import { List, Operation, Piece, Row, ToldRow } from "../events/types.js" */
/** @import { Mode } from "../lib/time.js" */

/** @typedef {HTMLElement & { said?: string, dateTime?: string }} Cell */

/**
 * An element of the list, and what it shows at the moment.
 * @typedef {object} Shown
 * @property {Row | null} of
 * @property {Record<string, Cell>} cells
 * @property {Cell[]} parts in the order in which they are read
 * @property {string[]} extra columns, that are not shown as usual
 * @property {number | null} version
 * @property {boolean} [whole] one sentence instead of cells
 * @property {boolean} [lean] filled with what tells it apart, and no more
 * @property {number} [index]
 * @property {number} [tall]
 * @property {number} [depth]
 * @property {boolean} [picked]
 */
/** @typedef {HTMLElement & Shown} RowElement */

/**
 * @typedef {object} How
 * @property {Mode} mode
 * @property {number} skew
 * @property {boolean} calm
 * @property {Row | null} picked
 * @property {RegExp | null} hits what to mark
 * @property {boolean} another
 * @property {number} now
 * @property {boolean} lean with what tells it apart, and no more
 */

const FLASH = 1_200;
const JUST_NOW = 10_000; // older events came with the backfill and do not flash
// Always filled: hidden cells are cheap.
const NAMES = ["time", "delta", "kind", "obj", "chg", "actor", "via"];

/** @type {(tag: string, className?: string, role?: string) => Cell} */
const el = (tag, className, role) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (role) node.setAttribute("role", role);
  return node;
};

/**
 * Writes only what differs: each write costs style and layout.
 * @type {(node: Cell, text: string) => void}
 */
const setText = (node, text) => {
  if (node.said !== text) node.textContent = node.said = text;
};
/** @type {(node: Element, className: string) => void} */
const setClass = (node, className) => {
  if (node.className !== className) node.className = className;
};

/**
 * @param {string} id
 * @param {string[]} columns
 */
export function makeRow(id, columns) {
  const row = /** @type {RowElement} */ (el("div", "row", "row"));
  row.id = id;
  row.cells = {};
  for (const name of NAMES) row.cells[name] = el(name === "time" ? "time" : "span", name, "gridcell");
  row.cells.caret = el("span", "caret");
  row.cells.caret.setAttribute("aria-hidden", "true");
  row.cells.caret.hidden = true;
  row.cells.model = el("b");
  row.cells.repr = el("span");
  row.cells.obj.append(row.cells.caret, row.cells.model, " ", row.cells.repr);
  row.cells.badge = el("span", "who small");
  row.cells.badge.setAttribute("aria-hidden", "true");
  row.cells.name = el("span");
  row.cells.actor.append(row.cells.badge, row.cells.name);
  setCells(row, columns);
  return row;
}

/**
 * Sets the cells that a row shows and their order; it has to be filled again.
 * @param {RowElement} row
 * @param {string[]} columns
 */
export function setCells(row, columns) {
  row.extra = columns.filter((name) => EXTRA[name]);
  for (const name of row.extra) row.cells[name] ??= el("span", name, "gridcell");
  row.parts = columns.map((name) => row.cells[name]);
  row.version = null;
  if (!row.whole) row.replaceChildren(...row.parts);
}

/**
 * @param {RowElement} element
 * @param {Row} row
 * @param {How} how
 */
export function fillRow(element, row, how) {
  element.lean = false;
  if (row.type === "gap" || row.type === "second") return fillSingleCell(element, row, how);
  if (element.whole) {
    element.whole = false;
    element.replaceChildren(...element.parts);
  }
  const said = row.type === "cascade" ? row.told : operationOf(row);
  const kind = row.event?.kind ?? said.kind;
  const isNew = how.calm && how.another && how.now - row.born < FLASH / 2 && how.now + how.skew - said.at < JUST_NOW;
  /** @type {Record<string, unknown>} */
  const marks = { pre: row.event && kind === "about", dim: row.dim, picked: row === how.picked, new: isNew };
  setClass(element, ["row", kind, ...Object.keys(marks).filter((mark) => marks[mark])].join(" "));
  fillTime(element, row, how);
  fillCaret(element, row);
  fillSubject(element, row, said, kind, how.hits);
  if (how.lean) return empty(element);
  fillChange(element.cells.chg, row.pieces ?? said.pieces, how.hits);
  fillActor(element.cells, row.type === "cascade" ? row.actor : said.actor, said.source, how.hits);
  setHits(element.cells.via, said.via, how.hits);
  for (const name of element.extra) setText(element.cells[name], EXTRA[name](row, said));
}

/**
 * Fills a row that is a single cell: a gap or a second of a storm.
 * @param {RowElement} element
 * @param {Extract<Row, { type: "gap" | "second" }>} row
 * @param {How} how
 */
function fillSingleCell(element, row, how) {
  element.whole = true;
  element.className = `row ${row.type} ${row.worst ?? ""}`.trim();
  if (row.type === "second") element.setAttribute("aria-expanded", String(row.open));
  else element.removeAttribute("aria-expanded");
  const cell = el("span", "", "gridcell");
  if (row.type === "gap") cell.textContent = gapWords(row, how.mode);
  else {
    const time = el("time");
    time.textContent = clock(row.at, how.mode === "relative" ? "local" : how.mode, Date.now() + how.skew).replace(
      /\.\d{3}$/,
      "",
    );
    const total = el("b");
    total.textContent = plural(row.operations, "operation");
    const caret = el("span", "caret");
    caret.setAttribute("aria-hidden", "true");
    caret.textContent = row.open ? "▾" : "▸";
    cell.append(
      time,
      caret,
      total,
      ...row.said.map(([kind, text]) => Object.assign(el("span", `step ${kind}`), { textContent: text })),
    );
  }
  element.replaceChildren(cell);
}

/**
 * @param {RowElement} element
 * @param {Row} row
 * @param {{ mode: Mode, skew: number }} how
 */
export function fillTime(element, row, { mode, skew }) {
  if (element.whole) return;
  const at = rowAt(row);
  const { time } = element.cells;
  setText(time, clock(at, mode, Date.now() + skew));
  time.dateTime = new Date(at).toISOString();
}

/**
 * Sets the tooltips of a row's cells; only for the row under the pointer, since writing them costs.
 * @param {RowElement} element
 */
export function setTooltips({ of: row, whole, cells, extra }) {
  if (!row || whole || row.type === "gap" || row.type === "second") return;
  const subject = row.type === "cascade" ? row.ordered[0] : operationOf(row);
  const actor = row.type === "cascade" ? row.actor : subject.actor;
  cells.time.title = cells.time.dateTime ?? "";
  cells.obj.title = `${line(subject.sender, 100)} ${line(subject.pk, 60)}: ${line(subject.repr, 100)}`;
  cells.actor.title = actor ? line(actor, 200) : "Nobody was logged in";
  cells.via.title = subject.via;
  for (const name of extra) cells[name].title = cells[name].textContent ?? "";
}

/**
 * The time since its cause or, for a root, since the root before it.
 * @param {RowElement} element
 * @param {Row} row
 * @param {List} rows
 * @param {number} index
 */
export function fillDelta(element, row, rows, index) {
  if (element.whole || row.type === "gap" || row.type === "second") return;
  const before = causeOf(row) ?? previous(rows, index);
  const text = before ? apart(rowAt(row) - rowAt(before)) : "";
  setText(element.cells.delta, text);
}

/** @type {(row: Exclude<ToldRow, { type: "cascade" }>) => Operation} */
const operationOf = (row) => (row.type === "operation" ? row : row.operation);

/** @param {ToldRow} row */
function causeOf(row) {
  if (row.type === "cascade") return null;
  const operation = operationOf(row);
  return row.event && row.event !== operation.events[0] ? operation.events[0] : operation.parent;
}

/**
 * The next root below; the list is newest first.
 * @param {List} rows
 * @param {number} index
 */
function previous(rows, index) {
  for (let below = index + 1; below < Math.min(rows.length, index + 50); below += 1) {
    const row = rows.at(below);
    if (row.type === "gap" || row.type === "second") return null;
    if (!row.depth && !(row.event && row.event !== row.operation.events[0])) return row;
  }
  return null;
}

/**
 * Shows whether the row can be expanded, and whether it is.
 * @param {RowElement} element
 * @param {ToldRow} row
 */
function fillCaret(element, row) {
  const can = row.type === "cascade" ? row.members.length > 1 : row.type === "many";
  const state = can ? String(row.open) : null;
  if (element.getAttribute("aria-expanded") === state) return;
  element.cells.caret.hidden = !can;
  setText(element.cells.caret, row.open ? "▾" : "▸");
  if (state !== null) element.setAttribute("aria-expanded", state);
  else element.removeAttribute("aria-expanded");
}

/**
 * @param {RowElement} element
 * @param {ToldRow} row
 * @param {Operation} said
 * @param {string} kind
 * @param {RegExp | null} hits
 */
function fillSubject(element, row, said, kind, hits) {
  const { cells } = element;
  setClass(cells.kind, `kind ${kind}`);
  setText(cells.kind, row.event ? lastPart(row.event.signal) : said.word);
  const depth = Math.min(row.depth, 8);
  if (element.depth !== depth) cells.obj.style.setProperty("--depth", String(depth));
  element.depth = depth;
  cells.obj.toggleAttribute("data-child", depth > 0);
  const subject = row.type === "cascade" ? row.ordered[0] : said;
  setHits(cells.model, line(modelName(subject.sender), 60), hits);
  setHits(cells.repr, row.type === "many" ? row.words : line(objectName(subject.repr, subject.pk)), hits);
}

/**
 * Leaves what is not filled empty: what it says would be of another row.
 * @param {RowElement} element
 */
function empty(element) {
  element.lean = true;
  const { chg, delta, badge, name, via } = element.cells;
  fillChange(chg, [], null);
  for (const cell of [delta, badge]) setText(cell, "");
  for (const cell of [name, via]) setHits(cell, "", null);
  for (const extra of element.extra) setText(element.cells[extra], "");
}

/**
 * Writes the pieces of a change into the elements that are there already.
 * @param {Cell} cell
 * @param {Piece[]} pieces
 * @param {RegExp | null} hits
 */
function fillChange(cell, pieces, hits) {
  while (cell.children.length > pieces.length) cell.lastChild?.remove();
  pieces.forEach(([role, text], index) => {
    const piece = /** @type {Cell} */ (cell.children[index]) ?? cell.appendChild(el("span"));
    setClass(piece, role);
    setHits(piece, text, hits);
  });
}

/**
 * @param {Record<string, Cell>} cells
 * @param {string} actor
 * @param {string} source
 * @param {RegExp | null} hits
 */
function fillActor(cells, actor, source, hits) {
  cells.actor.classList.toggle("none", !actor);
  setText(cells.badge, actor ? initials(actor) : "");
  setHits(cells.name, line(actorName(actor, "", source), 40), hits);
}
