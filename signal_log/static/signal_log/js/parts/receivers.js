// The receivers of an operation in the panel: slowest first, each with its typical duration.

import { Component, html } from "../../vendor/htm-preact.js";
import { duration, lastPart, line, visible } from "../lib/text.js";
import { querier } from "../server/older.js";

/** @import { Run, SignalEvent } from "../events/types.js" */
/** @import { linksFrom } from "../server/links.js" */

/** @typedef {{ text: string, slow: boolean, times: number, p50: number, p99: number, at: number | null }} Usual */
/** @typedef {{ receiver: string, standing: Usual | null }} Answer about one run */

/**
 * @typedef {object} Called
 * @property {string} name
 * @property {string} signal
 * @property {number} order
 * @property {number} of
 * @property {number | null} us
 * @property {string} [error]
 * @property {Usual | null} standing
 */

/**
 * @typedef {object} Props
 * @property {SignalEvent[]} whole
 * @property {ReturnType<typeof linksFrom>} links
 * @property {(id: number) => Promise<{ receivers: Answer[] }>} [ask]
 */

const STILL = 300; // ms that a selection rests before the server is asked about it

/** @type {(links: Props["links"]) => NonNullable<Props["ask"]>} */
const asAsked = (links) => (id) => querier(links.event(id))({ format: "receivers" });

/**
 * The runs that an event recorded; a row written by something else may hold anything.
 * @type {(event: SignalEvent) => Run[]}
 */
const runs = (event) =>
  (Array.isArray(event.receivers) ? event.receivers : []).filter(
    (one) => one && typeof one === "object" && !Array.isArray(one),
  );

/**
 * `told` maps an event's id to the server's answer.
 * @param {SignalEvent[]} events
 * @param {Map<number, Answer[]>} told
 * @returns {Called[]}
 */
export function slowestFirst(events, told) {
  const found = events.flatMap((event) => {
    const answers = told.get(event.id) ?? [];
    return runs(event).map((one, index, all) => ({
      name: one.receiver ?? "",
      signal: lastPart(event.signal),
      order: index + 1,
      of: all.length,
      us: Number.isFinite(one.duration_us) ? Number(one.duration_us) : null,
      error: one.error,
      standing: (answers[index]?.receiver === one.receiver && answers[index]?.standing) || null,
    }));
  });
  return found.sort((a, b) => (b.us ?? 0) - (a.us ?? 0));
}

/**
 * `whole` are the operation's events; tests pass `ask(id)` in place of the server.
 * @extends {Component<Props>}
 */
export class Receivers extends Component {
  /** @type {Map<number, Answer[]>} */
  told = new Map();
  trouble = "";
  /** @type {string | null} */
  key = null;
  /** @type {number | undefined} */
  waiting;

  get events() {
    return this.props.whole.filter((event) => runs(event).length);
  }

  componentDidMount() {
    this.#settle();
  }

  componentDidUpdate() {
    this.#settle();
  }

  componentWillUnmount() {
    clearTimeout(this.waiting);
    this.key = null;
  }

  /** Asks once per selection, once it rests; arriving events change nothing. */
  #settle() {
    const ids = this.events.map(({ id }) => id);
    const key = ids.join();
    if (key === this.key) return;
    Object.assign(this, { key, trouble: "" });
    clearTimeout(this.waiting);
    if (ids.length) this.waiting = setTimeout(() => this.#ask(ids, key), STILL);
  }

  /**
   * @param {number[]} ids
   * @param {string} key
   */
  async #ask(ids, key) {
    const ask = this.props.ask ?? asAsked(this.props.links);
    /** @type {Map<number, Answer[]>} */
    let told = new Map();
    let trouble = "";
    try {
      const answers = await Promise.all(ids.map((id) => ask(id)));
      told = new Map(ids.map((id, index) => [id, answers[index].receivers]));
    } catch (problem) {
      trouble = /** @type {Error} */ (problem).message;
    }
    if (key !== this.key) return;
    Object.assign(this, { told, trouble });
    this.forceUpdate();
  }

  render() {
    const list = slowestFirst(this.events, this.told);
    if (!list.length) return null;
    const title = list.length > 1 ? "Receivers, slowest first" : "Receivers";
    return html`<h3>${title}</h3><ul class="receivers">${list.map((one) => html`<${Receiver} ...${one} />`)}</ul>
      ${this.trouble && html`<p class="muted">Could not load their typical durations: ${this.trouble}</p>`}`;
  }
}

/** @param {Called} called */
const Receiver = ({ name, signal, order, of, us, error, standing }) => html`<li>
  <span class="value" title=${`${signal}, call ${order} of ${of}`}>${line(name, 200)}${" "}
    <span class="muted">${signal}</span></span>
  <span class="muted">${duration(us)}</span>
  <span class="usual">${standing ? html`<${Standing} ...${standing} />` : "\u00a0"}</span>
  ${error && html`<span class="error value">× ${visible(error)}</span>`}</li>`;

/** @param {Usual} standing */
const Standing = (standing) => html`<${Spread} ...${standing} />
  <span class="muted">${standing.text}</span>
  ${standing.slow && html` <span class="slow">slow, ${standing.times} × p50</span>`}`;

/**
 * The same as _percentile_band.html: a band from p50 to p99 with a mark for this run.
 * @param {Usual} usual
 */
function Spread({ p50, p99, at, slow }) {
  if (at === null) return null;
  return html`<svg class=${slow ? "spread late" : "spread"} viewBox="-1 0 102 8" preserveAspectRatio="none"
    aria-hidden="true"><rect x=${p50} y="2" width=${p99 - p50} height="4" /><path d=${`M${at} 0V8`} /></svg>`;
}
