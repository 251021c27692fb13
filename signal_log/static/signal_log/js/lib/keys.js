// The keyboard: one key, one deed; silent while somebody types.

export const HELP = [
  ["/", "search"],
  ["j k", "next, previous"],
  ["Enter", "open the whole event"],
  ["Esc", "close the panel and follow on"],
  ["f", "follow"],
  ["p", "pause"],
  ["Space", "pause or follow"],
  ["g G", "newest, oldest"],
  ["→ ←", "open, close a cascade"],
  ["n", "next one that was not committed"],
  ["x", "20 events before and after"],
  ["c", "cascades or operations"],
  ["e", "every signal or operations"],
  ["t", "local time, UTC, relative"],
  ["d", "dense or roomy rows"],
  ["y", "copy the link of the event"],
  ["?", "these keys"],
];

const typing = (target) => target.closest?.("input, textarea, select, [contenteditable]");
const pressing = (target) => target.closest?.("button, a, summary, dialog");

/** `deeds` maps a key to what it does; returns nothing, listens for as long as the page lives. */
export function listen(deeds, root = document) {
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const { key, target } = event;
    if (typing(target) && key !== "Escape") return;
    if ((key === "Enter" || key === " ") && pressing(target)) return;
    const deed = deeds[key];
    if (!deed || document.querySelector("dialog[open], :popover-open")) return; // theirs are the keys, Escape first
    if (deed(event) !== false) event.preventDefault();
  });
}
