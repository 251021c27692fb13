// The list with one row per cascade: a whole request, or one operation of a longer program. Rows expand in place.

import { pieces, runs, runWords, toldBy } from "./cascade.js";
import { LISTS, OrderedRows } from "./rows.js";

/** @import { Gap, Operation, PlacedRow } from "./types.js" */

const LONG = /^(command|migration|test)\b/; // a trace of these is too much for one row

export class CascadeRow {
  type = /** @type {const} */ ("cascade");
  rootId = Infinity;
  id = 0;
  position = -1;
  depth = 0;
  version = 0;
  open = false;
  unordered = false;
  gone = false;
  dim = false;
  unrolled = ""; // the key of the row below of which each is shown
  /** @type {Operation[]} */
  members = [];
  /** @type {MemberRow[]} */
  inside = [];

  /**
   * @param {string} key
   * @param {number} born
   * @param {Cascades} list
   */
  constructor(key, born, list) {
    this.key = key;
    this.born = born;
    this.list = list;
  }

  /** Its operations, causes before effects. */
  get ordered() {
    if (this.unordered) this.members.sort((a, b) => a.position - b.position || a.id - b.id);
    this.unordered = false;
    return this.members;
  }

  get told() {
    return toldBy(this.ordered);
  }

  get at() {
    return this.ordered[0].at;
  }

  get pieces() {
    return this.members.length > 1 ? pieces(this.ordered) : this.ordered[0].pieces;
  }

  /** The latest known actor: somebody may have logged in on the way. */
  get actor() {
    return this.ordered.findLast(({ actor }) => actor)?.actor ?? "";
  }
}

/** An operation below its cascade, or several equal ones in one row. */
export class MemberRow {
  open = false;
  gone = false;
  dim = false;

  /**
   * @param {CascadeRow} cascade
   * @param {Operation[]} run
   * @param {number} place
   */
  constructor(cascade, run, place) {
    this.type = /** @type {"many" | "member"} */ (run.length > 1 ? "many" : "member");
    this.cascade = cascade;
    this.run = run;
    this.place = place;
    this.operation = run[0];
    this.key = `${cascade.key}:${run[0].position}`;
  }

  get rootId() {
    return this.cascade.rootId;
  }

  get position() {
    return this.place;
  }

  get id() {
    return this.operation.id;
  }

  get depth() {
    return this.operation.depth + 1;
  }

  get version() {
    return this.operation.version;
  }

  get born() {
    return this.operation.born;
  }

  get words() {
    return runWords(this.run);
  }
}

export class Cascades {
  /** @type {OrderedRows<PlacedRow>} */
  rows = new OrderedRows();
  /** @type {Map<string, CascadeRow>} */
  byKey = new Map();

  /** @param {OrderedRows<Operation | Gap>} operations */
  constructor(operations) {
    const gaps = operations.rows.filter((row) => row.type === "gap");
    const rest = operations.rows.filter((row) => row.type !== "gap");
    for (const operation of rest) this.#join(operation, false);
    this.rows = new OrderedRows([...this.byKey.values(), ...gaps]);
  }

  /** @param {Operation} operation */
  came(operation) {
    if (!operation.cascade || operation.cascade.list !== this) this.#join(operation, true);
  }

  /** @param {Operation[]} operations */
  leave(operations) {
    for (const one of operations) this.#part(one);
  }

  /** @param {Operation[]} operations */
  enter(operations) {
    for (const one of operations) this.#join(one, true);
  }

  /** @param {Operation} operation */
  changed({ cascade }) {
    if (!cascade) return;
    cascade.version += 1;
    if (cascade.open) this.#moved(cascade, () => {});
  }

  /** @param {Gap} row */
  gap(row) {
    this.rows.insert(row);
  }

