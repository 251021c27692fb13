// The types of what travels and of what is held: events as the server sends them, and the rows a page makes of them.

/** @import { Tally } from "./facets.js" */

/**
 * An event as the server sends it.
 * @typedef {object} SignalEvent
 * @property {number} id
 * @property {string} signal
 * @property {string} sender the model's label
 * @property {string} object_pk
 * @property {string} object_repr
 * @property {boolean | null} created
 * @property {boolean} raw
 * @property {string[] | null} update_fields
 * @property {Origin | null} origin
 * @property {Record<string, Pair> | null} changes
 * @property {string[] | null} [overwrote]
 * @property {string[]} [past] the fields that it found written past Django, once that was asked
 * @property {string} trace_id
 * @property {number} position
 * @property {number | null} parent_position
 * @property {number} operation
 * @property {string} caused_by
 * @property {string} [call_site]
 * @property {Record<string, unknown> | null} [labels]
 * @property {Outcome} outcome
 * @property {string} error
 * @property {string} actor_pk
 * @property {string} actor_repr
 * @property {string} source
 * @property {string} [method]
 * @property {string} [path]
 * @property {string} [remote_addr]
 * @property {string} occurred_at
 * @property {string | null} [redacted_at]
 */

/** @typedef {"committed" | "rolled_back" | "failed"} Outcome */
/** @typedef {[old: unknown, now: unknown]} Pair of the values of a field */
/** @typedef {{ model?: string, pk?: string, statement?: string, sent_by_hand?: boolean }} Origin */
/**
 * A call of a receiver as the server tells it once its trace is over; `started_us` counts from the event's first call.
 * @typedef {object} Run
 * @property {string} receiver
 * @property {number} started_us
 * @property {number} duration_us
 * @property {number} queries
 * @property {string} error
 * @property {boolean} slow as the page of its trace says: 100 ms of its own, or a fifth of the trace
 * @property {boolean} stands whether what it raised has undone nothing
 * @property {Usual | null} standing
 */
/** @typedef {{ text: string, unusual: boolean, times: number, p50: number, p99: number, at: number | null }} Usual */
/** @typedef {"created" | "updated" | "deleted" | "silent" | "m2m" | "signal"} Verb what happened to the row */
/** @typedef {Verb | "viewed" | "about" | "undone" | "failed" | "refused"} Kind */
/** @typedef {[role: string, text: string]} Piece of a line */

/** @typedef {{ type: "events", events: SignalEvent[], cursor?: string }} EventsFrame */
/** @typedef {{ cursor?: string, layer?: string, database?: string }} Health */
/** @typedef {Health & { type: "ready", server_time?: string }} ReadyFrame */
/** @typedef {Health & { type: "heartbeat" }} HeartbeatFrame */
/** @typedef {{ type: "reset", reason: string }} ResetFrame */
/** @typedef {{ type: "error", code: string, detail: string }} ErrorFrame */
/** @typedef {EventsFrame | ReadyFrame | HeartbeatFrame | ResetFrame | ErrorFrame} Frame of the socket */

/**
 * An answer of the history.
 * @typedef {object} Page
 * @property {SignalEvent[]} events
 * @property {number | null} older
 * @property {number | null} searched_to
 * @property {string[]} [unmatched] which filters nothing can ever match
 * @property {string | null} [since]
 * @property {string | null} [until]
 * @property {{ place: string, events: number, problem: string } | null} [archived] what of it is from the archive
 */

/**
 * An event in short, as it is held.
 * @typedef {object} ShortEvent
 * @property {number} id
 * @property {string} signal
 * @property {string} sender
 * @property {string} actor
 * @property {Outcome} outcome
 * @property {string} source
 * @property {number} position
 * @property {number} at in milliseconds since 1970
 * @property {Kind} kind
 * @property {string} word
 * @property {SignalRow} [row]
 */

/**
 * The signals of one save or delete, folded into a row.
 * @typedef {object} Operation
 * @property {"operation"} type
 * @property {string} key
 * @property {Trace} trace
 * @property {number} position
 * @property {number} id
 * @property {ShortEvent[]} events
 * @property {string} sender
 * @property {string} pk
 * @property {string} repr
 * @property {string} actor
 * @property {string} source
 * @property {number} at
 * @property {Kind | ""} kind
 * @property {string} word
 * @property {Piece[]} pieces
 * @property {Operation | null} parent
 * @property {number | null} parentPosition
 * @property {Operation[]} children
 * @property {string} via
 * @property {string} origin
 * @property {number} rootId
 * @property {number} depth
 * @property {number} version
 * @property {number} born
 * @property {boolean} stale
 * @property {boolean} [gone] no longer held
 * @property {boolean} [dim] shown although the filter hides it
 * @property {Tally | null} [tally] as which it counts in the span shown
 * @property {boolean} [inRate]
 * @property {boolean} [inSpan]
 * @property {boolean} [asked] whether its whole events were asked for
 * @property {Store} [home] where its whole events are, if not in the list's store
 * @property {CascadeRow | null} [cascade]
 * @property {Doing} [counted]
 */

/**
 * What is missing between two rows.
 * @typedef {object} Gap
 * @property {"gap"} type
 * @property {string} key
 * @property {string} reason
 * @property {number} rootId
 * @property {number} position
 * @property {number} id
 * @property {number} from
 * @property {number} [to]
 * @property {number} version
 * @property {number} depth
 * @property {boolean} [gone]
 * @property {boolean} [dim]
 */

/** @typedef {{ kind: string, text: string, number: number }} Doing of which a second counts how often it was done */

/**
 * @typedef {object} Trace
 * @property {string} id
 * @property {Map<number, Operation>} operations
 * @property {Map<number, Operation>} positions
 * @property {Map<number, Operation[]>} orphans
 */

/** @import { Store } from "./store.js" */
/** @import { SignalRow } from "./rows.js" */
/** @import { CascadeRow, MemberRow } from "./cascades.js" */
/** @import { Second } from "./storm.js" */

/**
 * One of some types, of which each has all fields of the others too, as undefined.
 * @template U
 * @template {PropertyKey} [All=U extends unknown ? keyof U : never]
 * @typedef {U extends unknown ? U & { [K in Exclude<All, keyof U>]?: undefined } : never} OneOf
 */

/** @typedef {Operation | Gap | SignalRow | CascadeRow | MemberRow} AnyPlacedRow */
/** @typedef {OneOf<AnyPlacedRow | Second>} Row of the list */
/** @typedef {Exclude<Row, { type: "gap" | "second" }>} ToldRow that says what was done, in cells */
/** @typedef {Exclude<Row, { type: "second" }>} PlacedRow that has a place in the order of the list */

/**
 * What the table shows: the newest row is at 0.
 * @typedef {object} List
 * @property {number} length
 * @property {(index: number) => Row} at
 * @property {(row: Row) => number} indexOf
 * @property {(newest?: Row) => List} frozen
 * @property {(rows: PlacedRow[]) => void} merge
 * @property {(unwanted: (row: Row) => boolean | undefined) => void} drop
 */

export {};
