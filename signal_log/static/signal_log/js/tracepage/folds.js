// Which rows of a tree are expanded, worked out from their levels alone: the parent of a row is the nearest row above
// it of a lower level.

export class Folds {
  constructor(levels) {
    this.length = levels.length;
    this.closed = new Set();
    this.parents = [];
    this.ends = levels.map(() => levels.length); // the first row after all descendants
    const open = [];
    levels.forEach((level, row) => {
      while (open.length && levels[open.at(-1)] >= level) this.ends[open.pop()] = row;
      this.parents.push(open.at(-1) ?? -1);
      open.push(row);
    });
  }

  /** Whether this row has descendants. */
  has(row) {
    return this.ends[row] > row + 1;
  }

  toggle(row, open = this.closed.has(row)) {
    if (open) this.closed.delete(row);
    else if (this.has(row)) this.closed.add(row);
  }

  all(open) {
    this.closed.clear();
    for (let row = 0; row < this.length && !open; row += 1) this.toggle(row, false);
  }

  /** The ancestors of a row, innermost first. */
  above(row) {
    const found = [];
    for (let at = this.parents[row]; at >= 0; at = this.parents[at]) found.push(at);
    return found;
  }

  /** Expands the ancestors of a row. */
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
