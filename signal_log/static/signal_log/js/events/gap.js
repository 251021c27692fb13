// The row that marks missing events.

import { minute } from "../lib/time.js";

/** @import { Mode } from "../lib/time.js" */
/** @import { Gap } from "./types.js" */

/**
 * The text of a gap row.
 * @param {Gap} gap
 * @param {Mode} mode
 */
export function gapWords({ reason, from, to }, mode) {
  if (reason !== "expired") return "The log was replaced here: rows below are from a different log";
  const span = from && to ? `${minute(from, mode)}–${minute(to, mode)} ` : from ? `from ${minute(from, mode)} ` : "";
  return `${span}no longer retained`;
}
