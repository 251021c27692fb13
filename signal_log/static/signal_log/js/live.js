// The live page: wires its parts together and handles input.

import { addAll, remove, toWire } from "./events/filters.js";
import { given, lately, ranged } from "./events/range.js";
import { listen } from "./lib/keys.js";
import { Later } from "./lib/later.js";
import { listenForWays } from "./lib/ways.js";
import * as actions from "./page/actions.js";
import * as arrivals from "./page/arrivals.js";
import { went } from "./page/back.js";
import { historyFrom, olderLoaders, understand } from "./page/past.js";
import { opens } from "./page/popover.js";
import { controls, heads, openHelp, renderAll, renderSoon, table, tick } from "./page/screen.js";
import {
  $,
  activeFilters,
  announcer,
  config,
  display,
  eventIdOf,
  links,
  opened,
  page,
  remember,
  state,
  store,
  stream,
  views,
} from "./page/state.js";
import { toView } from "./page/view.js";
import { loadWays, rowOfKey, waysNear } from "./page/ways.js";
import { searchBox } from "./parts/search.js";
import { Connection } from "./server/socket.js";

/** @import { Filter } from "./events/filters.js" */
/** @import { Row } from "./events/types.js" */
/** @import { ListName } from "./page/view.js" */

Object.assign(controls, actions, {
  remove: (/** @type {Filter} */ filter) => actions.change(remove(state.filters, filter)),
});
page.connection = new Connection({
  url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${config.socket}`,
  backfill: config.backfill,
  filters: () => toWire(activeFilters()),
  handlers: arrivals.handlers,
});
page.past = olderLoaders((which, operations, answer) => {
  if (answer && which !== stream) understand(answer);
  if (answer?.unmatched?.length) state.unmatched = answer.unmatched;
  if (operations.size && which === store) actions.found(operations);
  renderSoon();
});
page.past.reset();
const completing = new Later(() => import("./page/completing.js"));
const parts = {
  form: $("query"),
  input: $("search"),
  mirror: $("search-mirror"),
  said: $("search-problem"),
};
page.search = searchBox(parts, {
  typed: (filters) => {
    state.typed = filters;
    actions.change(state.filters);
  },
  entered: ({ filters, since, until }) => {
    state.typed = [];
    actions.change(addAll(state.filters, filters), { range: ranged(since, until) ?? state.range });
  },
  completed: async (changed) => (await completing.need())?.completing(changed) ?? null,
  say: (words) => announcer.say(words),
});

const exporting = new Later(() => import("./page/export_menu.js"), actions.toast);
const menu = new Later(() => import("./page/menu.js"), actions.toast);
/** @type {(part: { fill: Function } | null, ...of: unknown[]) => boolean} */
const filled = (part, ...of) => {
  part?.fill(...of);
  return part !== null;
};
if ($("export-open"))
  opens($("export-open"), $("export-menu"), {
    fill: async () => filled(await exporting.need(), $("export-menu"), { query: historyFrom, link: links.history }),
  });
const viewMenu = {
  views,
  display,
  open: actions.open,
  look: actions.look,
  presets: config.presets,
  arrange: actions.columns,
  columns: () => state.columns,
  fits: (/** @type {string} */ name) => heads.fits(name),
  query: () => toView({ ...state, event: 0 }),
  last: (/** @type {number} */ minutes) => actions.during(lately(minutes)),
  show: (/** @type {Date | null} */ from, /** @type {Date | null} */ to) => actions.during(given(from, to)),
};
opens($("view-open"), $("view-menu"), {
  fill: async () => filled(await menu.need(), $("view-menu"), viewMenu),
  closed: () => menu.part?.forget(),
});

$("tools").hidden = $("panes").hidden = $("state").hidden = false;
$("follow").onclick = () => (state.following ? actions.pause("reader") : actions.follow());
$("new").onclick = actions.follow;
for (const button of $("lists").querySelectorAll("button"))
  button.onclick = () => actions.list(/** @type {ListName} */ (button.value));
$("clock").onclick = actions.retime;
$("facets-open").onclick = () => actions.facetsDrawer();
/** @param {Row} row */
const linkOf = (row) => new URL(links.event(eventIdOf(row)), location.href).href;
listen({
  "/": () => page.search.focus(),
  j: () => actions.step(1),
  k: () => actions.step(-1),
  ArrowDown: () => actions.step(1),
  ArrowUp: () => actions.step(-1),
  ArrowRight: () => actions.toggle(state.picked, true),
  ArrowLeft: () => actions.toggle(state.picked, false),
  ".": actions.across,
  F6: actions.across,
  o: () => state.picked ?? actions.step(1),
  Enter: () => state.picked && location.assign(linkOf(state.picked)),
  Escape: (event) => (page.search.leave(event) ? undefined : actions.leave()),
  f: actions.follow,
  p: () => actions.pause("reader"),
  " ": () => $("follow").click(),
  g: actions.follow,
  Home: actions.follow,
  G: () => table.toOldest(),
  End: () => table.toOldest(),
  e: () => actions.list(state.list === "signals" ? "operations" : "signals"),
  c: () => actions.list(state.list === "cascades" ? "operations" : "cascades"),
  t: actions.retime,
  d: actions.density,
  n: actions.nextError,
  x: actions.context,
  y: () => state.picked && actions.copyText(linkOf(state.picked), "Link"),
  "-": () => $("zoom-out").click(),
  "+": () => $("zoom-in").click(),
  "?": openHelp,
});
listenForWays({ load: loadWays, near: waysNear, row: rowOfKey });
addEventListener("popstate", went);
document.addEventListener("pointerdown", ({ target }) => {
  const outside = target instanceof Element && !target.closest("#facets, #facets-open");
  if (outside && $("facets").classList.contains("open")) actions.facetsDrawer(false);
});
addEventListener("online", () => {
  page.connection.reconnect();
  page.connection.probe();
});
addEventListener("offline", () => {
  page.connection.probe();
  renderAll();
});
document.addEventListener("visibilitychange", () => {
  state.begunAtHide = stream.begun;
  page.polling?.show(!document.hidden);
  tick();
  renderAll();
});
setInterval(tick, 1000);
table.mode = state.mode;
remember(); // put the default view in the address too
actions.unread(opened);
actions.needList();
page.connection.start();
renderAll();
