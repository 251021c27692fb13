// The detail panel: one operation in full, with its cause and what it set off.

import { Component, html, render } from "../../vendor/htm-preact.js";
import { fieldDiffs } from "../events/diff.js";
import { isByHand, modelName, objectName } from "../events/kinds.js";
import { pairs } from "../events/pairs.js";
import { remarks } from "../events/remarks.js";
import { tree } from "../events/traces.js";
import { actorOf, fieldOf, objectOf, sideOf, termWay } from "../events/ways.js";
import { asJson, asMarkdown, asOrm } from "../lib/as_text.js";
import { duration, lastPart, line, visible } from "../lib/text.js";
import { exact, micros } from "../lib/time.js";
import { Hits } from "./hits.js";
import { Receivers } from "./receivers.js";
import { axis, bars, extent, label } from "./waterfall.js";

/** @import { FieldDiff, Side as OneSide } from "../events/diff.js" */
/** @import { Field as OneField } from "../events/pairs.js" */
/** @import { Store } from "../events/store.js" */
/** @import { Operation, SignalEvent } from "../events/types.js" */
/** @import { Way as OneWay } from "../events/ways.js" */
/** @import { linksFrom } from "../server/links.js" */
/** @import { Bar, RunsOf } from "./waterfall.js" */

/**
 * What the controls do.
 * @typedef {object} Act
 * @property {(id: number) => void} pick
 * @property {(text: string, what: string) => void} copy
 * @property {() => void} close
 * @property {() => void} context
 * @property {string} token of forms
 * @property {(words: string) => void} say to screen readers
 */

/**
 * `hits` is what to mark.
 * @typedef {object} Of
 * @property {Store} store
 * @property {ReturnType<typeof linksFrom>} links
 * @property {boolean} context
 * @property {RegExp | null} hits
 * @property {Act} act
 */
/** @typedef {Of & { operation: Operation, whole: SignalEvent[] }} Held */
/** @typedef {Held & { told: SignalEvent }} Known */

/**
 * @param {HTMLElement} root
 * @param {Operation | null} operation
 * @param {Of} of
 */
export function renderDetail(root, operation, { store, links, context, hits, act }) {
  if (!operation) return render(null, root);
  const whole = operation.events.map(({ id }) => store.event(id)).filter((event) => event !== undefined);
  const told = whole.findLast((event) => event.outcome !== "committed") ?? whole.at(-1);
  const known = { operation, told, whole, store, links, context, hits, act };
  render(
    html`<${Head} ...${known} />${told ? html`<${Body} ...${known} />` : html`<${Elsewhere} ...${known} />`}`,
    root,
  );
}

/** @param {Known} known */
const Body = (known) => html`<${Facts} ...${known} />
  <${Failure} ...${known} />
  <${Remarks} ...${known} />
  <${Changes} ...${known} />
  <${Cause} ...${known} />
  <${Later} name="Notes" load=${loadNotes} of=${notesOf(known)} />
  <${Receivers} whole=${known.whole} links=${known.links} below=${fallOf(known)} />
  <${Raw} ...${known} />`;

const loadNotes = () => import("./notes.js");

/** @param {Known} known */
const notesOf = ({ told, links, act }) => ({ address: links.notes(told.id), token: act.token, say: act.say });

/**
 * A part of the panel that is loaded when it is first shown.
 * @extends {Component<{ name: string, load: () => Promise<any>, of: Record<string, unknown> }>}
 */
class Later extends Component {
  componentDidMount() {
    const { name, load } = this.props;
    load().then((loaded) => this.setState({ part: loaded[name] }));
  }

  render() {
    const { part } = /** @type {{ part?: unknown }} */ (this.state);
    return part ? html`<${part} ...${this.props.of} />` : null;
  }
}

/** @param {Held} held */
const Elsewhere = ({ operation, links }) => html`<p class="notice">This page keeps only its newest events in full.${" "}
  <a href=${links.event(lastOf(operation).id)}>Open this event</a> to read it.</p>`;

