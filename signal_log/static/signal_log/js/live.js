// The live page: puts its parts together and listens to the reader.

import * as arrivals from "./arrivals.js";
import { add, toWire } from "./filters.js";
import { openHelp } from "./help.js";
import { listen } from "./keys.js";
import { $, config, inForce, links, page, state, store } from "./page.js";
import * as reader from "./reader.js";
import { all, deeds, table, tick } from "./screen.js";
import { searchBox } from "./search.js";
import { Connection } from "./socket.js";
import { readView } from "./view.js";

Object.assign(deeds, reader);
page.connection = new Connection({
  url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${config.socket}`,
  backfill: config.backfill,
  filters: () => toWire(inForce()),
  handlers: arrivals.handlers,
});
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

$("tools").hidden = $("panes").hidden = false;
$("follow").onclick = () => (state.following ? reader.pause("reader") : reader.follow());
$("new").onclick = reader.follow;
$("fold").onclick = () => reader.unfold(false);
$("unfold").onclick = () => reader.unfold(true);
$("clock").onclick = reader.retime;
$("facets-open").onclick = () => reader.facetsDrawer();
listen({
  "/": () => page.search.focus(), j: () => reader.step(1), k: () => reader.step(-1), ArrowDown: () => reader.step(1), ArrowUp: () => reader.step(-1),
  Enter: () => state.picked && location.assign(links.event(state.picked.event?.id ?? state.picked.events.at(-1).id)),
  Escape: (event) => (page.search.leave(event) ? undefined : reader.escape()), f: reader.follow, p: () => reader.pause("reader"), " ": () => $("follow").click(),
  g: reader.follow, Home: reader.follow, G: () => table.toEnd(), End: () => table.toEnd(), e: () => reader.unfold(!state.unfolded), t: reader.retime, d: reader.density,
  y: () => state.picked && reader.take(new URL(links.event(state.picked.id), location.href).href, "Link"), "?": () => openHelp($("keys")),
});
addEventListener("popstate", () => {
  const view = readView(location.search);
  Object.assign(state, { typed: null, picked: null, wanted: view.event, unfolded: view.unfolded });
  page.search.empty();
  store.unfold(view.unfolded);
  table.pick(null);
  reader.change(view.filters, { step: false });
});
document.addEventListener("pointerdown", ({ target }) => {
  if ($("facets").classList.contains("open") && !target.closest("#facets, #facets-open")) reader.facetsDrawer(false);
});
addEventListener("online", () => page.connection.hurry());
addEventListener("offline", all);
document.addEventListener("visibilitychange", () => {
  state.takenAtHide = store.taken;
  tick();
  all();
});
setInterval(tick, 1000);
page.connection.start();
all();
