// The state of the connection in words. Pure.

import { count } from "../lib/text.js";
import { ago, span } from "../lib/time.js";

/** @typedef {[tone: "ok" | "wait" | "bad" | "held", words: string]} Said */

/**
 * @typedef {object} Standing of the page to the log
 * @property {string} name of the connection's state
 * @property {boolean} [again]
 * @property {number} [until]
 * @property {number | null} [catching]
 * @property {string} [trouble]
 * @property {boolean} [following]
 * @property {boolean} [ranged]
 * @property {number} [fresh]
 * @property {number} [lastAt]
 * @property {number} now
 * @property {boolean} [offline]
 */

const QUIET = 5 * 60_000;
/** @type {Record<string, Said>} */
const FINAL = {
  "signed-out": ["bad", "Logged out"],
  forbidden: ["bad", "No permission"],
  surplus: ["bad", "Too many live pages"],
};

/**
 * @param {Standing} standing
 * @returns {Said}
 */
export function words({ name, again, until, catching, trouble, following, ranged, fresh, lastAt, now, offline }) {
  if (FINAL[name]) return FINAL[name];
  if (offline && name !== "live" && name !== "polling") return ["bad", "Offline"];
  const wait = until ? `in ${Math.max(1, Math.ceil((until - now) / 1000))} s` : "";
  if (name === "restarting") return ["wait", `Server restarting, retry ${wait}`];
  if (name === "database") return ["bad", `Database unavailable, retry ${wait}`];
  if (name === "reconnecting") return ["wait", `Reconnecting ${wait}`];
  if (trouble) return ["bad", trouble];
  if (name === "connecting") return ["wait", again ? "Reconnecting…" : "Connecting…"];
  if (catching !== null && catching !== undefined) return ["wait", `Catching up ${count(catching)}`];
  if (ranged) return ["held", fresh ? `Time range · ${count(fresh)} new` : "Time range"];
  if (!following) return ["held", fresh ? `Paused · ${count(fresh)} new` : "Paused"];
  /** @type {["ok" | "wait", string]} */
  const [tone, live] = name === "polling" ? ["wait", "Every 2 s"] : ["ok", "Live"];
  if (!lastAt) return [tone, `${live} · no events yet`];
  const age = now - lastAt;
  return [tone, `${live} · ${age > QUIET ? `quiet for ${span(age)}` : ago(age)}`];
}
