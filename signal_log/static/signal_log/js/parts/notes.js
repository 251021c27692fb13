// The pin and the notes of an event in the panel; loaded with the first event that is opened.

import { Component, html } from "../../vendor/htm-preact.js";
import { exact } from "../lib/time.js";

/** @typedef {{ text: string, by: string, at: string }} Remark */
/** @typedef {{ pinned: Remark | null, notes: Remark[] }} Told */
/** @typedef {{ address: string, token: string, say: (words: string) => void }} Props of one event */

const STILL = 300; // ms that a selection rests before the server is asked about it
const AWAY = "Cannot reach the server. Try again when it is back.";
const REFUSED = "The server did not take it. Reload the page and try again.";

/** @extends {Component<Props>} */
export class Notes extends Component {
  /** @type {Told | null} */
  told = null;
  problem = "";
  address = "";
  /** @type {number | undefined} */
  waiting;

  componentDidMount() {
    this.#settle();
  }

  componentDidUpdate() {
    this.#settle();
  }

  componentWillUnmount() {
    clearTimeout(this.waiting);
    this.address = "";
  }

  #settle() {
    const { address } = this.props;
    if (address === this.address) return;
    clearTimeout(this.waiting);
    Object.assign(this, { address, told: null, problem: "" });
    this.waiting = setTimeout(() => this.#ask(), STILL);
  }

  /**
   * Asks what was said, or says more; returns whether it worked.
   * @param {Record<string, string>} [sent]
   */
  async #ask(sent) {
    const { address, token } = this.props;
    let problem = "";
    let told = this.told;
    try {
      const body = sent && new URLSearchParams({ ...sent, csrfmiddlewaretoken: token });
      const answer = await fetch(address, {
        headers: { Accept: "application/json" },
        redirect: "manual",
        ...(body && { method: "POST", body }),
      });
      const isJson = answer.headers.get("Content-Type")?.startsWith("application/json");
      const said = isJson ? await answer.json() : { error: REFUSED };
      if (answer.ok && isJson) told = said;
      else problem = said.error;
    } catch {
      problem = AWAY;
    }
    if (address !== this.address) return false;
    Object.assign(this, { told, problem: sent || problem === AWAY ? problem : "" });
    this.forceUpdate();
    return !problem;
  }

  /** @param {SubmitEvent} event */
  async #write(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const field = /** @type {HTMLTextAreaElement} */ (form.elements.namedItem("note"));
    if (!(await this.#ask({ note: field.value }))) return;
    field.value = "";
    this.props.say("Note added");
  }

  async #pin() {
    const isPinned = Boolean(this.told?.pinned);
    if (await this.#ask({ [isPinned ? "unpin" : "pin"]: "1" }))
      this.props.say(isPinned ? "No longer pinned" : "Pinned");
  }

  render() {
    const { told, problem } = this;
    if (!told) return problem && html`<p class="muted">${problem}</p>`;
    const { pinned, notes } = told;
    /** @param {Remark} note */
    const line = ({ text, by, at }) => html`<li><p class="value">${text}</p>
      <p class="muted"><span class="value">${by}</span>, ${exact(at)}</p></li>`;
    const by = pinned && html` by <span class="value">${pinned.by}</span>, ${exact(pinned.at)}`;
    return html`<h3>Pin and notes</h3>
      ${pinned && html`<p class="pinned"><span class="pin"><span aria-hidden="true">★</span> pinned</span>${by}</p>`}
      ${notes.length > 0 && html`<ol class="notes">${notes.map(line)}</ol>`}
      ${problem && html`<p class="errorlist" role="alert">${problem}</p>`}
      <button class="btn small" type="button" onClick=${() => this.#pin()}
      >${pinned ? "Take the pin away" : "★ Pin"}</button>
      <details class="note"><summary>Write a note</summary>
        <form class="note-form" onSubmit=${(/** @type {SubmitEvent} */ event) => this.#write(event)}>
        <textarea name="note" rows="2" maxlength="500" required aria-label="Note"
          placeholder="It stays, with your name"></textarea>
        <button class="btn small">Add note</button></form></details>`;
  }
}
