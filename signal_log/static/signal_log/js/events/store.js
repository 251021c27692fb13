// The events this page holds: deduplicated, folded into operations, ordered and bounded.

import { reprOf } from "./kinds.js";
import { compactEvent, newOperation } from "./operation.js";
import { LISTS, OrderedRows } from "./rows.js";
import { summary } from "./summary.js";
import { place, Traces, tree } from "./traces.js";

/** @import { Cascades } from "./cascades.js" */
/** @import { EverySignal } from "./rows.js" */
/** @import { Gap, Kind, Operation, PlacedRow, SignalEvent } from "./types.js" */

const EVICT_AT_ONCE = 0.02; // share of the limit, so that eviction is rare

export class Store {
  /** @type {Map<string, string>} */
  words = new Map();
  /** @type {OrderedRows<Operation | Gap>} */
  operations = new OrderedRows();
  /** @type {EverySignal | Cascades | null} */
  list = null;
  shown = "operations";
  traces = this.#newTraces();
  /** @type {Map<number, Operation>} */
  byId = new Map();
  /** @type {Map<number, SignalEvent>} */
  whole = new Map();
  newestId = 0;
  newestAt = 0;
  taken = 0; // events received in total,
  begun = 0; // and operations that they began
  floor = 0; // every match above this id is held, but for what the connection will still bring
  /** @type {Gap | null} */
  gap = null;

  /**
   * Keeps `limit` events as compact rows, and the newest `recent` in full.
   * @param {object} options
   * @param {number} [options.limit]
   * @param {number} [options.recent]
   * @param {(operation: Operation, was: Kind | "", is: Kind) => void} [options.onChange]
   */
  constructor({ limit = 100_000, recent = 5_000, onChange = () => {} } = {}) {
    this.limit = limit;
    this.recent = recent;
    this.onChange = onChange;
  }

  clear() {
    this.operations = new OrderedRows();
    this.show(this.shown);
    this.traces = this.#newTraces();
    this.byId = new Map();
    this.whole = new Map();
    this.newestId = 0;
    this.newestAt = 0;
    this.taken = 0;
    this.begun = 0;
    this.floor = 0;
    this.gap = null;
  }

  #newTraces() {
    return new Traces((operation, change) => this.#move(operation, change));
  }

  get size() {
    return this.byId.size;
  }

  /** How many rows of the list of operations, or of that of signals, have come. */
  get came() {
    return { taken: this.taken, begun: this.begun };
  }

  /**
   * Adds events from the history, complete down to `floor`; none of them counts as new.
   * @param {SignalEvent[]} events
   * @param {number} floor
   */
  addOlder(events, floor) {
    const { taken, begun } = this;
    const touched = this.add(events);
    Object.assign(this, { taken, begun });
    this.floor = floor;
    return touched;
  }

  /**
   * Adds events in any order, repeats included; returns the operations that are new or changed.
   * @param {SignalEvent[]} events
   * @param {number} now
   */
  add(events, now = Date.now()) {
    /** @type {Set<Operation>} */
    const touched = new Set();
    if (events.length) this.floor ||= events[0].id;
    for (const event of events) {
      const operation = this.byId.has(event.id) ? null : this.#take(event, now);
      if (operation) touched.add(operation);
    }
    if (this.size > this.limit) this.#evict(Math.max(this.size - this.limit, this.limit * EVICT_AT_ONCE));
    for (const operation of touched) this.#refresh(operation);
    return touched;
  }

  /**
   * Adds a row that marks events missing between those held and those to come.
   * @param {string} reason
   */
  addGap(reason) {
    /** @type {Gap} */
    const gap = {
      type: "gap",
      reason,
      rootId: this.newestId + 0.5,
      position: 0,
      id: 0,
      from: this.newestAt,
      version: 1,
      depth: 0,
      key: `gap:${this.newestId}`,
    };
    this.gap = gap;
    this.operations.insert(gap);
    this.list?.gap(gap);
    return gap;
  }

  /**
   * Maintains the list of `signals` or, once it is loaded, of `cascades` beside that of operations, or neither.
   * @param {string} list
   */
  show(list) {
    this.shown = list;
    this.list = LISTS[list] ? new LISTS[list](this.operations) : null;
  }

  /** The list that is shown. */
  get rows() {
    return /** @type {OrderedRows<PlacedRow>} */ (this.list?.rows ?? this.operations);
  }

  /**
   * The row of that list that contains an event.
   * @param {number} id
   * @returns {PlacedRow | undefined}
   */
  rowOf(id) {
    const operation = this.byId.get(id);
    return operation && (this.list?.rowOf(operation, id) ?? operation);
  }

