"""What filters, an account or a row are in the columns of an archive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from signal_log.filters import Filters
from signal_log.query_language.keys import PINNED
from signal_log.rows import is_of_a_model
from signal_log.seal.iceberg.conditions import Conditions

COLUMNS: Final = ("sender", "signal", "outcome", "source", "actor_pk")
"""The filters that are a column of the archive, and match whole."""


def can_answer(filters: Filters) -> bool:
    """Whether events tell what these filters ask: neither times nor pins are archived."""
    return not (filters.needs_times or filters.asks(PINNED))


def in_columns(filters: Filters, since: datetime | None, until: datetime | None) -> Conditions:
    """What of the filters the archive's columns tell; each event is asked the rest."""
    clauses: list[str] = []
    values: list[Any] = []
    for key, texts in filters.wanted.items():
        if key in COLUMNS:
            clauses.append(f"{key} IN ({_marks(texts)})")
            values += texts
        elif key == "trace":
            clauses.append(f"trace_id IN ({_marks(texts)})")
            values += [str(UUID(text)) for text in texts]
        elif key == "actor":
            clauses.append(f"(actor_repr IN ({_marks(texts)}) OR actor_pk IN ({_marks(texts)}))")
            values += [*texts, *texts]
        elif key == "object" and all(is_of_a_model(text.partition("/")[0]) and "/" in text for text in texts):
            clauses.append(f"object_pk IN ({_marks(texts)})")
            values += [text.partition("/")[2] for text in texts]
    for sign, moment in ((">=", since), ("<=", until)):
        if moment is not None:
            clauses.append(f"occurred_at {sign} ?")
            values.append(moment)
    return Conditions(clauses, values, since, until)


def of_account(pk: str) -> Conditions:
    """Of what an account did."""
    return Conditions(["actor_pk = ?"], [pk])


def of_row(labels: Sequence[str], pk: str) -> Conditions:
    """Of what was done to a row, under whichever of the labels."""
    return Conditions([f"object_pk = ? AND sender IN ({_marks(labels)})"], [pk, *labels])


def _marks(texts: Sequence[str]) -> str:
    return ", ".join("?" * len(texts))
