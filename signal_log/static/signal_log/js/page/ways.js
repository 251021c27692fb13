// The values of the live page: which one of a row is meant, and what asking about it does.

import { rowWays } from "../events/ways.js";
import * as actions from "./actions.js";
import { table } from "./screen.js";
import { $, links, operationOf, state, store } from "./state.js";

/** @import { SignalEvent, ToldRow } from "../events/types.js" */
/** @import { CellWay } from "../events/ways.js" */
/** @import { Found, Menu, Value } from "../lib/ways.js" */
/** @import { RowElement } from "../parts/cells.js" */

/** @type {Promise<Menu> | undefined} */
let menu;

/** The menu, which is loaded once it is first needed. */
export function loadWays() {
  menu ??= import("../ways/menu.js").then(({ waysOf }) =>
    waysOf({
      ask: ({ q }, not) => actions.ask(q, not),
      copy: ({ text, of }) => actions.copyText(text, of[0].toUpperCase() + of.slice(1)),
    }),
  );
  return menu;
}

/** What the key `v` means: the panel if it has the focus, else the selected row or the newest. */
export function rowOfKey() {
  const panel = $("detail");
  if (panel.contains(document.activeElement)) return panel;
  if (!state.picked && !actions.step(1)) return null;
  return state.picked && table.shown.get(state.picked);
}

/**
 * The event of a row in full, as the panel tells it, while it is held.
 * @param {ToldRow} row
 * @returns {SignalEvent | undefined}
 */
function toldOf(row) {
  const { events, home = store } = operationOf(row);
  if (row.event) return home.event(row.event.id);
  const whole = events.map(({ id }) => home.event(id)).filter((event) => event !== undefined);
  return whole.findLast((event) => event.outcome !== "committed") ?? whole.at(-1);
}

/**
 * The values of the row around an element, and which of them that shows.
 * @param {Element} target
 * @returns {Found | null}
 */
export function waysNear(target) {
  const element = /** @type {RowElement | null} */ (target.closest("#rows .row"));
  const row = element?.of;
  if (!element || !row || element.whole || row.type === "gap" || row.type === "second") return null;
  /** @type {(way: CellWay) => Value} */
  const shown = (way) => ({ ...way, at: placeOf(element, way) });
  const values = rowWays(row, toldOf(row), links)
    .map(shown)
    .filter(({ at }) => at.getClientRects().length);
  const index = values.findIndex(({ at }) => at === target || at.contains(target));
  if (!values.length || (index < 0 && target !== element)) return null;
  return { values, index: Math.max(0, index) };
}

/**
 * @param {RowElement} element
 * @param {CellWay} way
 * @returns {Element}
 */
function placeOf({ cells }, { cell, part }) {
  if (cell === "obj") return part ? cells.repr : cells.model;
  if (cell === "chg") return cells.chg.children[part] ?? cells.chg;
  if (cell === "actor") return cells.name;
  return cells[cell] ?? document.createElement("i");
}
