"""The immutable event: one firing of one signal, as it will be stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, NamedTuple, TypeVar, get_type_hints

COMMITTED: Final = "committed"
ROLLED_BACK: Final = "rolled_back"
FAILED: Final = "failed"
OUTCOMES: Final = (COMMITTED, ROLLED_BACK, FAILED)

PRE_SAVE: Final = "pre_save"
POST_SAVE: Final = "post_save"
PRE_DELETE: Final = "pre_delete"
POST_DELETE: Final = "post_delete"
M2M_CHANGED: Final = "m2m_changed"
MODEL_SIGNALS: Final = (PRE_SAVE, POST_SAVE, PRE_DELETE, POST_DELETE)

MASK: Final = "••••••••"
"""Replaces a secret in the log, revealing neither its length nor any part of it."""

UNKNOWN: Final = {"unknown": True}
"""Stands in ``changes`` for a value that nobody knows, such as that of a deferred field."""

BY_HAND: Final = "sent_by_hand"
"""Marks, in ``origin``, an event whose signal was sent by the host's own code, not by a save or delete."""

INCOMPLETE: Final = "Not fully recorded"
"""How the ``error`` begins of an event that the recorder could not build completely."""

MIGRATION: Final = "migration"
"""The source of everything ``migrate`` does, including data migrations."""

ACCESSED: Final = "accessed"
"""The signal of an event that tells that somebody was shown an object of a model in ``READS``."""

DATABASE: Final = "database"
"""The source of writes past Django that a trigger in the database told of (``signal_guard``)."""

BASELINE: Final = "signal_log.baseline"
"""The signal of an event that tells what a row held that no other event tells of, as ``signal_baseline`` found it."""

MAINTENANCE: Final = "signal_log.maintenance"
"""The signal of an event that tells that a command was allowed to change rows of the log. The triggers know it."""

NEVER_PRUNED: Final = (
    MAINTENANCE,
    "signal_log.held",
    "signal_log.released",
    "signal_log.sealed",
    "signal_log.archived",
)
"""Signals of events that stay: without them nobody could tell a prune, or a redaction, from a theft."""

Changes = dict[str, list[Any]]

HEADER: Final = "header"
SUBJECT: Final = "subject"
PAYLOAD: Final = "payload"

T = TypeVar("T")
InHeader = Annotated[T, HEADER]
"""Sealed for ever; nothing in the header can name a person."""
InSubject = Annotated[T, SUBJECT]
"""Keys of the rows and accounts that the event is about; they can be erased with the subject's salt."""
InPayload = Annotated[T, PAYLOAD]
"""Names, values and texts; they can be erased with the payload's salt."""

NO_CHANGES: Final[Changes] = {}


class Event(NamedTuple):
    """One event. Each field is a column of the log, and is declared with the part of the digest that it is in.

    ``trace_id`` is a UUID's text; ``occurred_at`` is an aware UTC datetime; ``changes`` maps a field's name to
    ``[old, new]`` in the JSON domain of ``signal_log.seal.canonical``; ``salt`` is the subject's followed by the
    payload's.
    """

    signal: InHeader[str]
    sender: InHeader[str]
    using: InHeader[str]
    trace_id: InHeader[str]
    position: InHeader[int]
    operation: InHeader[int]
    source: InHeader[str]
    occurred_at: InHeader[datetime]
    process: InHeader[str]
    object_pk: InSubject[str] = ""
    object_repr: InPayload[str] = ""
    created: InHeader[bool | None] = None
    raw: InHeader[bool] = False
    update_fields: InHeader[list[str] | None] = None
    origin: InSubject[dict[str, Any] | None] = None
    changes: InPayload[Changes] = NO_CHANGES
    overwrote: InHeader[list[str] | None] = None
    labels: InPayload[Mapping[str, Any] | None] = None
    parent_position: InHeader[int | None] = None
    caused_by: InHeader[str] = ""
    outcome: InHeader[str] = COMMITTED
    error: InPayload[str] = ""
    actor_pk: InSubject[str] = ""
    actor_repr: InPayload[str] = ""
    request_id: InSubject[str] = ""
    method: InHeader[str] = ""
    path: InPayload[str] = ""
    remote_addr: InPayload[str] = ""
    call_site: InPayload[str] = ""
    salt: bytes = b""
    digest: bytes = b""


EventValues = Sequence[Any]
"""The values of an event in the order of its fields: an ``Event``, or a list, which costs less to make."""


def _declared(part: str) -> tuple[str, ...]:
    """The fields of one part of the digest, sorted, which is their order in canonical JSON."""
    hints = get_type_hints(Event, include_extras=True)
    return tuple(sorted(name for name, hint in hints.items() if part in getattr(hint, "__metadata__", ())))


HEADER_FIELDS: Final = _declared(HEADER)
SUBJECT_FIELDS: Final = _declared(SUBJECT)
PAYLOAD_FIELDS: Final = _declared(PAYLOAD)