  evicted() {
    /** @param {PlacedRow} row */
    const left = (row) => row.gone || (row.cascade ?? row).members?.some((one) => one.gone);
    for (const row of this.rows.takeOldest(left)) {
      if (row.type !== "cascade") continue;
      const rest = row.members.filter((one) => !one.gone);
      if (!rest.length) {
        this.byKey.delete(row.key); // a paused list still has it, and shows what it told
        continue;
      }
      row.members = rest;
      row.rootId = row.id = Math.min(...rest.map((one) => one.rootId));
      row.version += 1;
      row.inside = [];
      this.rows.insert(row);
      this.#fill(row);
    }
  }

  /**
   * @param {Operation} operation
   * @returns {PlacedRow[]}
   */
  rowsOf({ cascade }) {
    return cascade ? [cascade, ...cascade.inside] : [];
  }

  /**
   * @param {Operation} operation
   * @returns {PlacedRow | null}
   */
  rowOf({ cascade, position }) {
    return cascade?.inside.find((row) => row.run.some((one) => one.position === position)) ?? cascade ?? null;
  }

  /**
   * Expands or collapses a row.
   * @param {CascadeRow | MemberRow} row
   */
  toggle(row) {
    const cascade = row.type === "cascade" ? row : row.cascade;
    for (const one of cascade.inside) this.rows.remove(one);
    if (row === cascade) cascade.open = !cascade.open;
    else cascade.unrolled = cascade.unrolled === row.key ? "" : row.key;
    cascade.version += 1;
    this.#fill(cascade);
  }

  /**
   * @param {Operation} operation
   * @param {boolean} placed
   */
  #join(operation, placed) {
    const key = keyOf(operation);
    const row = this.byKey.get(key) ?? new CascadeRow(key, operation.born, this);
    this.byKey.set(key, row);
    const add = () => {
      const last = row.members.at(-1);
      row.unordered ||= last !== undefined && last.position > operation.position;
      row.members.push(operation);
      operation.cascade = row;
      if (operation.rootId < row.rootId) row.rootId = row.id = operation.rootId;
    };
    if (placed) this.#moved(row, add);
    else add();
  }

  /** @param {Operation} operation */
  #part(operation) {
    const row = operation.cascade;
    if (!row) return;
    operation.cascade = null;
    const rest = row.members.filter((one) => one !== operation);
    if (!rest.length) return this.#end(row);
    this.#moved(row, () => {
      row.members = rest;
      row.rootId = row.id = Math.min(...rest.map((one) => one.rootId));
    });
  }

  /**
   * Takes a row out of the list when its last operation has left it. A paused list still has it, and shows what it
   * told.
   * @param {CascadeRow} row
   */
  #end(row) {
    for (const one of row.inside) this.rows.remove(one);
    this.rows.remove(row);
    this.byKey.delete(row.key);
  }

  /**
   * Changes a row, then puts it and its expanded rows back in order.
   * @param {CascadeRow} row
   * @param {() => void} change
   */
  #moved(row, change) {
    const before = row.rootId;
    for (const one of row.inside) this.rows.remove(one);
    const there = this.rows.remove(row);
    change();
    row.version += 1;
    if (there || before !== row.rootId) this.rows.insert(row);
    this.#fill(row);
  }

  /** @param {CascadeRow} row */
  #fill(row) {
    row.inside = [];
    if (!row.open) return;
    const shown = runs(row.ordered).flatMap((run) => [
      run,
      ...(run.length > 1 && row.unrolled === `${row.key}:${run[0].position}` ? run.map((one) => [one]) : []),
    ]);
    row.inside = shown.map((run, place) => new MemberRow(row, run, place));
    for (const one of row.inside) {
      one.open = row.unrolled === one.key;
      this.rows.insert(one);
    }
  }
}

/**
 * The key of a cascade: a whole request or, in a longer program, one operation with all that it caused.
 * @param {Operation} operation
 */
function keyOf(operation) {
  let root = operation;
  while (root.parent) root = root.parent;
  if (!LONG.test(root.source)) return root.trace.id;
  return `${root.trace.id} ${root.origin || root.position}`;
}

LISTS.cascades = Cascades;
