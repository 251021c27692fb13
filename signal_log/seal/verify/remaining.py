"""Compares what is left of redacted events with what the event of each redaction says that it left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from django.db import DatabaseError

from signal_log.models import SignalEvent
from signal_log.seal.ranges import Ranges
from signal_log.seal.redacted import stored
from signal_log.seal.remains import Left
from signal_log.seal.verify.allowed import Allowed
from signal_log.seal.verify.findings import MODIFIED, Report
from signal_log.seal.verify.hashing import UNREADABLE

FEW: Final = 500


def compare_remains(redacted: Ranges, allowed: Allowed, report: Report, known: Ranges) -> None:
    """Compare rows of the table with what their newest redaction left; ``known`` ones have a finding already."""
    left, wrong = redacted, Ranges()
    for redaction in reversed(allowed.redactions):
        if not redaction.in_archive and (rows := redaction.rows.common(left)):
            left = left.without(rows)
            wrong.update(Ranges.of(_altered(redaction.left, rows)))
    if wrong := wrong.without(known):
        what = "1 redacted event is" if wrong.count == 1 else f"{wrong.count:,} redacted events are"
        report.find(MODIFIED, f"{what} not what the redaction left: {wrong}.", events=wrong)


def lefts_in(numbers: Ranges, allowed: Allowed) -> Callable[[int, Mapping[str, Any]], bool]:
    """Whether an archived event is as one of its redactions left it; asked for events among these.

    One that was interrupted has told of itself, and not changed the file: so it need not be the newest.
    """
    lefts = [redaction.left for redaction in allowed.redactions if redaction.rows.common(numbers)]

    def is_left(number: int, event: Mapping[str, Any]) -> bool:
        kept = bytes.fromhex(event["kept_hashes"]) if event["kept_hashes"] else None
        salt = bytes.fromhex(event["salt"])
        naming = [left for left in lefts if number in left.rows]
        return not naming or any(left.fits(number, event, salt, kept) for left in naming)

    return is_left


def _altered(left: Left, rows: Ranges) -> Iterator[int]:
    numbers = (number for first, last in rows for number in range(first, last + 1))
    while some := list(islice(numbers, FEW)):
        try:
            found = list(SignalEvent.objects.filter(pk__in=some))
        except (*UNREADABLE, DatabaseError):
            found = list(_readable(some))
        for event in found:
            if not left.fits(event.pk, *stored(event)):
                yield event.pk


def _readable(numbers: list[int]) -> Iterator[SignalEvent]:
    """Those that can be read; the others have a finding of their own."""
    for number in numbers:
        with suppress(*UNREADABLE, DatabaseError):
            yield from SignalEvent.objects.filter(pk=number)
