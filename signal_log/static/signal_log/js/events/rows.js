// The order of the list: cascades by the id of their root, oldest first, and within one the last signal first.
// Read from its end it is what the page shows: newest cascade on top, causes above effects.

const before = (a, b) => a.rootId - b.rootId || b.position - a.position || a.id - b.id;

/** The time of a row. */
export const rowAt = (row) => row.event?.at ?? row.operation?.at ?? row.at;

export class OrderedRows {
  constructor(rows = []) {
    this.rows = rows.sort(before);
    this.changes = 0;
  }

  get length() {
    return this.rows.length;
  }

  /** The row at an index counted from the newest. */
  at(index) {
    return this.rows[this.rows.length - 1 - index];
  }

  indexOf(row) {
    const place = this.#place(row);
    return this.rows[place] === row ? this.rows.length - 1 - place : -1;
  }

  insert(row) {
    this.changes += 1;
    const { rows } = this;
    if (!rows.length || before(rows[rows.length - 1], row) < 0) rows.push(row);
    else rows.splice(this.#place(row), 0, row);
  }

  remove(row) {
    const place = this.#place(row);
    if (this.rows[place] !== row) return false;
    this.rows.splice(place, 1);
    this.changes += 1;
    return true;
  }

  /** Merges more rows in; the order of the present ones may have changed. */
  merge(rows) {
    this.changes += 1;
    this.rows = [...new Set([...this.rows, ...rows])].sort(before);
  }

  /** Removes the rows for which this holds. */
  drop(unwanted) {
    this.changes += 1;
    this.rows = this.rows.filter((row) => !unwanted(row));
  }

  /** Removes and returns rows from the old end while `wanted` holds. */
  takeOldest(wanted) {
    let count = 0;
    while (count < this.rows.length && wanted(this.rows[count])) count += 1;
    this.changes += 1;
    return this.rows.splice(0, count);
  }

  /** A copy that does not change with the original; with `newest` it starts at that row. */
  frozen(newest) {
    const copy = new OrderedRows();
    copy.rows = this.rows.slice(0, this.rows.length - Math.max(0, newest ? this.indexOf(newest) : 0));
    return copy;
  }

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
class SignalRow {
  constructor(operation, event) {
    Object.assign(this, {
      type: "signal",
      key: `${operation.key}:${event.id}`,
      operation,
      event,
      id: event.id,
      position: event.position,
    });
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

const signalRow = (operation, event) => (event.row ??= new SignalRow(operation, event));

/** The list with one row per signal, kept in step with the list of operations. */
export class EverySignal {
  constructor(operations) {
    const rowsOf = (row) => (row.type === "gap" ? [row] : row.events.map((event) => signalRow(row, event)));
    this.rows = new OrderedRows(operations.rows.flatMap(rowsOf));
  }

  /** A signal was added to an operation. */
  came(operation, event) {
    this.rows.insert(signalRow(operation, event));
  }

  /** These operations are about to move, */
  leave(operations) {
    for (const one of operations) for (const event of one.events) this.rows.remove(signalRow(one, event));
  }

  /** and now they have. */
  enter(operations) {
    for (const one of operations) for (const event of one.events) this.rows.insert(signalRow(one, event));
  }

  changed() {}

  gap(row) {
    this.rows.insert(row);
  }

  /** The oldest operations were evicted. */
  evicted() {
    this.rows.takeOldest((row) => row.gone || row.operation?.gone);
  }

  rowsOf(operation) {
    return operation.events.map((event) => event.row);
  }

  rowOf(operation, id) {
    return operation.events.find((event) => event.id === id)?.row ?? operation.events.at(-1).row;
  }
}
