// The events around one event, whatever the filters, added to the list dimmed.

import { Store } from "../events/store.js";
import { ask, state, store } from "./state.js";

/** @import { Operation } from "../events/types.js" */

const EACH_WAY = 20;

/**
 * The rows around an event that are not in the list yet, from a store of their own, and whether there are others.
 * @param {number} id
 */
export async function around(id) {
  const [older, newer] = await Promise.all([
    ask({ before: id + 1, size: EACH_WAY + 1 }),
    ask({ after: id, size: EACH_WAY }),
  ]);
  const near = new Store();
  near.show(state.list);
  near.add([...newer.events, ...older.events].reverse());
  const operations = near.operations.rows.filter((one) => one.type === "operation");
  const others = operations.filter((one) => one.events.every(({ id: own }) => !store.operationOf(own)));
  const rows = [...new Set(others.flatMap((one) => near.rowsOf(one)))];
  for (const row of rows) row.dim = true;
  for (const one of others) one.home = near;
  return { rows, alone: operations.length < 2 };
}

/**
 * Loads the full events of an operation that the page holds only as a row.
 * @param {Operation} operation
 */
export async function recall(operation) {
  if (operation.home || operation.asked || operation.events.some(({ id }) => store.event(id))) return false;
  operation.asked = true;
  const { events } = await ask({ trace: operation.trace.id, after: operation.events[0].id - 1, size: 500 });
  store.recall(events);
  return true;
}
