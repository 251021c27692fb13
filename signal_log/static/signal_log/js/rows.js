// The order of the list: cascades by the id of their root, oldest first, and within one the last signal first.
// Seen from its end it is what the page shows: newest cascade on top, causes above effects.

const before = (a, b) => a.rootId - b.rootId || b.position - a.position || a.id - b.id;

export class OrderedRows {
  constructor(rows = []) {
    this.rows = rows.sort(before);
    this.changes = 0;
  }

  get length() {
    return this.rows.length;
  }

  /** The row at a place counted from the newest. */
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

  /** Take rows from the old end as long as `wanted` says so. */
  takeOldest(wanted) {
    let count = 0;
    while (count < this.rows.length && wanted(this.rows[count])) count += 1;
    this.changes += 1;
    return this.rows.splice(0, count);
  }

  /** A copy that stays as it is while the original goes on. */
  frozen() {
    const copy = new OrderedRows();
    copy.rows = this.rows.slice();
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

/** A row for one signal, where an operation is not folded; its place follows its operation's. */
class SignalRow {
  constructor(operation, event) {
    Object.assign(this, { type: "signal", key: `${operation.key}:${event.id}`, operation, event, id: event.id, position: event.position });
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

export const signalRow = (operation, event) => (event.row ??= new SignalRow(operation, event));

/** The rows of a list of operations, one for each signal. */
export function unfolded(operations) {
  const rowsOf = (row) => (row.type === "gap" ? [row] : row.events.map((event) => signalRow(row, event)));
  return new OrderedRows(operations.rows.flatMap(rowsOf));
}
