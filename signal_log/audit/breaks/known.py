"""Which rows' states the log knows wholly: by a creation or a baseline, or because each field was named since.

What it does not know was pruned, was erased with a person, or is older than the installation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final

from django.apps import apps
from django.db.models import Q

from signal_log.audit.breaks.continuity import ENDS, OF_A_ROW, Told, tells
from signal_log.audit.breaks.logged_value import is_unknown
from signal_log.audit.breaks.told_rows import told
from signal_log.capture.model.plan import Plan
from signal_log.capture.model.registry import plan_of
from signal_log.capture.model.same_row import ends_with
from signal_log.event import BASELINE, COMMITTED, INCOMPLETE
from signal_log.models import SignalEvent
from signal_log.rows import labels_of_row
from signal_log.store.span import Events

PAGE: Final = 2_000
WHOLE: Final = Q(created=True) | Q(signal=BASELINE)
"""What tells of a whole row."""


def known_wholly(plan: Plan, keys: Sequence[str]) -> set[str]:
    """Those of these keys whose rows the log knows to be there, with every field."""
    labels = labels_of_row(plan.label)
    ending = ends_with(plan.label, labels)
    rows = SignalEvent.objects.filter(sender__in=labels, signal__in=OF_A_ROW, outcome=COMMITTED)
    ended = rows.filter(object_pk__in=keys, signal__in=ENDS, sender__in=ending).order_by("pk")
    last = dict(ended.values_list("object_pk", "pk"))
    known = set()
    for key, story in _stories(rows.filter(WHOLE, object_pk__in=keys)):
        newest = next(story)
        if newest.pk > last.get(key, 0) and _is_whole(plan, [newest], ending):
            known.add(key)
    # Of most rows one event was enough; of the others all are read.
    others = [key for key in keys if key not in known]
    known |= {
        key for key, story in _stories(rows.filter(object_pk__in=others)) if _is_whole(plan, story, ending)
    }  # fmt: skip
    return known


def _stories(rows: Events) -> Iterator[tuple[str, Iterator[Told]]]:
    """Each row's events, the newest first."""
    return groupby(told(rows.order_by("object_pk", "-pk"), PAGE), key=attrgetter("object_pk"))


def _is_whole(plan: Plan, story: Iterable[Told], ending: frozenset[str]) -> bool:
    """Whether these events, newest first, tell every field of a row that is there."""
    missing = {column.name for column in plan.columns}
    for event in story:
        if not tells(event):
            continue
        if event.signal in ENDS:
            if event.sender in ending:
                return False
            continue  # a child that was deleted without its parent
        changes = event.changes if isinstance(event.changes, dict) else {}
        missing -= {name for name, pair in changes.items() if isinstance(pair, list) and not is_unknown(pair[-1])}
        if event.created or event.signal == BASELINE:
            if event.created and isinstance(event.overwrote, list) and not event.raw and not _is_incomplete(event):
                missing -= _nullable(event.sender)
            break
        if not missing:
            break
    return not missing


def _is_incomplete(event: Told) -> bool:
    return event.error.startswith(INCOMPLETE)


def _nullable(label: str) -> set[str]:
    """The fields that may be null: those that a creation leaves out were."""
    try:
        plan = plan_of(apps.get_model(label))
    except (LookupError, ValueError):
        return set()
    return {column.name for column in plan.columns if column.field.null} if plan is not None else set()
