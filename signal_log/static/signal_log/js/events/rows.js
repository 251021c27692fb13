// The order of the list: cascades by the id of their root, oldest first, and within one the last signal first.
// Read from its end it is what the page shows: newest cascade on top, causes above effects.

/** @import { Cascades } from "./cascades.js" */
/** @import { Gap, Operation, PlacedRow, Row, ShortEvent } from "./types.js" */

/** @type {(a: PlacedRow, b: PlacedRow) => number} */
const before = (a, b) => a.rootId - b.rootId || b.position - a.position || a.id - b.id;

/**
 * The time of a row.
 * @type {(row: { at?: number, event?: { at: number }, operation?: { at: number } }) => number}
 */
export const rowAt = (row) => row.event?.at ?? row.operation?.at ?? row.at ?? 0;

/** @template {PlacedRow} [R=PlacedRow] */
export class OrderedRows {
  changes = 0;

  /** @param {R[]} rows */
  constructor(rows = []) {
    this.rows = rows.sort(before);
  }

  get length() {
    return this.rows.length;
  }

  /**
   * The row at an index counted from the newest.
   * @param {number} index
   */
  at(index) {
    return this.rows[this.rows.length - 1 - index];
  }

  /** @param {Row} row */
  indexOf(row) {
    const place = this.#place(/** @type {R} */ (row));
    return this.rows[place] === row ? this.rows.length - 1 - place : -1;
  }

  /** @param {R} row */
  insert(row) {
    this.changes += 1;
    const { rows } = this;
    if (!rows.length || before(rows[rows.length - 1], row) < 0) rows.push(row);
    else rows.splice(this.#place(row), 0, row);
  }

  /** @param {R} row */
  remove(row) {
    const place = this.#place(row);
    if (this.rows[place] !== row) return false;
    this.rows.splice(place, 1);
    this.changes += 1;
    return true;
  }

  /**
   * Merges more rows in; the order of the present ones may have changed.
   * @param {R[]} rows
   */
  merge(rows) {
    this.changes += 1;
    this.rows = [...new Set([...this.rows, ...rows])].sort(before);
  }

  /**
   * Removes the rows for which this holds.
   * @param {(row: R) => boolean | undefined} unwanted
   */
  drop(unwanted) {
    this.changes += 1;
    this.rows = this.rows.filter((row) => !unwanted(row));
  }

  /**
   * Removes and returns rows from the old end while `wanted` holds.
   * @param {(row: R) => boolean | undefined} wanted
   */
  takeOldest(wanted) {
    let count = 0;
    while (count < this.rows.length && wanted(this.rows[count])) count += 1;
    this.changes += 1;
    return this.rows.splice(0, count);
  }

  /**
   * A copy that does not change with the original; with `newest` it starts at that row.
   * @param {Row} [newest]
   * @returns {OrderedRows<R>}
   */
  frozen(newest) {
    /** @type {OrderedRows<R>} */
    const copy = new OrderedRows();
    copy.rows = this.rows.slice(0, this.rows.length - Math.max(0, newest ? this.indexOf(newest) : 0));
    return copy;
  }

  /** @param {R} row */
  #place(row) {
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (before(this.rows[middle], row) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A row for one signal where operations are not folded; it is sorted by its operation. */
export class SignalRow {
  type = /** @type {const} */ ("signal");
  gone = false;
  dim = false;

  /**
   * @param {Operation} operation
   * @param {ShortEvent} event
   */
  constructor(operation, event) {
    this.key = `${operation.key}:${event.id}`;
    this.operation = operation;
    this.event = event;
    this.id = event.id;
    this.position = event.position;
  }

  get rootId() {
    return this.operation.rootId;
  }

  get depth() {
    return this.operation.depth;
  }

  get version() {
    return this.operation.version;
  }

  get born() {
    return this.operation.born;
  }
}

/** @type {(operation: Operation, event: ShortEvent) => SignalRow} */
const signalRow = (operation, event) => {
  event.row ??= new SignalRow(operation, event);
  return event.row;
};

/** The list with one row per signal, kept in step with the list of operations. */
export class EverySignal {
  /** @param {OrderedRows<Operation | Gap>} operations */
  constructor(operations) {
    /** @type {(row: Operation | Gap) => PlacedRow[]} */
    const rowsOf = (row) => (row.type === "gap" ? [row] : row.events.map((event) => signalRow(row, event)));
    /** @type {OrderedRows<PlacedRow>} */
    this.rows = new OrderedRows(operations.rows.flatMap(rowsOf));
  }

  /**
   * A signal was added to an operation.
   * @param {Operation} operation
   * @param {ShortEvent} event
   */
  came(operation, event) {
    this.rows.insert(signalRow(operation, event));
  }

  /**
   * These operations are about to move,
   * @param {Operation[]} operations
   */
  leave(operations) {
    for (const one of operations) for (const event of one.events) this.rows.remove(signalRow(one, event));
  }

  /**
   * and now they have.
   * @param {Operation[]} operations
   */
  enter(operations) {
    for (const one of operations) for (const event of one.events) this.rows.insert(signalRow(one, event));
  }

  changed() {}

  /** @param {Gap} row */
  gap(row) {
    this.rows.insert(row);
  }

  /** The oldest operations were evicted. */
  evicted() {
    this.rows.takeOldest((row) => row.gone || row.operation?.gone);
  }

  /** @param {Operation} operation */
  rowsOf(operation) {
    return operation.events.map((event) => signalRow(operation, event));
  }

  /**
   * @param {Operation} operation
   * @param {number} id
   */
  rowOf(operation, id) {
    const { events } = operation;
    return signalRow(operation, events.find((event) => event.id === id) ?? events[events.length - 1]);
  }
}

/** @type {Record<string, new (operations: OrderedRows<Operation | Gap>) => EverySignal | Cascades>} */
export const LISTS = { signals: EverySignal }; // and cascades, which add themselves when they are loaded