/** @type {(operation: Operation) => { id: number }} */
const lastOf = ({ events }) => events[events.length - 1];

/** @param {Held & { told?: SignalEvent }} held */
function Head({ operation, told, links, context, hits, act }) {
  const { id } = told ?? lastOf(operation);
  const name = line(objectName(operation.repr, operation.pk), 200);
  const url = new URL(links.event(id), location.href).href;
  return html`<header><div>
      <span class=${`kind ${operation.kind}`}>${operation.word}</span>
      <h2>${line(modelName(operation.sender), 60)}${" "}
        <span class="value"><${Hits} text=${name} hits=${hits} /></span></h2>
    </div>
    <button class="icon-btn" type="button" aria-label="Close panel" title="Close (Esc)"
      onClick=${act.close}>✕</button></header>
    <div class="actions">
      <a class="btn small" href=${links.event(id)}>Open</a>
      ${operation.pk && html`<a class="btn small" href=${links.object(operation.sender, operation.pk)}>Object</a>`}
      <button class="btn small" type="button" aria-pressed=${String(Boolean(context))}
        title="Show 20 events before and after, whatever the filters (x)" onClick=${act.context}>± 20</button>
      <span class="seg small" role="group" aria-label="Copy"><span aria-hidden="true">Copy</span>
        <button type="button" onClick=${() => act.copy(url, "Link")}>Link</button>
        ${told && html`<${Copies} told=${told} url=${url} act=${act} />`}
      </span>
    </div>`;
}

/** @param {{ told: SignalEvent, url: string, act: Act }} of */
const Copies = ({ told, url, act }) => html`
  <button type="button" onClick=${() => act.copy(asJson(told), "JSON")}>JSON</button>
  <button type="button" title="Copy as a Markdown table"
    onClick=${() => act.copy(asMarkdown(told, url, remarks(told)), "Markdown")}>MD</button>
  <button type="button" title="Copy as a Django query" onClick=${() => act.copy(asOrm(told), "Python")}>ORM</button>`;

/** @param {Known} known */
function Facts({ operation, told, whole, links, hits }) {
  /** @type {(way: OneWay | null, text?: string) => unknown} */
  const value = (way, text = way?.text ?? "") =>
    html`<${Way} way=${way} class="only"><span class="value"
      ><${Hits} text=${line(text, 200)} hits=${hits} /></span><//>`;
  /** @type {unknown} */
  let who = html`<span class="muted">not logged in</span>`;
  if (told.actor_repr || told.actor_pk) who = value(actorOf(told, links.actor), told.actor_repr || told.actor_pk);
  const address = told.remote_addr && html`<span class="muted"> · ${line(told.remote_addr, 64)}</span>`;
  const request = told.path && value(termWay("path", "text", told.path), `${told.method} ${told.path}`);
  const signals = whole.map((e, i) => html`${i ? ", " : ""}<a href=${links.event(e.id)}>${lastPart(e.signal)}</a>`);
  const raw = told.raw ? html`<span class="muted"> · raw (fixture)</span>` : "";
  const ended = termWay("outcome", "outcome", told.outcome);
  const kind = told.outcome === "committed" ? "" : `kind ${operation.kind}`;
  const trace = html`<a class="mono" href=${links.trace(told.trace_id)}>${told.trace_id.slice(-8)}</a>`;
  /** @type {([name: string, value: unknown] | "" | false | undefined)[]} */
  const facts = [
    ["When", html`<span class="mono">${exact(whole[0].occurred_at)}</span>`],
    ["Who", html`${who}${address}`],
    [
      "From",
      html`<span class="mono">${request}</span> ${value(termWay("source", "source", told.source), told.source)}`,
    ],
    told.call_site && ["Where", html`<span class="mono value">${line(told.call_site, 300)}</span>`],
    [
      "Object",
      told.object_pk
        ? value(objectOf(told.sender, told.object_pk, links.object(told.sender, told.object_pk)))
        : html`<span class="value">${line(told.sender, 200)}</span> <span class="muted">no key</span>`,
    ],
    ["Signals", html`${signals}${raw}`],
    ["Outcome", html`<span class=${kind}>${value(ended, told.outcome.replace("_", " "))}</span>`],
    whole.length > 1 && [
      "Duration",
      html`${duration(took(whole))}${" "}
      <span class="muted">first to last signal</span>`,
    ],
    ["Trace", html`${trace} · ${value(termWay("trace", "trace", told.trace_id), "only this trace…")}`],
  ];
  const rows = facts.map((fact) => fact && html`<dt>${fact[0]}</dt><dd>${fact[1]}</dd>`);
  return html`<dl class="facts">${rows}</dl>`;
}

