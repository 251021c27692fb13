// The live page: wires its parts together and handles input.

import { addAll, needTimes, remove, toWire } from "./events/filters.js";
import { given, lately, ranged } from "./events/range.js";
import { openHelp } from "./lib/help.js";
import { listen } from "./lib/keys.js";
import * as actions from "./page/actions.js";
import * as arrivals from "./page/arrivals.js";
import { went } from "./page/back.js";
import { completing } from "./page/completing.js";
import { exportMenu } from "./page/export_menu.js";
import { viewMenu } from "./page/menu.js";
import { historyFrom, olderLoaders, understand } from "./page/past.js";
import { controls, heads, renderAll, renderSoon, table, tick } from "./page/screen.js";
import {
  $,
  activeFilters,
  announcer,
  ask,
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
import { searchBox } from "./parts/search.js";
import { Polling } from "./server/polling.js";
import { SharedViews } from "./server/shared.js";
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
page.polling = new Polling({
  ask,
  query: () => toWire(activeFilters()),
  timed: () => needTimes(activeFilters()),
  backfill: config.backfill,
  handlers: arrivals.polled,
});
page.past = olderLoaders((which, operations, answer) => {
  if (answer && which !== stream) understand(answer);
  if (answer?.unmatched?.length) state.unmatched = answer.unmatched;
  if (operations.size && which === store) actions.found(operations);
  renderSoon();
});
page.past.reset();
const parts = {
  form: $("query"),
  input: $("search"),
  list: $("completions"),
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
  known: completing(() => page.search.learned()),
  say: (words) => announcer.say(words),
});

if ($("export-open")) exportMenu($("export-open"), $("export-menu"), { query: historyFrom, link: links.history });
viewMenu($("view-open"), $("view-menu"), {
  views,
  display,
  shared: new SharedViews(links.shared, $("view-menu").dataset.token ?? ""),
  open: actions.open,
  look: actions.look,
  presets: config.presets,
  arrange: actions.columns,
  columns: () => state.columns,
  fits: (name) => heads.fits(name),
  query: () => toView({ ...state, event: 0 }),
  last: (minutes) => actions.during(lately(minutes)),
  show: (from, to) => actions.during(given(from, to)),
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
  "?": () => openHelp($("keys")),
});
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
  page.polling.show(!document.hidden);
  tick();
  renderAll();
});
setInterval(tick, 1000);
table.mode = state.mode;
remember(); // put the default view in the address too
actions.unread(opened);
page.connection.start();
renderAll();
