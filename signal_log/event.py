"""The immutable event: one firing of one signal, as it will be stored."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Final, NamedTuple

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

MIGRATION: Final = "migration"
"""The source of everything ``migrate`` does, including data migrations."""

Changes = dict[str, list[Any]]


class Event(NamedTuple):
    """One event, with fields in the order of the table's columns.

    ``duration_us`` is in microseconds; ``occurred_at`` is an aware UTC datetime; ``changes`` maps a field's name to
    ``[old, new]`` in the JSON domain of ``signal_log.seal.canonical``.
    """

    signal: str
    sender: str
    object_pk: str
    object_repr: str
    created: bool | None
    raw: bool
    using: str
    update_fields: list[str] | None
    origin: dict[str, Any] | None
    changes: Changes
    receivers: list[dict[str, Any]]
    duration_us: int | None
    trace_id: uuid.UUID
    position: int
    parent_position: int | None
    operation: int
    caused_by: str
    outcome: str
    error: str
    actor_pk: str
    actor_repr: str
    source: str
    request_id: str
    method: str
    path: str
    remote_addr: str
    call_site: str
    occurred_at: datetime
    process: str
    salt: bytes = b""
    digest: bytes = b""
