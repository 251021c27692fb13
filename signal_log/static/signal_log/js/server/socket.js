// The websocket connection: subscribes, resumes, acknowledges, detects silence and reconnects.

/** @import { ErrorFrame, EventsFrame, Frame } from "../events/types.js" */
/** @import { HeartbeatFrame, ReadyFrame, ResetFrame, SignalEvent } from "../events/types.js" */

const SILENCE = 35_000; // the server sends a heartbeat every 15 s
const ANSWER = 5_000; // a ping is answered at once
const ACK_EVENTS = 100; // well within the server's window of 2,000 events or 256 KB
const ACK_CHARS = 64_000;
const ACK_EVERY = 3_000;
const FIRST_WAIT = 800;
const LONGEST_WAIT = 20_000;

/** @typedef {{ again?: boolean, reason?: string, until?: number, unopened?: number }} Details */

/**
 * @typedef {object} Handlers
 * @property {(name: string, details: Details) => void} state
 * @property {(events: SignalEvent[]) => void} events
 * @property {(frame: ReadyFrame, resumed: boolean) => void} ready
 * @property {(frame: ResetFrame) => void} reset
 * @property {(frame: ErrorFrame) => void} error
 * @property {(frame: HeartbeatFrame) => void} heartbeat
 */

/**
 * @typedef {object} Options
 * @property {string} url
 * @property {number} backfill
 * @property {() => Record<string, string[]>} filters
 * @property {Handlers} handlers
 * @property {typeof WebSocket} [Socket]
 */

// What a close code means, and whether to reconnect (docs/reference.md).
/** @type {Record<number, { name: string, final?: boolean, slow?: boolean }>} */
export const CLOSED = {
  4401: { name: "signed-out", final: true },
  4403: { name: "forbidden", final: true },
  4400: { name: "reconnecting", slow: true },
  4429: { name: "reconnecting", slow: true },
  1012: { name: "restarting" },
  1013: { name: "database" },
  4503: { name: "database" },
};

// Reconnecting would close another page of the same account, which would reconnect.
/** @type {typeof CLOSED[number]} */
const SURPLUS = { name: "surplus", final: true };

/**
 * Milliseconds before the nth attempt: exponential, capped, with jitter so that pages do not reconnect together.
 * @param {number} attempt
 * @param {number} random
 */
export function backoff(attempt, random = Math.random()) {
  return Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt) * (0.5 + random);
}

export class Connection {
  /** @type {WebSocket | null} */
  socket = null;
  /** @type {string | null} */
  cursor = null;
  attempt = 0;
  unopened = 0; // attempts in a row that did not even open: no route, a WSGI server, a proxy in between
  opened = false;
  unacked = 0;
  unackedChars = 0;
  newest = 0;
  stopped = true;
  asked = false;
  outdated = false;
  surplus = false; // the server says that this account has too many sockets, and closes this one
  waiting = false; // frames of an older subscription may still be on their way
  /** @type {number | undefined} */
  retry;
  /** @type {number | undefined} */
  watchdog;
  /** @type {number | undefined} */
  ackTimer;

  /** @param {Options} options */
  constructor({ url, backfill, filters, handlers, Socket = WebSocket }) {
    this.url = url;
    this.backfill = backfill;
    this.filters = filters;
    this.handlers = handlers;
    this.Socket = Socket;
  }

  start() {
    this.stopped = this.surplus = false;
    this.#open();
  }

  /** Closes for good, without retrying. */
  stop() {
    this.stopped = true;
    this.#drop();
  }

  /** Reconnects now instead of waiting for the next attempt. */
  reconnect() {
    if (!this.stopped && !this.socket) this.#open();
  }

  /** Checks the connection after a network change: a server that does not answer soon is unreachable. */
  probe() {
    if (this.socket?.readyState !== 1) return;
    this.#send({ type: "ping" });
    this.#watch(ANSWER);
  }

  /** Subscribes anew with changed filters, on the same connection. */
  resubscribe() {
    this.cursor = null;
    this.newest = 0;
    if (this.asked)
      this.outdated = true; // one subscription at a time, so that each answer can be matched
    else if (this.socket?.readyState === 1) this.#subscribe();
  }

