// What every page has: the palette, loaded when it is first opened, and the list that an event is opened from.

import { keepLists } from "./lib/came.js";
import { Later } from "./lib/later.js";
import { say } from "./lib/status.js";
import { listenForWays, reach } from "./lib/ways.js";

/** @import { Menu } from "./lib/ways.js" */

const find = document.querySelector("script[data-find]")?.getAttribute("data-find") ?? "";
const loaded = new Later(() => import("./lib/palette.js"), say);
/** Opens the palette, with what is typed until it is there: those keys are no shortcuts of the page. */
async function palette() {
  let typed = "";
  /** @param {KeyboardEvent} event */
  const hold = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Backspace") typed = typed.slice(0, -1);
    else if (event.key.length === 1) typed += event.key;
    else if (event.key !== "Enter") return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  addEventListener("keydown", hold, true);
  const part = await loaded.need();
  removeEventListener("keydown", hold, true);
  part?.toggle(find, typed);
}

addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== "k") return;
  event.preventDefault();
  palette();
});
for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-palette]"))) {
  button.hidden = false;
  button.addEventListener("click", palette);
}
keepLists("[data-walk], .story, .falls");

/** The row with the focus, else the first; an operation of a story shows its values once it is open. */
function rowOfKey() {
  const row = document.activeElement?.closest("tbody tr, .story > li, dl, section, aside");
  const found = row ?? document.querySelector("[data-walk] > tbody > tr:not(.day)") ?? document.querySelector("main");
  const line = found?.matches(".story > li") ? found.querySelector("details") : null;
  if (line) line.open = true;
  return found;
}

/** @type {Promise<Menu> | undefined} */
let menu;
// A list of several logs is asked again itself; all other pages ask the history.
const asked = document.querySelector("[data-asks]")?.getAttribute("data-asks") ?? find;

// The live page asks about values itself.
if (find && !document.querySelector("body.live")) {
  reach();
  listenForWays({
    load: () => {
      menu ??= import("./ways/history.js").then(({ waysTo }) => waysTo(asked));
      return menu;
    },
    row: rowOfKey,
  });
}
