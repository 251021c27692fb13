// The few words of the log: what an event did, said as on the server (`show/words/kinds.py`).

import { lastPart } from "../lib/text.js";

/** @import { Kind, SignalEvent, Verb } from "./types.js" */

export const MASK = "••••••••";
/** @type {Map<string, Verb>} a map, as these are looked up by what a host calls its own: perhaps "constructor" */
const ROWS = new Map([
  ["silent_insert", "created"],
  ["silent_delete", "deleted"],
  ["pre_delete", "deleted"],
  ["post_delete", "deleted"],
]);
/** @type {Partial<Record<Verb, string>>} */
const ACTIONS = { created: "save", updated: "save", deleted: "delete", m2m: "m2m", silent: "write" };
/** @type {Partial<Record<Kind, string>>} */
const WORDS = { undone: "rolled back", failed: "failed", m2m: "relation" };
const FEWEST_OF_A_ROW = 2;
const ACCESSED = "accessed"; // somebody was shown the object
const REFUSALS = ["failed", "refused", "denied"]; // how signals are called that tell of something tried in vain
const LOGGED = ["user_logged_in", "user_logged_out"];
const ACCOUNT_NAMES = ["username", "email"];
const SENDERS = new Map([["django.contrib.auth", "account"]]);

/**
 * Whether the host's own code sent the signal; no save or delete did, so it says nothing of the row.
 * @type {(event: SignalEvent) => boolean}
 */
export const isByHand = ({ origin }) => origin?.sent_by_hand === true;

/** @type {(value: unknown) => boolean} */
export const isUnknown = (value) =>
  typeof value === "object" &&
  value !== null &&
  Object.keys(value).length === 1 &&
  /** @type {{ unknown?: unknown }} */ (value).unknown === true;

/**
 * What happened to the row.
 * @param {SignalEvent} event
 * @returns {Verb}
 */
export function verb(event) {
  const { signal, created, changes } = event;
  if (isByHand(event)) return "signal";
  // Before a save nobody knows; a whole row of new values is taken for a new one.
  if (signal === "pre_save" || signal === "post_save")
    return created || (created === null && allNew(changes)) ? "created" : "updated";
  if (signal === "pre_delete" || signal === "post_delete") return "deleted";
  if (signal === "m2m_changed") return "m2m";
  return signal.startsWith("silent_") ? "silent" : "signal";
}

/**
 * The verb, where a silent write that made or removed rows "created" or "deleted" them. A delete signal that was sent
 * by hand tells of the row as a deletion does.
 * @type {(event: SignalEvent) => Verb}
 */
export const effect = (event) => ROWS.get(event.signal) ?? verb(event);

/**
 * Whether the host tells of something that did not come about, such as a log-in: `user_login_failed`.
 * @type {(event: SignalEvent) => boolean}
 */
const isRefusal = (event) =>
  verb(event) === "signal" && REFUSALS.includes(/** @type {string} */ (lastPart(event.signal).split("_").at(-1)));

/**
 * Who logged in or out, or for whom something was tried in vain; nothing where a signal is not about that.
 * @param {SignalEvent} event
 */
export function account(event) {
  if (verb(event) !== "signal" || isByHand(event)) return "";
  if (LOGGED.includes(lastPart(event.signal))) return event.object_repr || event.object_pk;
  return isRefusal(event) ? tried(event.changes) : "";
}

/**
 * The name among a log-in's credentials, of which all else is masked, or among a signal's own arguments.
 * @param {unknown} changes
 * @returns {string}
 */
function tried(changes) {
  const given = new Map(
    (isMapping(changes) ? Object.entries(changes) : []).flatMap(([name, pair]) =>
      Array.isArray(pair) && pair.length > 1 ? [[name, pair[1]]] : [],
    ),
  );
  const credentials = given.get("credentials");
  const names = isMapping(credentials) ? new Map(Object.entries(credentials)) : given;
  const found = ACCOUNT_NAMES.map((key) => names.get(key));
  const open = [...names.values()].filter((one) => one !== MASK);
  if (isMapping(credentials) && open.length === 1) found.push(open[0]);
  return found.find((name) => typeof name === "string" && name !== "" && name !== MASK) ?? "";
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isMapping(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The verb, or about; an outcome that is not committed comes before what was meant.
 * @param {SignalEvent} event
 * @returns {Kind}
 */
export function kindOf(event) {
  if (event.outcome === "failed") return "failed";
  if (event.outcome === "rolled_back") return "undone";
  if (isByHand(event)) return "signal";
  if (event.signal === ACCESSED) return "viewed";
  if (event.signal === "pre_save" || event.signal === "pre_delete") return "about";
  return isRefusal(event) ? "refused" : verb(event);
}

/**
 * The word that stands beside the icon.
 * @param {SignalEvent} event
 * @returns {string}
 */
export function wordOf(event) {
  const kind = kindOf(event);
  if (kind === "about") return event.signal === "pre_save" ? "saving" : "deleting";
  if (kind === "signal" && isByHand(event)) return "sent by hand";
  if (kind === "signal" || kind === "refused") return spoken(event.signal) || "signal";
  return WORDS[kind] ?? kind;
}

/**
 * What was called: save, delete, m2m, write; the name of a signal that is sent by itself.
 * @type {(event: SignalEvent) => string}
 */
export const action = (event) => ACTIONS[verb(event)] ?? lastPart(event.signal);

/**
 * An extra signal as people say it: "logged in" for `django.contrib.auth.signals.user_logged_in`.
 * @type {(signal: string) => string}
 */
const spoken = (signal) =>
  lastPart(signal)
    .replace(/^user_/, "")
    .split("_")
    .map((word) => (word === "login" ? "log-in" : word))
    .join(" ");

/**
 * `auth.User` as people say it: "User".
 * @type {(sender: string) => string}
 */
export const modelName = (sender) => SENDERS.get(sender) || lastPart(sender) || sender || "(no model)";

/**
 * The object's text; of a log-in, the account's.
 * @type {(event: SignalEvent) => string}
 */
export const reprOf = (event) => event.object_repr || account(event);

/**
 * The object as it called itself, else its key.
 * @type {(repr: string, pk: string) => string}
 */
export const objectName = (repr, pk) => repr || pk || "no key yet";

/**
 * Who did it; where nobody was logged in, a stranger or a program: "migrate" for `command:migrate`.
 * @param {string} repr
 * @param {string} pk
 * @param {string} source
 */
export function actorName(repr, pk, source) {
  if (repr || pk) return repr || pk;
  return source === "http" || source === "websocket" ? "anonymous" : source.replace(/^\w+:/, "") || "nobody";
}

/**
 * What began it: the request line, or the source.
 * @type {(event: SignalEvent) => string}
 */
export const begunBy = ({ method, path, source }) => [method, path].filter(Boolean).join(" ") || source;

/** @param {unknown} changes */
function allNew(changes) {
  if (!isMapping(changes)) return false;
  const all = Object.values(changes);
  return all.length > FEWEST_OF_A_ROW && all.every((one) => Array.isArray(one) && one.length && one[0] === null);
}
