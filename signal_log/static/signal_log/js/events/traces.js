// Links operations to their causes by position within a trace, in any order of arrival.

/** @import { Operation, Trace } from "./types.js" */

export class Traces {
  /**
   * `move(operation, change)` makes a change that the order of an operation and its descendants depends on.
   * @param {(operation: Operation, change: () => void) => void} move
   */
  constructor(move) {
    this.move = move;
    /** @type {Map<string, Trace>} */
    this.byId = new Map();
  }

  /**
   * @param {string} id
   * @returns {Trace}
   */
  of(id) {
    let trace = this.byId.get(id);
    if (!trace) {
      trace = { id, operations: new Map(), positions: new Map(), orphans: new Map() };
      this.byId.set(id, trace);
    }
    return trace;
  }

  /**
   * Finds the parent by the position it fired at; an operation whose parent is not known yet waits.
   * @param {Operation} operation
   */
  link(operation) {
    const { trace, parentPosition } = operation;
    trace.operations.set(operation.position, operation);
    const parent = parentPosition === null ? null : trace.positions.get(parentPosition);
    if (parent && parent !== operation) {
      operation.parent = parent;
      parent.children.push(operation);
    } else if (parentPosition !== null) {
      const waiting = trace.orphans.get(parentPosition) ?? [];
      trace.orphans.set(parentPosition, [...waiting, operation]);
    }
    place(operation);
  }

  /**
   * A signal of an operation arrived: the operations waiting for it become its children.
   * @param {Operation} operation
   * @param {number} position
   */
  known(operation, position) {
    const { positions, orphans } = operation.trace;
    positions.set(position, operation);
    const waiting = orphans.get(position);
    if (!waiting) return;
    orphans.delete(position);
    for (const child of waiting) {
      if (child === operation) continue;
      this.move(child, () => {
        child.parent = operation;
        operation.children.push(child);
      });
    }
  }

  /**
   * Removes an operation that was evicted.
   * @param {Operation} operation
   */
  forget(operation) {
    const { trace, parent } = operation;
    if (parent) parent.children = parent.children.filter((child) => child !== operation);
    for (const child of operation.children) child.parent = null;
    for (const event of operation.events) trace.positions.delete(event.position);
    trace.operations.delete(operation.position);
    if (!trace.operations.size) this.byId.delete(trace.id);
  }
}

/** @param {Operation} operation */
export function place(operation) {
  operation.rootId = operation.parent ? operation.parent.rootId : operation.id;
  operation.depth = operation.parent ? operation.parent.depth + 1 : operation.parentPosition === null ? 0 : 1;
}

/**
 * An operation and its descendants, in order of position.
 * @param {Operation} operation
 * @returns {Operation[]}
 */
export function tree(operation) {
  const all = [operation, ...operation.children.flatMap((child) => tree(child))];
  return all.sort((a, b) => a.position - b.position);
}