  /**
   * The rows of that list that belong to an operation.
   * @param {Operation} operation
   * @returns {PlacedRow[]}
   */
  rowsOf(operation) {
    return this.list?.rowsOf(operation) ?? [operation];
  }

  /**
   * The full event, if it is recent enough to be held.
   * @param {number} id
   */
  event(id) {
    return this.whole.get(id);
  }

  /**
   * Restores the full events of compact rows.
   * @param {SignalEvent[]} events
   */
  recall(events) {
    for (const event of events) if (this.byId.has(event.id)) this.#keepWhole(event);
  }

  /**
   * Has an event say what it found written past Django; returns whether that is new.
   * @param {number} id
   * @param {string[]} past
   */
  tell(id, past) {
    const [event, operation] = [this.whole.get(id), this.byId.get(id)];
    if (!event || !operation || event.past?.length === past.length) return false;
    event.past = past;
    operation.stale = true;
    this.#refresh(operation);
    return true;
  }

  /**
   * The operation that an event belongs to.
   * @param {number} id
   */
  operationOf(id) {
    return this.byId.get(id);
  }

  /**
   * One string for equal texts, so that a hundred thousand rows share them.
   * @type {(text: string) => string}
   */
  #word = (text) => {
    const known = this.words.get(text);
    if (known !== undefined) return known;
    if (this.words.size > 20_000) this.words.clear();
    this.words.set(text, text);
    return text;
  };

  /**
   * @param {SignalEvent} event
   * @param {number} now
   */
  #take(event, now) {
    const trace = this.traces.of(event.trace_id);
    const compact = compactEvent(event, this.#word);
    const known = trace.operations.get(event.operation);
    const operation = known ?? this.#open(newOperation(trace, event, compact, now, this.#word));
    if (event.id < operation.id)
      this.#move(operation, () => {
        operation.id = event.id;
      });
    operation.events.push(compact);
    operation.events.sort((a, b) => a.position - b.position);
    operation.stale = true;
    this.byId.set(event.id, operation);
    this.#keepWhole(event);
    this.list?.came(operation, compact);
    this.traces.known(operation, event.position);
    this.taken += 1;
    if (this.gap && event.id > this.gap.rootId) this.#closeGap(this.gap, compact.at);
    if (event.id > this.newestId) this.newestId = event.id;
    if (compact.at > this.newestAt) this.newestAt = compact.at;
    return operation;
  }

  /** @param {Operation} operation */
  #open(operation) {
    this.begun += 1;
    this.traces.link(operation);
    this.operations.insert(operation);
    return operation;
  }

  /**
   * @param {Gap} gap
   * @param {number} at
   */
  #closeGap(gap, at) {
    gap.to = at;
    gap.version += 1;
    this.gap = null;
  }

  /**
   * Changes what an operation's position depends on: its rows leave the list and are inserted again.
   * @param {Operation} operation
   * @param {() => void} change
   */
  #move(operation, change) {
    const rows = tree(operation);
    this.list?.leave(rows);
    for (const row of rows) this.operations.remove(row);
    change();
    for (const row of rows) place(row);
    for (const row of rows) {
      row.version += 1;
      this.operations.insert(row);
    }
    this.list?.enter(rows);
  }

  /** @param {SignalEvent} event */
  #keepWhole(event) {
    this.whole.set(event.id, event);
    const [oldest] = this.whole.size > this.recent ? this.whole.keys() : [];
    if (oldest !== undefined) this.whole.delete(oldest);
  }

  /**
   * Updates the row from the last known event of the operation.
   * @param {Operation} operation
   */
  #refresh(operation) {
    if (!operation.stale || operation.gone) return;
    operation.stale = false;
    const told =
      operation.events.findLast((e) => e.outcome !== "committed") ?? operation.events[operation.events.length - 1];
    const event = this.whole.get(told.id);
    const before = operation.kind;
    operation.kind = told.kind;
    operation.word = told.word;
    operation.at = operation.events[0].at;
    operation.version += 1;
    if (event) {
      operation.pieces = summary(event);
      operation.repr = reprOf(event);
      operation.pk = event.object_pk;
      operation.actor = this.#word(event.actor_repr || event.actor_pk);
    }
    this.list?.changed(operation);
    this.onChange(operation, before, told.kind);
  }

  /** @param {number} events */
  #evict(events) {
    let gone = 0;
    const leaving = this.operations.takeOldest((row) => {
      if (gone >= events) return false;
      if (row.type !== "gap") gone += row.events.length;
      return true;
    });
    for (const row of leaving) {
      row.gone = true;
      if (row.type === "gap") continue;
      this.traces.forget(row);
      for (const event of row.events) {
        this.byId.delete(event.id);
        if (event.id >= this.floor) this.floor = event.id + 1;
        this.whole.delete(event.id);
      }
    }
    this.list?.evicted();
  }
}
