"""Keeps runs in the log's database: what each found, and how far one came that was interrupted.

Who may write the database is not believed: where to go on is signed with the project's SECRET_KEY, and for a day only.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from django.core import signing
from django.db import DatabaseError, transaction

from signal_log import clock
from signal_log.conf import conf
from signal_log.models import SealTree, Verification
from signal_log.seal.ranges import parse_ranges
from signal_log.seal.verify.events import Seen
from signal_log.seal.verify.wanted import Result, Wanted

SALT: Final = "signal_log.seal.verify"
LASTS: Final = 24 * 3600
EVERY: Final = 2.0
"""Seconds between two notes of how far a run has come."""
MOST_FINDINGS: Final = 200
PROGRESS: Final = "progress"
_RANGES: Final = ("redacted", "restated", "incomplete")


class Kept:
    """The row of one run; where the database takes none, as a replica, there is none."""

    def __init__(self, by: str) -> None:
        self._by = by
        self._begun = clock.now()
        self._row: Verification | None = None
        self._next = clock.monotonic() + EVERY

    def passed(self, wanted: Wanted) -> Callable[[Result, int, int, int], None]:
        """Note, now and then, how far the run has come, as long as it has found nothing."""

        def note(result: Result, generation: int, tiles: int, last: int) -> None:
            now = clock.monotonic()
            if now < self._next or not _is_clean(result.seen):
                return
            self._next = now + EVERY
            state = {"wanted": _plain(wanted), "generation": generation, "tiles": tiles, "seen": _state(result.seen)}
            token = signing.dumps(state, salt=SALT, compress=True)
            self._save(generation=generation, size=tiles * 256, last_id=last,
                       findings=[{"kind": PROGRESS, "token": token}])  # fmt: skip

        return note

    def end(self, result: Result) -> None:
        """Keep the verdict and the findings."""
        findings = [finding.as_json() for finding in result.report.findings[:MOST_FINDINGS]]
        findings += [{"kind": "unchecked", "text": text} for text in result.report.unchecked[:MOST_FINDINGS]]
        findings += [{"kind": "limit", "text": text} for text in (*result.report.acknowledged, *result.report.limits)]
        tree: SealTree | None = result.trees[-1] if result.trees else None
        with suppress(DatabaseError), transaction.atomic(using=conf.DATABASE):
            if self._row is not None:  # the newest row is that of the run which ended last
                Verification.objects.filter(pk=self._row.pk).delete()
            self._row = Verification.objects.create(
                begun_at=self._begun, by=self._by, verdict=result.verdict, whole=result.is_whole, findings=findings,
                ended_at=clock.now(), generation=tree.generation if tree else 1, size=tree.size if tree else 0,
                last_id=tree.last_id if tree else 0,
                looked_at="".join(f"\n{line}" for line in result.looked_at) + "\n" if result.looked_at else "",
            )  # fmt: skip

    def go_on(self) -> None:
        """Take over the row of the run that was interrupted last."""
        self._row = Verification.objects.order_by("-id").first()
        self._begun = self._row.begun_at if self._row is not None else self._begun

    def _save(self, **values: Any) -> None:
        with suppress(DatabaseError):
            if self._row is None:
                self._row = Verification.objects.create(begun_at=self._begun, by=self._by, **values)
            else:
                Verification.objects.filter(pk=self._row.pk).update(**values)


def last_interrupted(wanted: Wanted) -> tuple[int, int, Seen] | None:
    """Where the newest run that wanted the same was interrupted: the generation, the tile, and what it had seen."""
    newest = Verification.objects.order_by("-id").first()
    if newest is None or newest.verdict != Verification.Verdict.RUNNING or not newest.findings:
        return None
    try:
        state = signing.loads(newest.findings[0].get("token", ""), salt=SALT, max_age=LASTS)
    except signing.BadSignature:
        return None
    if state["wanted"] != _plain(wanted):
        return None
    seen = Seen(rows=state["seen"]["rows"])
    for name in _RANGES:
        setattr(seen, name, parse_ranges(state["seen"][name]))
    seen.gone = {int(generation): parse_ranges(text) for generation, text in state["seen"]["gone"].items()}
    return state["generation"], state["tiles"], seen


def _is_clean(seen: Seen) -> bool:
    return not (
        seen.modified
        or seen.lost
        or seen.extra
        or seen.moved
        or seen.more
        or seen.misnamed.count
        or seen.renumbered.count
    )


def _state(seen: Seen) -> dict[str, Any]:
    return {
        "rows": seen.rows,
        "gone": {str(generation): str(ranges) for generation, ranges in seen.gone.items()},
        **{name: str(getattr(seen, name)) for name in _RANGES},
    }


def _plain(wanted: Wanted) -> list[Any]:
    plain = replace(wanted, checkpoints=())
    return [list(plain.vkeys), list(plain.witnesses), plain.since, list(plain.shard)]
