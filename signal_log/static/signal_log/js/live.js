// The live page: wires its parts together and handles input.

import { add, remove, toWire } from "./events/filters.js";
import { given, lately } from "./events/range.js";
import { openHelp } from "./lib/help.js";
import { listen } from "./lib/keys.js";
import * as reader from "./page/actions.js";
import * as arrivals from "./page/arrivals.js";
import { viewMenu } from "./page/menu.js";
import { understand, waysBack } from "./page/past.js";
import { all, deeds, heads, soon, table, tick } from "./page/screen.js";
import {
  $,
  config,
  display,
  eventIdOf,
  inForce,
  links,
  now,
  page,
  remember,
  state,
  store,
  stream,
  views,
} from "./page/state.js";
import { readView, toView } from "./page/view.js";
import { searchBox } from "./parts/search.js";
import { SharedViews } from "./server/shared.js";
import { Connection } from "./server/socket.js";

/** @import { Filter } from "./events/filters.js" */
/** @import { Row } from "./events/types.js" */
/** @import { ListName } from "./page/view.js" */

Object.assign(deeds, reader, {
  remove: (/** @type {Filter} */ filter) => reader.change(remove(state.filters, filter)),
});
page.connection = new Connection({
  url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${config.socket}`,
  backfill: config.backfill,
  filters: () => toWire(inForce()),
  handlers: arrivals.handlers,
});
page.past = waysBack((which, operations, answer) => {
  if (answer && which !== stream) understand(answer);
  if (operations.size && which === store) reader.found(operations);
  soon();
});
page.past.reset();
page.search = searchBox($("query"), $("search"), {
  typed: (filter) => {
    state.typed = filter;
    reader.change(state.filters);
  },
  entered: (filter) => {
    state.typed = null;
    reader.change(add(state.filters, filter));
  },
});

viewMenu($("view-open"), $("view-menu"), {
  views,
  display,
  shared: new SharedViews(links.shared, $("view-menu").dataset.token ?? ""),
  open: reader.open,
  look: reader.look,
  arrange: reader.columns,
  columns: () => state.columns,
  fits: (name) => heads.fits(name),
  query: () => toView({ ...state, event: 0 }),
  last: (minutes) => reader.during(lately(minutes * 60_000, now())),
  show: (from, to) => reader.during(given(from, to)),
});

$("tools").hidden = $("panes").hidden = false;
$("follow").onclick = () => (state.following ? reader.pause("reader") : reader.follow());
$("new").onclick = reader.follow;
for (const button of $("lists").querySelectorAll("button"))
  button.onclick = () => reader.list(/** @type {ListName} */ (button.value));
$("clock").onclick = reader.retime;
$("facets-open").onclick = () => reader.facetsDrawer();
/** @param {Row} row */
const linkOf = (row) => new URL(links.event(eventIdOf(row)), location.href).href;
listen({
  "/": () => page.search.focus(),
  j: () => reader.step(1),
  k: () => reader.step(-1),
  ArrowDown: () => reader.step(1),
  ArrowUp: () => reader.step(-1),
  ArrowRight: () => reader.toggle(state.picked, true),
  ArrowLeft: () => reader.toggle(state.picked, false),
  Enter: () => state.picked && location.assign(linkOf(state.picked)),
  Escape: (event) => (page.search.leave(event) ? undefined : reader.leave()),
  f: reader.follow,
  p: () => reader.pause("reader"),
  " ": () => $("follow").click(),
  g: reader.follow,
  Home: reader.follow,
  G: () => table.toEnd(),
  End: () => table.toEnd(),
  e: () => reader.list(state.list === "signals" ? "operations" : "signals"),
  c: () => reader.list(state.list === "cascades" ? "operations" : "cascades"),
  t: reader.retime,
  d: reader.density,
  n: reader.nextError,
  x: reader.context,
  y: () => state.picked && reader.take(linkOf(state.picked), "Link"),
  "?": () => openHelp($("keys")),
});
addEventListener("popstate", () => {
  const view = readView(location.search);
  Object.assign(state, { typed: null, picked: null, wanted: view.event, list: view.list });
  page.search.empty();
  stream.show(view.list);
  reader.showColumns(view.columns);
  reader.change(view.filters, { range: view.range, step: false });
});
document.addEventListener("pointerdown", ({ target }) => {
  const outside = target instanceof Element && !target.closest("#facets, #facets-open");
  if (outside && $("facets").classList.contains("open")) reader.facetsDrawer(false);
});
addEventListener("online", () => {
  page.connection.hurry();
  page.connection.probe();
});
addEventListener("offline", () => {
  page.connection.probe();
  all();
});
document.addEventListener("visibilitychange", () => {
  state.takenAtHide = stream.taken;
  tick();
  all();
});
setInterval(tick, 1000);
table.mode = state.mode;
remember(); // put the default view in the address too
page.connection.start();
all();