/**
 * A value as a button that opens its menu; what cannot be asked for is only shown.
 * @param {{ way: OneWay | null, class?: string, children?: unknown }} of
 */
function Way({ way, class: name, children }) {
  if (!way) return children;
  const reach = name ? undefined : -1; // Tab would take forever; `v` goes through them all
  return html`<button class=${name ?? "way"} type="button" tabindex=${reach} aria-haspopup="menu"
    data-way=${way.q} data-of=${way.of}
    data-text=${way.text} data-open=${way.open}>${children}</button>`;
}

/** @param {SignalEvent[]} whole */
function took(whole) {
  return micros(whole[whole.length - 1].occurred_at) - micros(whole[0].occurred_at);
}

/** @param {Known} known */
function Failure({ told, hits }) {
  if (told.outcome === "committed") return null;
  const words =
    told.outcome === "failed" ? "Failed: the row was not written." : "Rolled back: the row was not changed.";
  const tone = told.outcome === "failed" ? "error" : "warning";
  const error = told.error && html`<div class="value"><${Hits} text=${visible(told.error)} hits=${hits} /></div>`;
  return html`<div class=${`notice ${tone}`}>${words}${error}</div>`;
}

/** @param {Known} known */
function Remarks({ whole }) {
  const texts = [...new Set(whole.flatMap(remarks))];
  return texts.map((text) => html`<p class="notice warning value">${text}</p>`);
}

/** @param {Known} known */
function Changes({ told, hits }) {
  const fields = fieldDiffs(told);
  if (!fields.length && isByHand(told)) return null;
  if (!fields.length) return html`<h3>Changes</h3><p class="muted">No fields changed.</p>`;
  const changed = pairs(told.changes);
  /** @type {(one: FieldDiff, index: number) => unknown} */
  const field = (one, index) => html`<${Field} ...${one} changed=${changed[index]} hits=${hits} />`;
  return html`<h3>${fields.length === 1 ? "1 field" : `${fields.length} fields`}</h3>
    <dl class="diff">${fields.map(field)}</dl>`;
}

