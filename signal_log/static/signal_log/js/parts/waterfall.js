// A cascade as bars on one time axis: each operation, its signals, their receivers, and what those set off.

import { action, modelName, objectName } from "../events/kinds.js";
import { duration, lastPart, line } from "../lib/text.js";
import { micros } from "../lib/time.js";

/** @import { Operation, Run, SignalEvent } from "../events/types.js" */

/**
 * @typedef {object} Bar
 * @property {string} name
 * @property {number} depth
 * @property {string} kind
 * @property {number} start
 * @property {number} length
 * @property {number} [id]
 * @property {boolean} [here]
 * @property {boolean} [endless] nobody knows how long it took
 * @property {string} [error]
 */

/** @typedef {[from: number, length: number]} Axis */
/** @typedef {(id: number) => SignalEvent | undefined} EventOf */
/** @typedef {(id: number) => Run[]} RunsOf The calls of an event's receivers, as far as they are known here. */

/**
 * In microseconds, in order of time.
 * @param {Operation[]} tree
 * @param {EventOf} eventOf
 * @param {Operation | null} here
 * @param {RunsOf} [runsOf]
 */
export function bars(tree, eventOf, here, runsOf = () => []) {
  const top = tree[0];
  /** @type {Bar[]} */
  const found = [];
  /** @type {Map<number | null, Operation[]>} */
  const children = new Map();
  for (const operation of tree) {
    if (operation === top) continue;
    const at = operation.parentPosition;
    children.set(at, [...(children.get(at) ?? []), operation]);
  }
  /**
   * Adds a bar that is as long as what is drawn inside it, at least.
   * @type {(bar: Bar, inside: () => void) => void}
   */
  const around = (bar, inside) => {
    const index = found.push(bar);
    inside();
    const ends = found.slice(index).map(({ start, length }) => start + length);
    bar.length = Math.max(bar.start + bar.length, ...ends) - bar.start;
  };
  /** @type {(operation: Operation, depth: number) => void} */
  const walk = (operation, depth) => {
    const events = operation.events.map((e) => eventOf(e.id)).filter((event) => event !== undefined);
    if (!events.length) return;
    const start = micros(events[0].occurred_at);
    const last = events[events.length - 1];
    const bar = {
      name: `${action(last)} ${modelName(operation.sender)} ${objectName(operation.repr, operation.pk)}`,
      depth,
      kind: operation.kind,
      start,
      length: Math.max(...events.map((e) => micros(e.occurred_at))) - start,
      id: last.id,
      here: operation === here,
      endless: isEndless(last),
    };
    around(bar, () => {
      for (const event of events) signal(event, depth + 1);
    });
  };
  /** @type {(event: SignalEvent, depth: number) => void} */
  const signal = (event, depth) => {
    const within = [...(children.get(event.position) ?? [])];
    const runs = runsOf(event.id);
    if (!runs.length && !within.length) return;
    const start = micros(event.occurred_at);
    around({ name: lastPart(event.signal), depth, kind: "about", start, length: 0, id: event.id }, () => {
      for (const run of runs) {
        const mine = within.filter((one) => caused(one, eventOf) === run.receiver);
        for (const one of mine) within.splice(within.indexOf(one), 1);
        receiver(run.receiver, depth + 1, start + run.started_us, run.duration_us, mine, run.error);
      }
      for (const name of new Set(within.map((one) => caused(one, eventOf)))) {
        const mine = within.filter((one) => caused(one, eventOf) === name);
        const first = eventOf(mine[0].events[0].id);
        receiver(name ?? "", depth + 1, first ? micros(first.occurred_at) : start, 0, mine);
      }
    });
  };
  /** @type {(name: string, depth: number, start: number, length: number, set: Operation[], error?: string) => void} */
  const receiver = (name, depth, start, length, set, error) => {
    around({ name, depth, kind: "receiver", start, length, error }, () => {
      for (const one of set) walk(one, depth + 1);
    });
  };
  walk(top, 0);
  return found;
}

/**
 * Whether its operation failed before its second signal, which would have told how long it took.
 * @type {(event: SignalEvent) => boolean}
 */
const isEndless = ({ signal, outcome }) => outcome === "failed" && signal.startsWith("pre_");

/** @type {(operation: Operation, eventOf: EventOf) => string | undefined} */
const caused = (operation, eventOf) => eventOf(operation.events[0].id)?.caused_by;

/**
 * The axis that all bars fit into, as [from, length].
 * @param {Bar[]} list
 * @returns {Axis}
 */
export function axis(list) {
  const from = Math.min(...list.map((bar) => bar.start));
  const to = Math.max(...list.map((bar) => bar.start + bar.length));
  return [from, Math.max(1, to - from)];
}

/**
 * The style of one bar, in per cent of the axis.
 * @param {Bar} bar
 * @param {Axis} axis
 */
export function extent({ start, length }, [from, whole]) {
  const x = Math.min(99, (100 * (start - from)) / whole);
  return { "--x": `${x.toFixed(2)}%`, "--w": `${Math.min(100 - x, (100 * length) / whole).toFixed(2)}%` };
}

/** @type {(bar: Bar) => string} */
export const label = (bar) => line(bar.name, 120) + (bar.endless ? "" : `, ${duration(bar.length)}`);
