// The view in the address bar: filters, folding and the open event, so that a link shows the same.

import { fromQuery, toQuery } from "./filters.js";

export function readView(query) {
  const given = new URLSearchParams(query);
  return {
    filters: fromQuery(query),
    unfolded: given.get("view") === "signals",
    event: Number.parseInt(given.get("event") ?? "", 10) || 0,
  };
}

/** A change of filters is a step one can go back from; the rest only rewrites the address. */
export function writeView({ filters, unfolded, event }, push) {
  const query = toQuery(filters);
  if (unfolded) query.set("view", "signals");
  if (event) query.set("event", String(event));
  const text = query.toString();
  const url = location.pathname + (text ? `?${text}` : "");
  if (url === location.pathname + location.search) return;
  if (push) history.pushState(null, "", url);
  else history.replaceState(null, "", url);
}
