// Which rows of a tree are open, known from their levels alone: row 5 stands below the nearest row above it of a lower
// level.

export class Folds {
  constructor(levels) {
    this.length = levels.length;
    this.closed = new Set();
    this.parents = [];
    this.ends = levels.map(() => levels.length); // the first row after all that stands below
    const open = [];
    levels.forEach((level, row) => {
      while (open.length && levels[open.at(-1)] >= level) this.ends[open.pop()] = row;
      this.parents.push(open.at(-1) ?? -1);
      open.push(row);
    });
  }

  /** Whether anything stands below this row. */
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

  /** The rows above one that it stands below, innermost first. */
  above(row) {
    const found = [];
    for (let at = this.parents[row]; at >= 0; at = this.parents[at]) found.push(at);
    return found;
  }

  /** Open whatever hides a row. */
  reveal(row) {
    for (const parent of this.above(row)) this.closed.delete(parent);
  }

  /** The rows that are not below a closed one, top to bottom. */
  shown() {
    const rows = [];
    for (let row = 0; row < this.length; row = this.closed.has(row) ? this.ends[row] : row + 1) rows.push(row);
    return rows;
  }
}
