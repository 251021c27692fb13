// Storm mode: at more than a person can read, one row per second sums up its operations, each one click away.

import { count, line } from "../lib/text.js";
import { modelName } from "./kinds.js";
import { OrderedRows, rowAt } from "./rows.js";

/** @import { Rate } from "./rate.js" */
/** @import { Doing, Operation, Piece, PlacedRow, Row } from "./types.js" */

export const TOO_MANY = 50; // rows per second that nobody can read
const FEW_AGAIN = 25;
const KEPT = 600; // seconds
const BEFORE = 1_000; // rows from before the storm kept below it
const NAMED = 4; // kinds of operation named in a second's row
const WORST = ["undone", "refused", "failed"]; // the last is the worst
const MORE = [
  ["failed", " failed"],
  ["refused", " refused"],
  ["undone", " rolled back"],
  ["", ""],
];

export class Second {
  type = /** @type {const} */ ("second");
  version = 0;
  open = false;
  dim = false;
  /** @type {Map<string, Doing>} */
  tallies = new Map();
  /** @type {Row[]} */
  inside = [];

  /** @param {number} second */
  constructor(second) {
    this.second = second;
    this.at = second * 1000;
    this.key = `second:${second}`;
  }

  /** How many operations happened in it. */
  get operations() {
    let sum = 0;
    for (const { number } of this.tallies.values()) sum += number;
    return sum;
  }

  /**
   * What went wrong, then the most frequent: "2 User failed", "280 User updated". All that went wrong is in the sum of
   * one of these pieces, however much else there was.
   * @returns {Piece[]}
   */
  get said() {
    const all = [...this.tallies.values()].filter(({ number }) => number > 0);
    all.sort((a, b) => WORST.indexOf(b.kind) - WORST.indexOf(a.kind) || b.number - a.number);
    const [named, rest] = [all.slice(0, NAMED), all.slice(NAMED)];
    /** @type {Piece[]} */
    const said = named.map(({ kind, text, number }) => [kind, `${count(number)} ${text}`]);
    for (const [kind, word] of MORE) {
      const number = rest
        .filter((one) => (WORST.includes(one.kind) ? one.kind : "") === kind)
        .reduce((sum, one) => sum + one.number, 0);
      if (number) said.push([kind, `and ${count(number)} more${word}`]);
    }
    return said;
  }

  /**
   * The worst that happened in it, if anything went wrong.
   * @returns {string}
   */
  get worst() {
    return [...this.tallies.values()].reduce(
      (worst, { kind, number }) => (number && WORST.indexOf(kind) > WORST.indexOf(worst) ? kind : worst),
      "",
    );
  }
}

/** The rows of a storm: seconds, newest first, then the rows from before it. */
export class StormRows {
  /**
   * @param {Row[]} head
   * @param {OrderedRows<PlacedRow>} base
   */
  constructor(head, base) {
    this.head = head;
    this.base = base;
  }

  get length() {
    return this.head.length + this.base.length;
  }

  /**
   * @param {number} index
   * @returns {Row}
   */
  at(index) {
    return index < this.head.length ? this.head[index] : this.base.at(index - this.head.length);
  }

  /** @param {Row} row */
  indexOf(row) {
    const place = this.head.indexOf(row);
    if (place >= 0) return place;
    const below = this.base.indexOf(row);
    return below < 0 ? -1 : this.head.length + below;
  }

  /** @param {Row} [newest] */
  frozen(newest) {
    return new StormRows(this.head.slice(newest ? Math.max(0, this.head.indexOf(newest)) : 0), this.base.frozen());
  }

  /**
   * Adds rows; those inside a cascade of an expanded second go below that cascade.
   * @param {PlacedRow[]} rows
   */
  merge(rows) {
    const there = new Set(this.head);
    /** @type {(row: PlacedRow) => boolean} */
    const isInside = (row) => row.cascade != null && there.has(row.cascade);
    this.base.merge(rows.filter((row) => !there.has(row) && !isInside(row)));
    this.head = this.head.flatMap((one) => [
      one,
      ...rows.filter((row) => isInside(row) && row.cascade === one && !there.has(row)),
    ]);
  }

