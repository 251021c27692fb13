// The compact forms that the page keeps: an event without its values, and the operation that its first event begins.

import { line } from "../lib/text.js";
import { micros } from "../lib/time.js";
import { begunBy, kindOf, reprOf, wordOf } from "./kinds.js";

/** @import { Operation, Outcome, ShortEvent, SignalEvent, Trace } from "./types.js" */

/** @typedef {(text: string) => string} Share Returns one string for equal texts. */

/** @type {(event: SignalEvent) => string} */
const via = (event) => line(begunBy(event));

/**
 * The object whose deletion an event belongs to, cascaded deletes included.
 * @type {(event: SignalEvent) => string}
 */
const originOf = ({ signal, origin }) =>
  signal.endsWith("_delete") && origin?.pk !== undefined ? `${origin.model}/${origin.pk}` : "";

/**
 * What is kept of every event; the newest are kept in full besides.
 * @param {SignalEvent} event
 * @param {Share} share
 * @returns {ShortEvent}
 */
export function compactEvent(event, share) {
  return {
    id: event.id,
    signal: share(event.signal),
    sender: share(event.sender),
    actor: share(event.actor_repr || event.actor_pk),
    outcome: /** @type {Outcome} */ (share(event.outcome)),
    source: share(event.source),
    position: event.position,
    at: micros(event.occurred_at) / 1000,
    kind: kindOf(event),
    word: wordOf(event),
  };
}

/**
 * A new operation, begun by the first event of it that arrived; not yet linked to its trace.
 * @param {Trace} trace
 * @param {SignalEvent} event
 * @param {ShortEvent} compact
 * @param {number} now
 * @param {Share} share
 * @returns {Operation}
 */
export function newOperation(trace, event, compact, now, share) {
  return {
    type: "operation",
    key: `${event.trace_id}:${event.operation}`,
    trace,
    position: event.operation,
    id: event.id,
    events: [],
    sender: compact.sender,
    pk: event.object_pk,
    repr: reprOf(event),
    actor: compact.actor,
    source: compact.source,
    at: compact.at,
    kind: "",
    word: "",
    pieces: [],
    parent: null,
    parentPosition: event.parent_position,
    children: [],
    via: share(via(event)),
    origin: originOf(event),
    rootId: 0,
    depth: 0,
    version: 0,
    born: now,
    stale: true,
  };
}
