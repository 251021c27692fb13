// What every page has: the palette, loaded when it is first opened, and the list that an event is opened from.

import { keepLists } from "./lib/came.js";
import { Later } from "./lib/later.js";
import { say } from "./lib/status.js";

const find = document.querySelector("script[data-find]")?.getAttribute("data-find") ?? "";
const loaded = new Later(() => import("./lib/palette.js"), say);
const palette = async () => (await loaded.need())?.toggle(find);

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
