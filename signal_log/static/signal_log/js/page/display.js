// Display preferences, kept in the browser: row height, time format, columns.

import { MODES } from "../lib/time.js";
import { fromText, toText, USUAL } from "../parts/columns.js";
import { Kept } from "./saved.js";

/** @import { Mode } from "../lib/time.js" */

/** @typedef {{ mode?: Mode, roomy?: boolean, cols?: string }} Choices */

export class Display {
  /** @param {Storage | null} storage */
  constructor(storage) {
    /** @type {Kept<Choices>} */
    this.kept = new Kept("signal-log-display", {}, storage);
    this.apply();
  }

  get mode() {
    return MODES.find((mode) => mode === this.kept.value.mode) ?? MODES[0];
  }

  get comfortable() {
    return this.kept.value.comfortable === true;
  }

  get columns() {
    return fromText(this.kept.value.cols ?? null) ?? USUAL;
  }

  set columns(columns) {
    this.set({ cols: toText(columns) });
  }

  /** @param {Choices} changes */
  set(changes) {
    this.kept.set({ ...this.kept.value, ...changes });
    this.apply();
  }

  apply() {
    document.body.classList.toggle("comfortable-rows", this.comfortable);
  }
}
