// The live page's words for an event, a text and a duration; `tests/vectors/saying.py` has the history's.

import { fieldDiffs } from "../../signal_log/static/signal_log/js/events/diff.js";
import {
  action,
  actorName,
  begunBy,
  effect,
  kindOf,
  modelName,
  objectName,
  reprOf,
  verb,
  wordOf,
} from "../../signal_log/static/signal_log/js/events/kinds.js";
import { remarks } from "../../signal_log/static/signal_log/js/events/remarks.js";
import { summary } from "../../signal_log/static/signal_log/js/events/summary.js";
import { actorOf, changeWays, objectOf, termWay } from "../../signal_log/static/signal_log/js/events/ways.js";
import { duration, initials, lastPart, line, plain, visible } from "../../signal_log/static/signal_log/js/lib/text.js";

/** Returns all words for an event that the live page and the history share. */
export function ofEvent(event) {
  const actor = line(actorName(event.actor_repr, event.actor_pk, event.source), 40);
  return {
    verb: verb(event),
    effect: effect(event),
    action: action(event),
    kind: [kindOf(event), wordOf(event)],
    signal: lastPart(event.signal),
    model: line(modelName(event.sender), 60),
    object: line(objectName(reprOf(event), event.object_pk)),
    actor,
    initials: initials(actor),
    "begun by": line(begunBy(event)),
    line: summary(event),
    ways: waysIn(event),
    remarks: remarks(event),
    diffs: fieldDiffs(event).map(({ name, old, now, masked, unseen }) => ({ name, old, new: now, masked, unseen })),
  };
}

/** What can be asked about each value of the event's row. */
function waysIn(event) {
  const found = [
    termWay("model", "model", event.sender),
    objectOf(event.sender, event.object_pk),
    ...changeWays(summary(event), event).map(([way]) => way),
    actorOf(event),
    termWay("source", "source", event.source),
  ];
  return found.filter(Boolean).map(({ of, q }) => [of, q]);
}

/** Returns a logged value in full, on one line of at most this many characters, and as initials. */
export function ofValue(value, most) {
  const text = plain(value);
  return { bare: visible(text), pretty: visible(plain(value, "")), line: line(text, most), initials: initials(text) };
}

export const ofDuration = duration;
