// An event as it is copied: JSON, Markdown or a Django query.

/** @import { SignalEvent } from "../events/types.js" */

const UNKNOWN = '{"unknown":true}';

/** @type {(event: SignalEvent) => string} */
export const asJson = (event) => JSON.stringify(event, null, 2);

/**
 * `User.objects.get(pk="1")`, quoted so that a key can only be a string.
 * @type {(event: SignalEvent) => string}
 */
export const asOrm = ({ sender, object_pk: pk }) => `${sender.split(".").at(-1)}.objects.get(pk=${JSON.stringify(pk)})`;

/** @type {(text: string) => string} */
const quoted = (text) => `\`${text.replaceAll("`", "ʼ").replaceAll("|", "\\|")}\``;

/**
 * The change as a Markdown table, for a ticket, and what has to be said of it.
 * @param {SignalEvent} event
 * @param {string} url
 * @param {string[]} remarks
 */
export function asMarkdown(event, url, remarks = []) {
  /** @type {(value: unknown) => string} */
  const cell = (value) => (JSON.stringify(value) === UNKNOWN ? "unknown" : quoted(JSON.stringify(value)));
  const rows = Object.entries(event.changes ?? {}).map(
    ([name, [old, now]]) => `| ${name} | ${cell(old)} | ${cell(now)} |`,
  );
  const what = `**${event.signal}** ${event.sender} ${event.object_pk} (${event.outcome})`;
  const head = `${what} by ${event.actor_repr || "nobody"}, ${event.occurred_at}`;
  return [head, url, ...remarks.map(quoted), "", "| field | old | new |", "| --- | --- | --- |", ...rows].join("\n");
}
