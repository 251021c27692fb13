// The row that stands where events are missing.

import { minute } from "../lib/time.js";

/** What a gap row says. */
export function gapWords({ reason, from, to }, mode) {
  if (reason !== "expired") return "The log was replaced here: rows below are from a different log";
  const span = from && to ? `${minute(from, mode)}–${minute(to, mode)} ` : from ? `from ${minute(from, mode)} ` : "";
  return `${span}no longer retained`;
}
