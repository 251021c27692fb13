// The state of the connection in words. Pure.

import { count, plural } from "../lib/text.js";
import { ago, minute, span } from "../lib/time.js";

/** @import { Mode } from "../lib/time.js" */

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
 * @property {boolean} [filtered]
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
export function words({
  name,
  again,
  until,
  catching,
  trouble,
  following,
  ranged,
  fresh,
  lastAt,
  now,
  offline,
  filtered,
}) {
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
  if (!lastAt) return [tone, `${live} · ${filtered ? "no match" : "no events"} yet`];
  const age = now - lastAt;
  return [tone, `${live} · ${age > QUIET ? `quiet for ${span(age)}` : ago(age)}`];
}

/** @param {string} name of the connection's state */
export const isConnected = (name) => name === "live" || name === "polling";

/**
 * Whether events may be missing, as the status bar says it.
 * @param {{ name: string, brokenAt?: number, lost: string, recovered: number, catching: number | null,
 *           since: number, mode: Mode, now: number }} standing `brokenAt` is when the connection broke
 * @returns {{ tone: "bad" | "good" | "", said: string }}
 */
export function kept({ name, brokenAt, lost, recovered, catching, since, mode, now }) {
  if (lost) return { tone: "bad", said: `! ${lost}` };
  if (FINAL[name] || !since) return { tone: "", said: "" };
  if (!isConnected(name))
    return {
      tone: "bad",
      said: `not connected since ${minute(brokenAt || since, mode, now)}, later events are missing`,
    };
  if (catching !== null) return { tone: "", said: "filling in what was missed" };
  if (recovered) return { tone: "good", said: `✓ recovered ${plural(recovered, "event")}` };
  return { tone: "", said: `nothing missed since ${minute(since, mode, now)}` };
}
