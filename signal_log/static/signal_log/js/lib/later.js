// A module that is loaded when it is first needed, so that the first paint does not wait for it.

const UNLOADED = "This part of the page could not be loaded. Reload the page when the server can be reached.";

/** @template T */
export class Later {
  /** @type {T | null} */
  part = null;
  /** @type {Promise<T> | null} */
  #asked = null;

  /**
   * @param {() => Promise<T>} load
   * @param {(words: string) => void} failed
   */
  constructor(load, failed = () => {}) {
    this.load = load;
    this.failed = failed;
  }

  /** The module, or null if it cannot be loaded now. */
  async need(failed = this.failed) {
    try {
      this.#asked ??= this.load();
      this.part = await this.#asked;
    } catch {
      this.#asked = null;
      failed(UNLOADED);
    }
    return this.part;
  }

  /** Loads it ahead of its first use, once there is nothing else to do; if that fails, the use tells. */
  soon() {
    const need = () => this.need(() => {});
    if ("requestIdleCallback" in globalThis) requestIdleCallback(need, { timeout: 2_000 });
    else setTimeout(need, 200); // Safari
  }
}
