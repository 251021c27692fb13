// The websocket connection: subscribes, resumes, acknowledges, detects silence and reconnects.

const SILENCE = 35_000; // the server sends a heartbeat every 15 s
const ANSWER = 5_000; // a ping is answered at once
const ACK_EVENTS = 100; // well within the server's window of 2,000 events or 256 KB
const ACK_CHARS = 64_000;
const ACK_EVERY = 3_000;
const FIRST_WAIT = 800;
const LONGEST_WAIT = 20_000;

// What a close code means, and whether to reconnect (docs/reference.md).
export const CLOSED = {
  4401: { name: "signed-out", final: true },
  4403: { name: "forbidden", final: true },
  4400: { name: "reconnecting", slow: true },
  4429: { name: "reconnecting", slow: true },
  1012: { name: "restarting" },
  1013: { name: "database" },
  4503: { name: "database" },
};

/** Milliseconds before the nth attempt: exponential, capped, with jitter so that pages do not reconnect together. */
export function backoff(attempt, random = Math.random()) {
  return Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt) * (0.5 + random);
}

export class Connection {
  /** `handlers`: state(name, details), events(list), ready(frame), reset(frame), error(frame), heartbeat(frame). */
  constructor({ url, backfill, filters, handlers, Socket = WebSocket }) {
    Object.assign(this, { url, backfill, filters, handlers, Socket });
    this.cursor = null;
    this.attempt = 0;
    this.unacked = this.unackedChars = 0;
    this.newest = 0;
    this.stopped = true;
  }

  start() {
    this.stopped = false;
    this.#open();
  }

  /** Closes for good, without retrying. */
  stop() {
    this.stopped = true;
    this.#drop();
  }

  /** Reconnects now instead of waiting for the next attempt. */
  hurry() {
    if (!this.stopped && !this.socket) this.#open();
  }

  /** Checks the connection after a network change: a server that does not answer soon is unreachable. */
  probe() {
    if (this.socket?.readyState !== 1) return;
    this.#send({ type: "ping" });
    this.#listen(ANSWER);
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
    socket.onopen = () => this.#subscribe();
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => this.socket === socket && this.#closed(code, reason);
    this.#listen();
  }

  #drop() {
    clearTimeout(this.watchdog);
    clearTimeout(this.ackTimer);
    this.ackTimer = null;
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
    this.waiting = true; // frames of an older subscription may still be on their way
    this.#send({ type: "subscribe", after: this.cursor, backfill: this.backfill, filters: this.filters() });
  }

  #send(frame) {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(frame));
  }

  #listen(patience = SILENCE) {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => this.#closed(1006, "no heartbeat"), patience);
  }

  #receive(data) {
    this.#listen();
    const frame = JSON.parse(data);
    if (frame.type === "events") this.#events(frame, data.length);
    else if (frame.type === "ready") this.#ready(frame);
    else if (frame.type === "reset") this.#reset(frame);
    else if (frame.type === "error") this.#refused(frame);
    else if (frame.type === "heartbeat") this.#heartbeat(frame);
  }

  /** The cursor cannot be resumed; the server starts over. */
  #reset(frame) {
    this.cursor = null;
    this.newest = 0;
    this.handlers.reset(frame);
  }

  /** A refused subscription gets no other answer; further events belong to the one before. */
  #refused(frame) {
    const answer = this.asked && /^bad_(filter|cursor)$/.test(frame.code);
    if (answer) this.asked = false;
    if (answer && this.outdated) this.#subscribe();
    else this.handlers.error(frame);
  }

  #ready(frame) {
    const resumed = this.cursor !== null;
    this.asked = false;
    this.attempt = 0;
    if (this.outdated) return this.#subscribe();
    this.waiting = false;
    if (frame.cursor) this.cursor = frame.cursor;
    this.handlers.ready(frame, resumed);
  }

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

  #heartbeat(frame) {
    if (this.waiting) return;
    if (frame.cursor) this.cursor = frame.cursor;
    this.handlers.heartbeat(frame);
  }

  #ack() {
    clearTimeout(this.ackTimer);
    this.ackTimer = null;
    if (this.unacked) this.#send({ type: "ack", id: this.newest });
    this.unacked = this.unackedChars = 0;
  }

  #closed(code, reason) {
    this.#drop();
    const { name, final = false, slow = false } = CLOSED[code] ?? { name: "reconnecting" };
    if (final) this.stopped = true;
    if (this.stopped) return this.handlers.state(name, { reason });
    const wait = backoff(this.attempt + (slow ? 4 : 0));
    this.attempt += 1;
    this.retry = setTimeout(() => this.#open(), wait);
    this.handlers.state(name, { reason, until: Date.now() + wait });
  }
}