  /** @param {(row: Row) => boolean | undefined} unwanted */
  drop(unwanted) {
    this.head = this.head.filter((row) => !unwanted(row));
    this.base.drop(unwanted);
  }

  /**
   * Expands or collapses a second.
   * @param {Second} second
   * @param {OrderedRows<PlacedRow>} rows
   */
  toggle(second, rows) {
    const inside = new Set(second.inside);
    this.head = this.head.filter((row) => !inside.has(row));
    second.open = !second.open;
    second.version += 1;
    second.inside = second.open
      ? rows.rows.filter((row) => row.type !== "gap" && Math.floor(rowAt(row) / 1000) === second.second).reverse()
      : [];
    this.head.splice(this.head.indexOf(second) + 1, 0, ...second.inside);
  }
}

export class Storm {
  /** @type {Map<number, Second>} */
  seconds = new Map();
  newest = 0;
  since = 0;
  /** @type {OrderedRows<PlacedRow>} */
  base = new OrderedRows();

  clear() {
    Object.assign(this, { seconds: new Map(), newest: 0, since: 0, base: new OrderedRows() });
  }

  get on() {
    return this.since > 0;
  }

  /** How many operations are in the seconds shown. */
  get folded() {
    let sum = 0;
    for (const one of this.seconds.values()) if (one.second >= this.since) sum += one.operations;
    return sum;
  }

  /**
   * Counts an operation, or corrects its kind.
   * @param {Operation} operation
   */
  operation(operation) {
    const { counted } = operation;
    if (counted) counted.number -= 1;
    const second = this.#second(operation.at);
    if (!second) return;
    const text = `${line(modelName(operation.sender), 60)} ${operation.word}`;
    let tally = second.tallies.get(text);
    if (!tally) {
      tally = { kind: operation.kind, text, number: 0 };
      second.tallies.set(text, tally);
    }
    tally.number += 1;
    operation.counted = tally;
    second.version += 1;
  }

  /**
   * Starts or ends the storm by the rate; `rows` is the unfolded list.
   * @param {Rate} rate
   * @param {number} now
   * @param {OrderedRows<PlacedRow>} rows
   */
  update(rate, now, rows) {
    if (!this.on && rate.perSecond(now, 2) > TOO_MANY) this.#begin(Math.floor(now / 1000) - 2, rows);
    else if (this.on && rate.perSecond(now, 5) < FEW_AGAIN) Object.assign(this, { since: 0, base: new OrderedRows() });
    return this.on;
  }

  /** The list shown while the storm lasts. */
  get rows() {
    const head = [...this.seconds.values()]
      .filter((one) => one.second >= this.since && one.operations)
      .sort((a, b) => b.second - a.second);
    return new StormRows(head, this.base);
  }

  /** Collapses every second. */
  close() {
    for (const second of this.seconds.values())
      if (second.open) Object.assign(second, { open: false, inside: [], version: second.version + 1 });
  }

  /**
   * @param {number} since
   * @param {OrderedRows<PlacedRow>} rows
   */
  #begin(since, rows) {
    this.since = since;
    this.base = new OrderedRows(
      rows.rows.filter((row) => row.type === "gap" || rowAt(row) < since * 1000).slice(-BEFORE),
    );
  }

  /** @param {number} at */
  #second(at) {
    const number = Math.floor(at / 1000);
    const known = this.seconds.get(number);
    if (known) return known;
    if (number <= this.newest - KEPT) return null; // older than what is kept
    const second = new Second(number);
    this.seconds.set(number, second);
    if (number > this.newest) this.newest = number;
    if (this.seconds.size > KEPT)
      for (const old of this.seconds.keys()) if (old <= this.newest - KEPT) this.seconds.delete(old);
    return second;
  }
}