/** @param {FieldDiff & { changed: OneField, hits: RegExp | null }} diff */
const Field = ({ name, old, now, masked, unseen, changed: [field, before, after], hits }) => html`<div>
  <dt><${Way} way=${fieldOf(field)}><${Hits} text=${name} hits=${hits} /><//></dt>
  <dd>${old && html`<del><${Way} way=${sideOf(field, "old", before)}><${Side} ...${old} hits=${hits} /><//></del>`}
    ${now && html`<ins><${Way} way=${sideOf(field, "new", after)}><${Side} ...${now} hits=${hits} /><//></ins>`}
    ${masked && html`<span class="muted">masked</span>`}
    ${unseen && html`<div class="remark">its writer had not seen the old value</div>`}</dd></div>`;

/** @param {OneSide & { hits: RegExp | null }} side */
function Side({ style, pieces, hits }) {
  if (["null", "empty", "unknown"].includes(style)) return html`<span class="muted">${style}</span>`;
  /** @param {string} text */
  const told = (text) => html`<${Hits} text=${text} hits=${hits} />`;
  return pieces.map(([isMarked, text]) => (isMarked ? html`<mark>${told(text)}</mark>` : told(text)));
}

/**
 * The chain of causes, outermost first.
 * @param {Known} known
 */
function Cause({ operation, told, store, links, act }) {
  /** @typedef {{ by: string, parent: Operation | null, signal?: string }} Step */
  /** @type {Step[]} */
  const chain = [];
  for (let at = operation; at.parentPosition !== null; at = at.parent) {
    const event = store.event(at.events[0].id);
    chain.unshift({
      by: event?.caused_by ?? "",
      parent: at.parent,
      signal: at.parent?.events.find((e) => e.position === at.parentPosition)?.signal,
    });
    if (!at.parent) break;
  }
  if (!chain.length) return null;
  const unknown = html`<span class="muted">The cause is not among the events on this page. </span>
    <a href=${links.trace(told.trace_id)}>See the full trace</a>`;
  /** @type {(parent: Operation, signal?: string) => unknown} */
  const above = (parent, signal) => html`<button class="only" type="button"
    onClick=${() => act.pick(parent.events[0].id)}>${signal} ${line(modelName(parent.sender), 60)}${" "}
    <span class="value">${line(objectName(parent.repr, parent.pk))}</span></button>`;
  /** @type {(step: Step, depth: number) => unknown} */
  const step = ({ by, parent, signal }, depth) => html`<li style=${{ "--depth": depth }}>
    ${parent ? above(parent, signal) : unknown}
    ${
      by &&
      html`<div><span class="cause mono" title=${line(by, 300)}><${Way} way=${termWay("receiver", "text", by)}
      >${line(by, 80)}<//></span></div>`
    }</li>`;
  return html`<h3>Why it happened</h3><ol class="chain">${chain.map(step)}</ol>`;
}

/** @type {(known: Known) => (runsOf: RunsOf) => unknown} */
const fallOf = (known) => (runsOf) => html`<${Fall} ...${known} runsOf=${runsOf} />`;

/**
 * What it set off, drawn from the events of the trace that this page holds and the receivers' calls it was told.
 * @param {Known & { runsOf: RunsOf }} known
 */
function Fall({ operation, store, act, runsOf }) {
  const list = bars(tree(operation), (id) => store.event(id), operation, runsOf);
  if (list.length < 2) return null;
  const span = axis(list);
  /** @param {Bar} bar */
  const row = (bar) => html`<li class=${barStyle(bar)} style=${{ "--depth": bar.depth }} title=${label(bar)}>
    <${BarName} bar=${bar} act=${act} />
    <span class="track" aria-hidden="true"><i style=${extent(bar, span)}></i></span>
    <span>${bar.endless ? "" : duration(bar.length)}</span></li>`;
  return html`<h3>What it set off</h3><ol class="fall">${list.slice(0, 200).map(row)}</ol>
    ${list.length > 200 && html`<p class="muted">and ${list.length - 200} more</p>`}`;
}

/** @param {Bar} bar */
function barStyle({ kind, here }) {
  if (kind === "about") return "";
  if (kind === "receiver") return "receiver";
  return here ? "operation here" : kind;
}

/** @param {{ bar: Bar, act: Act }} of */
function BarName({ bar, act }) {
  const { id } = bar;
  if (id && !bar.here)
    return html`<button class="name" type="button" onClick=${() => act.pick(id)}>${line(bar.name, 100)}</button>`;
  return html`<span class="name">${line(bar.kind === "receiver" ? lastPart(bar.name) : bar.name, 100)}</span>`;
}

/** @param {Known} known */
function Raw({ whole }) {
  const texts = whole.map((event) => html`<pre>${visible(asJson(event))}</pre>`);
  return html`<details><summary>Raw JSON</summary>${texts}</details>`;
}
