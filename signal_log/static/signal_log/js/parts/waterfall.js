// A cascade as bars on one time axis: each operation, its signals, their receivers, and what those set off.

import { action, modelName, objectName } from "../events/kinds.js";
import { duration, lastPart, line } from "../lib/text.js";
import { micros } from "../lib/time.js";

/** @import { Operation, SignalEvent } from "../events/types.js" */

/**
 * @typedef {object} Bar
 * @property {string} name
 * @property {number} depth
 * @property {string} kind
 * @property {number} start
 * @property {number} length
 * @property {number} [id]
 * @property {boolean} [here]
 * @property {string} [error]
 */

/** @typedef {[from: number, length: number]} Axis */
/** @typedef {(id: number) => SignalEvent | undefined} EventOf */

/**
 * In microseconds, in order of time.
 * @param {Operation[]} tree
 * @param {EventOf} eventOf
 * @param {Operation} here
 */
export function bars(tree, eventOf, here) {
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
  /** @type {(operation: Operation, depth: number) => void} */
  const walk = (operation, depth) => {
    const events = operation.events.map((e) => eventOf(e.id)).filter((event) => event !== undefined);
    if (!events.length) return;
    const start = micros(events[0].occurred_at);
    const last = events[events.length - 1];
    const end = Math.max(...events.map((e) => micros(e.occurred_at) + (e.duration_us ?? 0)));
    found.push({
      name: `${action(last)} ${modelName(operation.sender)} ${objectName(operation.repr, operation.pk)}`,
      depth,
      kind: operation.kind,
      start,
      length: end - start,
      id: last.id,
      here: operation === here,
    });
    for (const event of events) signal(event, depth + 1);
  };
  /** @type {(event: SignalEvent, depth: number) => void} */
  const signal = (event, depth) => {
    const start = micros(event.occurred_at);
    if (event.receivers?.length || children.has(event.position)) {
      found.push({
        name: lastPart(event.signal),
        depth,
        kind: "about",
        start,
        length: event.duration_us ?? 0,
        id: event.id,
      });
    }
    const within = [...(children.get(event.position) ?? [])];
    let clock = start;
    for (const receiver of event.receivers ?? []) {
      found.push({
        name: receiver.receiver,
        depth: depth + 1,
        kind: "receiver",
        start: clock,
        length: receiver.duration_us ?? 0,
        error: receiver.error,
      });
      clock += receiver.duration_us ?? 0;
      for (const child of within.filter((one) => caused(one, eventOf) === receiver.receiver)) {
        within.splice(within.indexOf(child), 1);
        walk(child, depth + 2);
      }
    }
    for (const child of within) walk(child, depth + 1);
  };
  walk(top, 0);
  return found;
}

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
export const label = (bar) => `${line(bar.name, 120)}, ${duration(bar.length)}`;
