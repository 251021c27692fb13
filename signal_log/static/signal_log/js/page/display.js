// Display preferences, kept in the browser: row height, time format, columns.

import { MODES } from "../lib/time.js";
import { fromText, toText, USUAL } from "../parts/columns.js";
import { StoredValue } from "./saved.js";

/** @import { Mode } from "../lib/time.js" */

/** @typedef {{ mode?: Mode, comfortable?: boolean, cols?: string }} Choices */

export class Display {
  /** @param {Storage | null} storage */
  constructor(storage) {
    /** @type {StoredValue<Choices>} */
    this.stored = new StoredValue("signal-log-display", {}, storage);
    this.apply();
  }

  get mode() {
    return MODES.find((mode) => mode === this.stored.value.mode) ?? MODES[0];
  }

  get comfortable() {
    return this.stored.value.comfortable === true;
  }

  get columns() {
    return fromText(this.stored.value.cols ?? null) ?? USUAL;
  }

  set columns(columns) {
    this.set({ cols: toText(columns) });
  }

  /** @param {Choices} changes */
  set(changes) {
    this.stored.set({ ...this.stored.value, ...changes });
    this.apply();
  }

  apply() {
    document.body.classList.toggle("comfortable-rows", this.comfortable);
  }
}
