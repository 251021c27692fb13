// Completes the search field: with the values on this page and their counts, and those that the server knows.

import { combobox } from "../parts/combobox.js";
import { Values } from "../server/values.js";
import { $, announcer, ask, facets, store } from "./state.js";

/** @import { FilterKey } from "../events/filters.js" */
/** @import { Counted, Place, ValuesOf } from "../query/complete.js" */

/** @type {Map<string, FilterKey>} the facets of this page */
const FACETS = new Map([
  ["model", "sender"],
  ["signal", "signal"],
  ["actor", "actor"],
  ["actor_name", "actor"],
  ["outcome", "outcome"],
  ["source", "source"],
]);
const OF_THE_SERVER = ["model", "signal", "actor", "actor_name", "actor_pk", "object", "outcome", "source", "field"];
const NEWEST = 500; // events whose changed fields are looked at

/**
 * `changed()` is called when an option was taken.
 * @param {() => void} changed
 */
export function completing(changed) {
  /** @type {ReturnType<typeof combobox>} */
  const box = combobox($("search"), $("completions"), {
    known: knower(() => box.learned()),
    changed,
    say: (words) => announcer.say(words),
  });
  return box;
}

/**
 * `changed()` is called when the server has answered.
 * @param {() => void} changed
 */
function knower(changed) {
  const values = new Values({ ask, changed });
  /** @param {Place} place */
  return ({ key, begins }) => {
    const { values: told, scope } = OF_THE_SERVER.includes(key) ? values.of(key, begins) : { values: [], scope: "" };
    const names = key ? null : values.of("field", "").values;
    /** @type {ValuesOf} */
    const valuesOf = (name) => {
      if (name === key) return FACETS.has(key) ? asCounted(here(name), told) : joined(here(name), told);
      return name === "field" ? joined(here(name), names ?? []) : here(name);
    };
    const isHere = here(key).length > 0;
    const isServers = told.length > 0 && !(isHere && FACETS.has(key));
    return { valuesOf, scope: isServers ? scope : isHere ? "operations in the span shown" : "" };
  };
}

/**
 * Values of a facet have its numbers, so what else the server knows has none.
 * @type {(here: Counted[], told: Counted[]) => Counted[]}
 */
const asCounted = (here, told) =>
  joined(
    told.map(([value]) => [value, null]),
    here,
  );

/**
 * Of the rest the server counts in more events than this page may hold, and so its numbers come first.
 * @type {(here: Counted[], told: Counted[]) => Counted[]}
 */
function joined(here, told) {
  const known = new Map(told);
  return [
    ...told,
    ...here.filter(([value]) => !known.has(value)).map(([value]) => /** @type {Counted} */ ([value, null])),
  ];
}

/**
 * @param {string} key
 * @returns {Counted[]}
 */
function here(key) {
  if (key === "field") return fieldsHere();
  const facet = FACETS.get(key);
  return facet ? facets.top(facet) : [];
}

/** @returns {Counted[]} */
function fieldsHere() {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { changes } of [...store.whole.values()].slice(-NEWEST)) {
    const names = changes && !Array.isArray(changes) ? Object.keys(changes) : [];
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts];
}