  #open() {
    clearTimeout(this.retry);
    this.#drop();
    this.handlers.state("connecting", { again: this.attempt > 0 || this.cursor !== null });
    const socket = new this.Socket(this.url);
    this.socket = socket;
    this.opened = false;
    socket.onopen = () => this.#hello();
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => this.socket === socket && this.#closed(code, reason);
    this.#watch();
  }

  #hello() {
    this.opened = true;
    this.unopened = 0;
    this.#subscribe();
  }

  #drop() {
    clearTimeout(this.watchdog);
    clearTimeout(this.ackTimer);
    this.ackTimer = undefined;
    this.unacked = this.unackedChars = 0;
    this.asked = false;
    const { socket } = this;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #subscribe() {
    this.asked = true;
    this.outdated = false;
    this.waiting = true;
    this.#send({ type: "subscribe", after: this.cursor, backfill: this.backfill, filters: this.filters() });
  }

  /** @param {object} frame */
  #send(frame) {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(frame));
  }

  #watch(patience = SILENCE) {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => this.#closed(1006, "no heartbeat"), patience);
  }

  /** @param {string} data */
  #receive(data) {
    this.#watch();
    /** @type {Frame} */
    const frame = JSON.parse(data);
    if (frame.type === "events") this.#events(frame, data.length);
    else if (frame.type === "ready") this.#ready(frame);
    else if (frame.type === "reset") this.#reset(frame);
    else if (frame.type === "error") this.#refused(frame);
    else if (frame.type === "heartbeat") this.#heartbeat(frame);
  }

  /**
   * The cursor cannot be resumed; the server starts over.
   * @param {ResetFrame} frame
   */
  #reset(frame) {
    this.cursor = null;
    this.newest = 0;
    this.handlers.reset(frame);
  }

  /**
   * A refused subscription gets no other answer; further events belong to the one before.
   * @param {ErrorFrame} frame
   */
  #refused(frame) {
    this.surplus ||= frame.code === "too_many_sockets";
    const answer = this.asked && /^bad_(filter|cursor)$/.test(frame.code);
    if (answer) this.asked = false;
    if (answer && this.outdated) this.#subscribe();
    else this.handlers.error(frame);
  }

  /** @param {ReadyFrame} frame */
  #ready(frame) {
    const resumed = this.cursor !== null;
    this.asked = false;
    this.attempt = 0;
    if (this.outdated) return this.#subscribe();
    this.waiting = false;
    if (frame.cursor) this.cursor = frame.cursor;
    this.handlers.ready(frame, resumed);
  }

  /**
   * @param {EventsFrame} frame
   * @param {number} size
   */
  #events(frame, size) {
    const last = frame.events.at(-1);
    this.unacked += frame.events.length;
    this.unackedChars += size;
    if (last && last.id > this.newest) this.newest = last.id;
    if (this.unacked >= ACK_EVENTS || this.unackedChars >= ACK_CHARS) this.#ack();
    else this.ackTimer ??= setTimeout(() => this.#ack(), ACK_EVERY);
    if (this.waiting) return;
    if (frame.cursor) this.cursor = frame.cursor;
    this.handlers.events(frame.events);
  }

  /** @param {HeartbeatFrame} frame */
  #heartbeat(frame) {
    if (this.waiting) return;
    if (frame.cursor) this.cursor = frame.cursor;
    this.handlers.heartbeat(frame);
  }

  #ack() {
    clearTimeout(this.ackTimer);
    this.ackTimer = undefined;
    if (this.unacked) this.#send({ type: "ack", id: this.newest });
    this.unacked = this.unackedChars = 0;
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #closed(code, reason) {
    this.#drop();
    const meaning = this.surplus ? SURPLUS : CLOSED[code];
    const { name, final = false, slow = false } = meaning ?? { name: "reconnecting" };
    if (final) this.stopped = true;
    if (this.stopped) return this.handlers.state(name, { reason });
    const wait = backoff(this.attempt + (slow ? 4 : 0));
    this.attempt += 1;
    if (!this.opened) this.unopened += 1;
    this.retry = setTimeout(() => this.#open(), wait);
    this.handlers.state(name, { reason, until: Date.now() + wait, unopened: this.unopened });
  }
}
