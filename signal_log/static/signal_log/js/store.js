// The events this page holds: each once, folded into operations, in order, bounded.

import { FacetCounts } from "./facets.js";
import { kindOf, summary, wordOf } from "./kinds.js";
import { line } from "./text.js";
import { OrderedRows, signalRow, unfolded } from "./rows.js";

const EVICT_AT_ONCE = 0.02; // of the limit, so that making room is rare

const via = ({ source, method, path }) => line(source === "http" && path ? `${method} ${path}` : source, 120);

export class Store {
  /** `limit` events stay as compact rows; of the newest `recent` the whole event is kept. */
  constructor({ limit = 100_000, recent = 5_000, onKind = () => {} } = {}) {
    Object.assign(this, { limit, recent, onKind });
    this.facets = new FacetCounts();
    this.words = new Map();
    this.clear();
  }

  clear() {
    this.operations = new OrderedRows();
    if (this.signals) this.signals = new OrderedRows();
    this.traces = new Map();
    this.byId = new Map();
    this.whole = new Map();
    this.newestId = 0;
    this.newestAt = 0;
    this.opened = 0; // operations ever, for counting what is new
    this.taken = 0; // events ever
    this.gap = null;
    this.facets.reset();
  }

  get size() {
    return this.byId.size;
  }

  /** Take events in any order, with repeats; returns those operations that are new or changed. */
  add(events, now = Date.now()) {
    const touched = new Set();
    for (const event of events) {
      const operation = this.byId.has(event.id) ? null : this.#take(event, now);
      if (operation) touched.add(operation);
    }
    if (this.size > this.limit) this.#evict(Math.max(this.size - this.limit, this.limit * EVICT_AT_ONCE));
    for (const operation of touched) this.#refresh(operation);
    return touched;
  }

  /** A row that says what is missing here, between the events held and those that follow. */
  addGap(reason) {
    const gap = { type: "gap", reason, rootId: this.newestId + 0.5, position: 0, id: 0, from: this.newestAt, version: 1, depth: 0, key: `gap:${this.newestId}` };
    this.gap = gap;
    this.operations.insert(gap);
    this.signals?.insert(gap);
    return gap;
  }

  /** Keep a second list, of single signals, or do without it. */
  unfold(wanted) {
    this.signals = wanted ? unfolded(this.operations) : null;
  }

  /** The list that is shown. */
  get rows() {
    return this.signals ?? this.operations;
  }

  /** The whole event, if it is recent enough to be held. */
  event(id) {
    return this.whole.get(id);
  }

  /** The operation that an event belongs to. */
  operationOf(id) {
    return this.byId.get(id);
  }

  /** The operation at whose signal another one was fired, if it is held. */
  parentOf(operation) {
    return operation.parent;
  }

  /** An operation and all it set off, in order of position. */
  tree(operation) {
    const all = [operation, ...operation.children.flatMap((child) => this.tree(child))];
    return all.sort((a, b) => a.position - b.position);
  }

