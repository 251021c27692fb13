// The views shared with everyone who can see events: loaded when the menu opens, changed on the server.

const GONE = "You are logged out. Log in again, then reload this page.";
const OLD = "This page has been open for too long. Reload it and try again.";
const AWAY = "Cannot reach the server. Try again when it is back.";

/** @typedef {{ id: number, name: string, query: string, by: string, at: string, removable: boolean }} SharedView */

export class SharedViews {
  /** @type {SharedView[]} */
  all = [];
  mayShare = false;
  problem = "";

  /**
   * `address(id)` is the URL that stops sharing a view, or without an id that of all; `token` is the CSRF token.
   * @param {(id?: number) => string} address
   * @param {string} token
   * @param {(url: string, options: RequestInit) => Promise<Response>} fetcher
   */
  constructor(address, token, fetcher = (url, options) => fetch(url, options)) {
    this.address = address;
    this.token = token;
    this.fetcher = fetcher;
  }

  load() {
    return this.#ask(this.address());
  }

  /**
   * @param {string} name
   * @param {string} query
   */
  share(name, query) {
    return this.#ask(this.address(), { name, query });
  }

  /** @param {SharedView} view */
  remove({ id }) {
    return this.#ask(this.address(id), {});
  }

  /**
   * Whether it worked; if not, `problem` says why and nothing else changes.
   * @param {string} address
   * @param {Record<string, string>} [sent]
   */
  async #ask(address, sent) {
    try {
      const body = sent && new URLSearchParams({ ...sent, csrfmiddlewaretoken: this.token });
      const answer = await this.fetcher(address, {
        headers: { Accept: "application/json" },
        redirect: "manual",
        ...(body && { method: "POST", body }),
      });
      if (answer.type === "opaqueredirect") this.problem = GONE;
      else this.#take(answer, await said(answer));
    } catch {
      this.problem = AWAY;
    }
    return !this.problem;
  }

  /**
   * @param {Response} response
   * @param {any} answer
   */
  #take(response, answer) {
    const { status } = response;
    if (status === 200 && answer) Object.assign(this, { all: answer.views, mayShare: answer.may_share, problem: "" });
    else
      this.problem = answer?.error ?? (status === 403 ? OLD : `The server responded with status ${status}. Try again.`);
  }
}

/** @type {(answer: Response) => Promise<unknown> | null} */
const said = (answer) => (answer.headers.get("Content-Type")?.startsWith("application/json") ? answer.json() : null);
