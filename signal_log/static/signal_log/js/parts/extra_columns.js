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
  took: (row, said) => (row.event ? "" : taken(row.ordered ?? row.run ?? [said])),
};

/**
 * From the first signal to the last; a single signal has no duration.
 * @param {Operation[]} operations
 */
function taken(operations) {
  const events = operations.flatMap((one) => one.events);
  if (events.length < 2) return "";
  const times = events.map(({ at }) => at);
  return duration(Math.round((Math.max(...times) - Math.min(...times)) * 1000));
}
