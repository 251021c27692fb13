"""The set of a many-to-many relation as it was: today's without what was done since, or all that was done to it.

Rows of the relation itself have no events. So the set is known as long as the log has every ``m2m_changed`` between the
moment and today, from both sides, or between the creation and the moment; where it does not, that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import DatabaseError, models
from django.db.models import Q

from signal_log.audit.breaks.continuity import ENDS
from signal_log.audit.breaks.known import WHOLE
from signal_log.capture.model.keys import key_text
from signal_log.capture.model.object_text import repr_of
from signal_log.capture.model.plan import Plan
from signal_log.capture.model.registry import plan_of
from signal_log.event import COMMITTED, M2M_CHANGED
from signal_log.models import SignalEvent
from signal_log.models.event import UNUSUAL
from signal_log.rows import labels_of_row
from signal_log.seal.ranges import parse_ranges
from signal_log.show.story.gone import gone_of
from signal_log.show.story.restorable import AS_NEW, NOT_IN_FORM_WORDS, STAYS, Offered
from signal_log.show.words.diff import Piece, Side, pairs, side
from signal_log.show.words.text import one_line
from signal_log.store.read import events
from signal_log.store.span import Events

MOST: Final = 1_000
"""Of a relation changed more often than this, from either side, the set is not worked out."""
MOST_NAMED: Final = 20

NOT_TOLD: Final = "the log does not tell which there were"


Step = tuple[SignalEvent, bool, "set[str] | None"]
"""An event, whether it added keys, and which; None where it does not tell."""


class UnknownError(Exception):
    """Why a set is not known."""


@dataclass(frozen=True, slots=True)
class Row:
    """The row whose relations are wanted, and when."""

    recorded: Events
    label: str
    pk: str
    at: datetime
    before: int | None
    """The event right before which it is wanted, if any."""
    row: models.Model | None
    """The row that is there today under its old key."""
    using: str


def sets_offered(
    wanted: Row, model: type[models.Model], into: models.Model | None, in_form: frozenset[str]
) -> list[Offered]:
    """Each many-to-many relation of the model: what it held, beside what the row that is filled in holds today."""
    found = [_offered(wanted, field, into, in_form) for field in model._meta.many_to_many]
    return found if into is not None else [replace(one, why_not=one.why_not.replace(STAYS, AS_NEW)) for one in found]


def _offered(wanted: Row, field: Any, into: models.Model | None, in_form: frozenset[str]) -> Offered:
    if not isinstance(field, models.ManyToManyField):
        return Offered(field.name, None, why_not=f"a library's own relation, which no form here can fill: {STAYS}")
    now = _today(field, into) if into is not None else None
    shown_now = _shown(field, now, wanted.using) if now is not None else None
    try:
        then, note = _then(wanted, field)
    except UnknownError as why:
        return Offered(field.name, None, shown_now, why_not=f"{why}: {STAYS}", differs=False)
    there = _there(field, then, wanted.using)
    value = [one.pk for one in there]
    lost = sorted(then - {key_text(one) for one in there})
    if lost:
        note = f"no longer there: {one_line(', '.join(lost), 80)}"
    differs = now is None or {str(pk) for pk in value} != now
    why_not = "" if field.name in in_form else NOT_IN_FORM_WORDS
    return Offered(field.name, _shown(field, then, wanted.using), shown_now, value, why_not, note, differs)


def _then(wanted: Row, field: Any) -> tuple[set[str], str]:
    """The keys at the moment, and what is to be said of them; raises ``UnknownError``.

    From the creation on, if that is known: the rows of those that were deleted since are gone without a signal.
    """
    steps, creation, pruned = list(_steps(wanted, field)), _creation(wanted), _last_pruned()
    if creation is not None and pruned < creation:
        try:
            return _done([one for one in steps if one[0].pk > creation and not _is_later(wanted, one[0])]), ""
        except UnknownError:
            if wanted.row is None:
                raise
    if wanted.row is None:
        raise UnknownError(f"{NOT_TOLD}: events were pruned" if creation is not None else NOT_TOLD)
    since = [one for one in steps if _is_later(wanted, one[0])]
    lost = events().filter(
        UNUSUAL, sender__in=labels_of_row(_target(field)._meta.label), signal__in=ENDS, outcome=COMMITTED,
        occurred_at__gt=wanted.at,
    )  # fmt: skip
    note = "without those that were deleted since" if lost.order_by()[:1].exists() else ""
    return _undone(_today(field, wanted.row), since, pruned, wanted), note


def _done(steps: Sequence[Step]) -> set[str]:
    keys: set[str] = set()
    for _, is_added, told in steps:
        keys = keys | _certain(told) if is_added else keys - _certain(told)
    return keys


def _undone(keys: set[str], since: Sequence[Step], pruned: int, wanted: Row) -> set[str]:
    if pruned and wanted.recorded.filter(occurred_at__gt=wanted.at, pk__lte=pruned).order_by()[:1].exists():
        raise UnknownError(f"{NOT_TOLD}: events were pruned")
    for _, is_added, told in reversed(since):
        keys = keys - _certain(told) if is_added else keys | _certain(told)
    return keys


def _certain(told: set[str] | None) -> set[str]:
    if told is None:
        raise UnknownError(NOT_TOLD)
    return told


def _is_later(wanted: Row, event: SignalEvent) -> bool:
    return event.occurred_at > wanted.at or event.pk == wanted.before


def _steps(wanted: Row, field: Any) -> Iterator[Step]:
    """What was done to the set, oldest first, from either side; without keys where an event does not tell which."""
    labels, others = labels_of_row(wanted.label), labels_of_row(_target(field)._meta.label)
    accessor = field.remote_field.get_accessor_name() or field.name
    through = field.remote_field.through._meta.label
    done = Q(outcome=COMMITTED)
    changed = events().filter(UNUSUAL, done, signal=M2M_CHANGED)
    own = wanted.recorded.filter(UNUSUAL, done, signal=M2M_CHANGED)
    reverse = changed.filter(sender__in=others, changes__has_key=accessor).exclude(
        sender__in=labels, object_pk=wanted.pk
    )
    silent = events().filter(UNUSUAL, done, sender=through, signal__startswith="silent_")
    erased = changed.filter(sender__in=[*labels, *others], object_pk="", redacted_at__isnull=False)
    found = {event.pk: event for part in (own, reverse, silent, erased) for event in part.order_by("-pk")[: MOST + 1]}
    if len(found) > MOST:
        raise UnknownError(f"it was changed more than {MOST:,} times")
    for _, event in sorted(found.items()):
        if event.signal != M2M_CHANGED or (event.redacted_at is not None and event.object_pk == ""):
            yield event, True, None
        elif str((event.origin or {}).get("action", "")).startswith("post_"):
            is_own = event.sender in labels and event.object_pk == wanted.pk
            yield from _told(event, field.name if is_own else accessor, None if is_own else wanted.pk)


def _told(event: SignalEvent, name: str, only: str | None) -> Iterator[Step]:
    """What one event did to the set; of one from the other side, whether the row was among those it names."""
    for changed, old, new in pairs(event.changes):
        if changed != name:
            continue
        keys = new if old is None else old
        if not isinstance(keys, list):
            yield event, old is None, None
            continue
        texts = {str(key) for key in keys}
        if only is None:
            yield event, old is None, texts
        elif only in texts:
            yield event, old is None, {event.object_pk}


def _target(field: Any) -> type[models.Model]:
    model: type[models.Model] = field.remote_field.model
    return model


def _creation(wanted: Row) -> int | None:
    """The creation of the row as it was at the moment."""
    made = wanted.recorded.filter(WHOLE, created=True, outcome=COMMITTED, occurred_at__lte=wanted.at).order_by()
    found = list(made.values_list("pk", flat=True)[:MOST])
    return max(found, default=None)


def _last_pruned() -> int:
    prune = gone_of(()).prune
    ranges = list(parse_ranges(str((prune.labels or {}).get("events", "")))) if prune is not None else []
    return max((last for _, last in ranges), default=0)


def _today(field: Any, row: models.Model) -> set[str]:
    try:
        found = getattr(row, field.name).all().order_by()
        return {str(pk) for pk in found.values_list("pk", flat=True)}
    except (DatabaseError, ValueError) as error:
        raise UnknownError("it cannot be read") from error


def _there(field: Any, keys: Iterable[str], using: str) -> list[models.Model]:
    target = _target(field)
    try:
        wanted = [target._meta.pk.to_python(key) for key in keys]
        return list(target._base_manager.using(using).filter(pk__in=wanted).order_by("pk"))
    except (ValidationError, ValueError, TypeError, DatabaseError) as error:
        raise UnknownError("its keys are none of that model any more") from error


def _shown(field: Any, keys: Iterable[str], using: str) -> Side:
    """Keys, with the names of those that are there."""
    keys = sorted(keys, key=lambda key: (len(key), key))
    plan = plan_of(_target(field)) or Plan(_target(field))
    names = {key_text(one): repr_of(plan, one) for one in _there(field, keys[:MOST_NAMED], using)}
    told = [f"{key} {names[key]}" if names.get(key) else key for key in keys[:MOST_NAMED]]
    if len(keys) > MOST_NAMED:
        told.append(f"and {len(keys) - MOST_NAMED} more")
    return side(", ".join(told)) if told else Side((Piece("none"),), "empty")