  #word(text) {
    const known = this.words.get(text);
    if (known !== undefined) return known;
    if (this.words.size > 20_000) this.words.clear();
    this.words.set(text, text);
    return text;
  }

  #take(event, now) {
    const trace = this.#trace(event.trace_id);
    const compact = {
      id: event.id,
      signal: this.#word(event.signal),
      sender: this.#word(event.sender),
      actor: this.#word(event.actor_repr || event.actor_pk),
      outcome: this.#word(event.outcome),
      source: this.#word(event.source),
      position: event.position,
      at: Date.parse(event.occurred_at),
      kind: kindOf(event),
      word: wordOf(event),
    };
    let operation = trace.operations.get(event.operation);
    if (!operation) operation = this.#open(trace, event, compact, now);
    else if (event.id < operation.id) this.#move(operation, () => (operation.id = event.id));
    operation.events.push(compact);
    operation.events.sort((a, b) => a.position - b.position);
    operation.stale = true;
    trace.positions.set(event.position, operation);
    this.byId.set(event.id, operation);
    this.#keepWhole(event);
    this.facets.add(compact);
    this.signals?.insert(signalRow(operation, compact));
    this.#adopt(trace, event.position, operation);
    this.taken += 1;
    if (this.gap && event.id > this.gap.rootId) this.#closeGap(compact.at);
    if (event.id > this.newestId) this.newestId = event.id;
    if (compact.at > this.newestAt) this.newestAt = compact.at;
    return operation;
  }

  #closeGap(at) {
    this.gap.to = at;
    this.gap.version += 1;
    this.gap = null;
  }

  #trace(id) {
    let trace = this.traces.get(id);
    if (!trace) this.traces.set(id, (trace = { id, operations: new Map(), positions: new Map(), orphans: new Map() }));
    return trace;
  }

  #open(trace, event, compact, now) {
    const operation = {
      type: "operation", key: `${event.trace_id}:${event.operation}`, trace, position: event.operation, id: event.id, events: [],
      sender: compact.sender, pk: event.object_pk, repr: event.object_repr, actor: compact.actor, source: compact.source,
      at: compact.at, kind: "", word: "", pieces: [], parent: null, parentPosition: event.parent_position, children: [],
      via: this.#word(via(event)), rootId: 0, depth: 0, version: 0, born: now, stale: true,
    };
    this.opened += 1;
    trace.operations.set(event.operation, operation);
    this.#link(operation);
    this.operations.insert(operation);
    return operation;
  }

  /** Find the parent by the position it fired at; who has none yet waits for it. */
  #link(operation) {
    const { trace, parentPosition } = operation;
    const parent = parentPosition === null ? null : trace.positions.get(parentPosition);
    if (parent && parent !== operation) {
      operation.parent = parent;
      parent.children.push(operation);
    } else if (parentPosition !== null) {
      const waiting = trace.orphans.get(parentPosition) ?? [];
      trace.orphans.set(parentPosition, [...waiting, operation]);
    }
    this.#place(operation);
  }

  #place(operation) {
    operation.rootId = operation.parent ? operation.parent.rootId : operation.id;
    operation.depth = operation.parent ? operation.parent.depth + 1 : operation.parentPosition === null ? 0 : 1;
  }

  #adopt(trace, position, parent) {
    const waiting = trace.orphans.get(position);
    if (!waiting) return;
    trace.orphans.delete(position);
    for (const child of waiting) {
      if (child === parent) continue;
      this.#move(child, () => {
        child.parent = parent;
        parent.children.push(child);
      });
    }
  }

  /** Change what an operation's place depends on: its rows leave the list, and come back where they belong. */
  #move(operation, change) {
    const rows = this.tree(operation);
    const signals = this.signals ? rows.flatMap((row) => row.events.map((event) => signalRow(row, event))) : [];
    for (const row of rows) this.operations.remove(row);
    for (const row of signals) this.signals.remove(row);
    change();
    for (const row of rows) this.#place(row);
    for (const row of rows) {
      row.version += 1;
      this.operations.insert(row);
    }
    for (const row of signals) this.signals.insert(row);
  }

  #keepWhole(event) {
    this.whole.set(event.id, event);
    if (this.whole.size > this.recent) this.whole.delete(this.whole.keys().next().value);
  }

  /** What the row says, from the last event of the operation that is known. */
  #refresh(operation) {
    if (!operation.stale || operation.gone) return;
    operation.stale = false;
    const told = operation.events.findLast((e) => e.outcome !== "committed") ?? operation.events.at(-1);
    const event = this.whole.get(told.id);
    const before = operation.kind;
    operation.kind = told.kind;
    operation.word = told.word;
    operation.at = operation.events[0].at;
    operation.version += 1;
    if (event) {
      operation.pieces = summary(event);
      operation.repr = event.object_repr;
      operation.pk = event.object_pk;
      operation.actor = this.#word(event.actor_repr || event.actor_pk);
    }
    if (before !== operation.kind) this.onKind(operation, before, operation.kind);
  }

  #evict(events) {
    let gone = 0;
    const leaving = this.operations.takeOldest((row) => (gone < events ? ((gone += row.events?.length ?? 0), true) : false));
    for (const row of leaving) {
      row.gone = true;
      if (row.type === "gap") continue;
      if (row.parent) row.parent.children = row.parent.children.filter((child) => child !== row);
      for (const event of row.events) {
        this.byId.delete(event.id);
        this.whole.delete(event.id);
        this.facets.add(event, -1);
        row.trace.positions.delete(event.position);
      }
      for (const child of row.children) child.parent = null;
      row.trace.operations.delete(row.position);
      if (!row.trace.operations.size) this.traces.delete(row.trace.id);
    }
    this.signals?.takeOldest((row) => row.gone || row.operation?.gone);
  }
}
