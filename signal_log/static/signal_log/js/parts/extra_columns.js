// The text of columns that are off by default, made only while they are shown.

import { duration } from "../lib/text.js";

/** @import { Operation, ToldRow } from "../events/types.js" */

/** @type {Record<string, string>} */
const OUTCOMES = { undone: "rolled back", failed: "failed" };

/** @type {Record<string, (row: ToldRow, said: Operation) => string>} */
export const EXTRA = {
  source: (_row, said) => said.source,
  outcome: (row, said) => OUTCOMES[row.event?.kind ?? said.kind] ?? "committed",
  trace: (_row, said) => said.trace.id.slice(-8),
  took: (row, said) => duration(row.event ? row.event.us : taken(row.ordered ?? row.run ?? [said])),
};

/**
 * From the first signal to the end of the last receiver, in microseconds.
 * @param {Operation[]} operations
 */
function taken(operations) {
  const events = operations.flatMap((one) => one.events);
  if (events.length === 1) return events[0].us;
  const end = Math.max(...events.map(({ at, us }) => at * 1000 + (us ?? 0)));
  return Math.round(end - Math.min(...events.map(({ at }) => at)) * 1000);
}
