"""What the log has seen of receivers: how often and how long they ran, and what they caused. Bounded reads only."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from typing import Final

from django.db.models import Count, F, Q

from signal_log import clock
from signal_log.event import FAILED
from signal_log.models import ReceiverCall
from signal_log.store.read import events
from signal_log.telemetry.read import LIMIT, receiver_calls

NEWEST: Final = 20_000
"""So many of the newest events, and calls, are looked at for what receivers caused and for those that are gone."""
SECONDS: Final = 1.0
"""After this long, receivers that are left are told without their calls."""

Kind = tuple[str, str, str]
"""Receiver, signal and sender."""
Row = tuple[int, str, uuid.UUID, int, int]
"""A call: how long it took, its error, its trace, the position of its event and when it began."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest calls of a receiver, at most 500, times in microseconds."""

    calls: int = 0
    errors: int = 0
    p50_us: int = 0
    p95_us: int = 0
    last: datetime | None = None
    durations: list[int] = field(default_factory=list)
    """Oldest first."""


UNSEEN: Final = Seen()


def seen(kinds: Iterable[Kind]) -> dict[Kind, list[Seen]]:
    """Each kind's newest calls, one query by index for each; of one that is connected n times, those of each.

    Calls for one event are told apart by when they began.
    """
    found: dict[Kind, list[Seen]] = {}
    deadline = clock.monotonic() + SECONDS
    for kind, number in Counter(kinds).items():
        receiver, signal, sender = kind
        calls = receiver_calls().filter(receiver=receiver, signal=signal)
        if sender:
            calls = calls.filter(sender=sender)
        newest = calls.order_by("-id").values_list("duration_us", "error", "trace_id", "position", "started_us")
        shares = _dealt(list(newest[:LIMIT]), number)
        if any(shares):
            found[kind] = [_seen(share) for share in shares]
        if clock.monotonic() > deadline:
            break
    return found


def _dealt(rows: list[Row], number: int) -> list[list[Row]]:
    if number == 1:
        return [rows]
    shares: list[list[Row]] = [[] for _ in range(number)]
    nth: Counter[tuple[uuid.UUID, int]] = Counter()
    for row in sorted(rows, key=lambda row: row[4]):
        shares[nth[row[2], row[3]] % number].append(row)
        nth[row[2], row[3]] += 1
    order = {id(row): at for at, row in enumerate(rows)}
    return [sorted(share, key=lambda row: order[id(row)]) for share in shares]


def _seen(rows: list[Row]) -> Seen:
    if not rows:
        return UNSEEN
    durations = [row[0] for row in rows]
    return Seen(
        len(rows), sum(bool(row[1]) for row in rows), quantile(durations, 0.5), quantile(durations, 0.95),
        time_of(rows[0][2]), durations[::-1],
    )  # fmt: skip


def caused() -> dict[str, Counter[tuple[str, str]]]:
    """What each receiver caused lately: how often which verb on which model, also what it tried and failed to do."""
    newest = events().order_by("-id").values_list("id", flat=True).first() or 0
    recent = events().filter(id__gt=newest - NEWEST).exclude(caused_by="").order_by()
    has_failed = Q(position=F("operation"), outcome=FAILED)
    done = recent.filter(~Q(position=F("operation")) | Q(signal__startswith="silent_") | has_failed)
    found: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for receiver, sender, signal, created, number in done.values_list(
        "caused_by", "sender", "signal", "created"
    ).annotate(number=Count("id")):
        found[receiver][verb_of(signal, created=created), sender] += number
    return found


def lately_called() -> set[Kind]:
    """The receivers among the newest calls, connected or not."""
    newest = receiver_calls().order_by("-id").values_list("id", flat=True).first() or 0
    recent = ReceiverCall.objects.filter(id__gt=newest - NEWEST).order_by()
    return set(recent.values_list("receiver", "signal", "sender").distinct())


def time_of(trace_id: uuid.UUID) -> datetime | None:
    """When a trace began, which its id (UUID version 7) tells."""
    if trace_id.version != 7:
        return None
    return datetime.fromtimestamp((trace_id.int >> 80) / 1_000, UTC)


def quantile(durations: Iterable[int], part: float) -> int:
    """The nearest-rank quantile of at least one duration."""
    ordered = sorted(durations)
    return ordered[max(0, ceil(part * len(ordered)) - 1)]


def verb_of(signal: str, *, created: bool | None) -> str:
    """What happened; an operation that never came to its post signal failed."""
    known: Mapping[str, str] = {
        "post_delete": "deleted", "m2m_changed": "changed a relation of", "pre_save": "failed to save",
        "pre_delete": "failed to delete",
    }  # fmt: skip
    if signal == "post_save":
        return "created" if created else "updated"
    return known.get(signal) or signal.replace("_", " ")
