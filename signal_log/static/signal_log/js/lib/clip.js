// Texts to take away: an event as JSON, as a line of Python, as a link.

/** Puts text on the clipboard; says whether it got there. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // no permission, or a page without TLS
  }
}

function copyBySelection(text) {
  const area = document.createElement("textarea");
  area.className = "sr-only";
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

export const asJson = (event) => JSON.stringify(event, null, 2);

/** `User.objects.get(pk="1")`, quoted so that no key can be anything but a text. */
export const asOrm = ({ sender, object_pk: pk }) => `${sender.split(".").at(-1)}.objects.get(pk=${JSON.stringify(pk)})`;

/** The same difference as a table for a ticket. */
export function asMarkdown(event, url) {
  const cell = (value) => `\`${JSON.stringify(value).replaceAll("`", "ʼ").replaceAll("|", "\\|")}\``;
  const rows = Object.entries(event.changes ?? {}).map(
    ([name, [old, now]]) => `| ${name} | ${cell(old)} | ${cell(now)} |`,
  );
  const what = `**${event.signal}** ${event.sender} ${event.object_pk} (${event.outcome})`;
  const head = `${what} by ${event.actor_repr || "nobody"}, ${event.occurred_at}`;
  return [head, url, "", "| field | old | new |", "| --- | --- | --- |", ...rows].join("\n");
}
