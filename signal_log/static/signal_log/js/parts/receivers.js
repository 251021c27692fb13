// The receivers of an operation in the panel: slowest first, each with its typical duration.
//
// They are no part of an event: the server knows them once the trace is over, and is asked when a row is opened.

import { Component, html } from "../../vendor/htm-preact.js";
import { duration, lastPart, line, visible } from "../lib/text.js";
import { querier } from "../server/older.js";

/** @import { Run, SignalEvent, Usual } from "../events/types.js" */
/** @import { linksFrom } from "../server/links.js" */
/** @import { RunsOf } from "./waterfall.js" */

/**
 * @typedef {object} Called
 * @property {Run} run
 * @property {string} signal
 * @property {number} order
 * @property {number} of
 */

/**
 * @typedef {object} Props
 * @property {SignalEvent[]} whole
 * @property {ReturnType<typeof linksFrom>} links
 * @property {(runsOf: RunsOf) => unknown} [below] what is drawn below them, from the same answers
 * @property {(id: number) => Promise<{ receivers: Run[] }>} [ask]
 */

const STANDS = " · the change stays committed";
const STILL = 300; // ms that a selection rests before the server is asked about it
const AGAIN = [2000, 8000]; // ms until it is asked again: calls are known once the trace is over

/** @type {(links: Props["links"]) => NonNullable<Props["ask"]>} */
const asAsked = (links) => (id) => querier(links.event(id))({ format: "receivers" });

/**
 * `told` maps an event's id to the server's answer.
 * @param {SignalEvent[]} events
 * @param {Map<number, Run[]>} told
 * @returns {Called[]}
 */
export function slowestFirst(events, told) {
  const found = events.flatMap(({ id, signal }) =>
    (told.get(id) ?? []).map((run, index, all) => ({
      run,
      signal: lastPart(signal),
      order: index + 1,
      of: all.length,
    })),
  );
  return found.sort((a, b) => b.run.duration_us - a.run.duration_us);
}

/**
 * `whole` are the operation's events; tests pass `ask(id)` in place of the server.
 * @extends {Component<Props>}
 */
export class Receivers extends Component {
  /** @type {Map<number, Run[]>} */
  told = new Map();
  trouble = "";
  /** @type {string | null} */
  key = null;
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
    this.key = null;
  }

  /** Asks once per selection, once it rests, and again if there is nothing yet; arriving events change nothing. */
  #settle() {
    const ids = this.props.whole.map(({ id }) => id);
    const key = ids.join();
    if (key === this.key) return;
    Object.assign(this, { key, trouble: "" });
    clearTimeout(this.waiting);
    if (ids.length) this.waiting = setTimeout(() => this.#ask(ids, key), STILL);
  }

  /**
   * @param {number[]} ids
   * @param {string} key
   * @param {number[]} again
   */
  async #ask(ids, key, [next, ...later] = AGAIN) {
    const ask = this.props.ask ?? asAsked(this.props.links);
    /** @type {Map<number, Run[]>} */
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
    const none = !trouble && ids.every((id) => !told.get(id)?.length);
    if (none && next) this.waiting = setTimeout(() => this.#ask(ids, key, later), next);
  }

  render() {
    const list = slowestFirst(this.props.whole, this.told);
    const title = list.length > 1 ? "Receivers, slowest first" : "Receivers";
    return html`${
      list.length > 0 &&
      html`<h3>${title}</h3>
        <ul class="receivers">${list.map((one) => html`<${Receiver} ...${one} />`)}</ul>`
    }
      ${this.trouble && html`<p class="muted">Could not load the receivers: ${this.trouble}</p>`}
      ${this.props.below?.((id) => this.told.get(id) ?? [])}`;
  }
}

/** @param {Called} called */
function Receiver({ run, signal, order, of }) {
  const { receiver, duration_us, queries, error, stands, slow, standing } = run;
  const asked = queries > 0 ? ` · ${queries} ${queries === 1 ? "query" : "queries"}` : "";
  return html`<li>
  <span class="value" title=${`${signal}, call ${order} of ${of}`}>${line(receiver, 200)}${" "}
    <span class="muted">${signal}</span></span>
  <span class="muted">${duration(duration_us)}${asked}</span>
  <span class="usual"><${Standing} standing=${standing} slow=${slow} /></span>
  ${error && html`<span class="error value">× ${visible(error)}${stands && STANDS}</span>`}</li>`;
}

/** @param {{ standing: Usual | null, slow: boolean }} of */
function Standing({ standing, slow }) {
  const times = standing?.unusual ? `${standing.times} × p50` : "";
  const words = [slow && "slow", times].filter(Boolean).join(", ");
  const title = slow ? "100 ms of its own, or a fifth of its trace" : null;
  return html`${standing && html`<${Spread} ...${standing} />`}
  <span class="muted">${standing ? standing.text : "\u00a0"}</span>
  ${words && html` <span class=${slow ? "slow" : "muted"} title=${title}>${words}</span>`}`;
}

/**
 * The same as show/trace/row_html.py: a band from p50 to p99 with a mark for this run.
 * @param {Usual} usual
 */
function Spread({ p50, p99, at, unusual }) {
  if (at === null) return null;
  return html`<svg class=${unusual ? "spread late" : "spread"} viewBox="-1 0 102 8" preserveAspectRatio="none"
    aria-hidden="true"><rect x=${p50} y="2" width=${p99 - p50} height="4" /><path d=${`M${at} 0V8`} /></svg>`;
}
