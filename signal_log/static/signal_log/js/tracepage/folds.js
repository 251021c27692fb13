// Which rows of a tree are expanded, worked out from their levels alone: the parent of a row is the nearest row above
// it of a lower level.

export class Folds {
  /** @param {number[]} levels */
  constructor(levels) {
    this.length = levels.length;
    /** @type {Set<number>} */
    this.closed = new Set();
    /** @type {number[]} */
    this.parents = [];
    this.ends = levels.map(() => levels.length); // the first row after all descendants
    /** @type {number[]} */
    const open = [];
    levels.forEach((level, row) => {
      while (open.length && levels[open[open.length - 1]] >= level) {
        this.ends[open[open.length - 1]] = row;
        open.pop();
      }
      this.parents.push(open.at(-1) ?? -1);
      open.push(row);
    });
  }

  /**
   * Whether this row has descendants.
   * @param {number} row
   */
  has(row) {
    return this.ends[row] > row + 1;
  }

  /**
   * @param {number} row
   * @param {boolean} open
   */
  toggle(row, open = this.closed.has(row)) {
    if (open) this.closed.delete(row);
    else if (this.has(row)) this.closed.add(row);
  }

  /** @param {boolean} open */
  all(open) {
    this.closed.clear();
    for (let row = 0; row < this.length && !open; row += 1) this.toggle(row, false);
  }

  /**
   * The ancestors of a row, innermost first.
   * @param {number} row
   */
  above(row) {
    const found = [];
    for (let at = this.parents[row]; at >= 0; at = this.parents[at]) found.push(at);
    return found;
  }

  /**
   * Expands the ancestors of a row.
   * @param {number} row
   */
  reveal(row) {
    for (const parent of this.above(row)) this.closed.delete(parent);
  }

  /** The rows that no collapsed ancestor hides, top to bottom. */
  shown() {
    const rows = [];
    for (let row = 0; row < this.length; row = this.closed.has(row) ? this.ends[row] : row + 1) rows.push(row);
    return rows;
  }
}
