"""An object and its relatives at a moment, and what of them differs between two moments."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from signal_log.audit.breaks.continuity import tells
from signal_log.capture.model.same_row import ends_with
from signal_log.models import SignalEvent
from signal_log.rows import labels_of_row
from signal_log.show.links import field_names, in_query, object_url
from signal_log.show.story.moment import TOLD, nullable_fields
from signal_log.show.story.relations import Relation
from signal_log.show.story.relatives import Relatives
from signal_log.show.words import kinds
from signal_log.show.words.diff import FieldDiff, Side, side
from signal_log.show.words.moments import iso
from signal_log.show.words.state import EXISTS, Known, State, state_at
from signal_log.show.words.text import one_line, visible
from signal_log.store.read import events
from signal_log.store.span import Events

MAX_READ: Final = 5_000
"""How many events of relatives to read before and after a moment."""
UNKNOWN_SIDE: Final = side({"unknown": True})


@dataclass(frozen=True, slots=True)
class Then:
    """A relative at a moment; ``is_certain`` unless the log does not tell what it pointed at."""

    relation: Relation
    key: str
    title: str
    url: str
    state: State = field(repr=False)
    using: str
    is_certain: bool = True
    has_changed: bool = False
    """Whether an event after that moment tells of the row."""

    @property
    def row(self) -> tuple[str, str]:
        """What identifies the row: a label and a key."""
        return self.relation.label, self.key

    @property
    def model(self) -> str:
        """The model's short name."""
        return kinds.model_name(self.relation.label)


@dataclass(frozen=True, slots=True)
class Differs:
    """A row at two moments: whether it was there, and the fields that differ or of which that is not known."""

    title: str
    url: str
    words: str
    diffs: list[FieldDiff] = field(repr=False)
    untold: tuple[str, ...] = ()
    """The fields of which the log tells nothing at either moment."""


def relatives_then(relatives: Relatives, own: State, pk: str, at: datetime) -> list[Then]:
    """The relatives that there were at a moment, each with its state."""
    if not relatives:
        return []
    found = events().filter(relatives.condition).only(*TOLD)
    before = _by_row(found.filter(occurred_at__lte=at).order_by("-pk")[:MAX_READ])
    after = _by_row(found.filter(occurred_at__gt=at).order_by("pk")[:MAX_READ])
    told = []
    for relation, key in relatives.rows():
        row = relation.labels[0], key
        ending = ends_with(relation.label, relation.labels)
        state = state_at(before[row], after[row], field_names(relation.label), ending, nullable_fields)
        related = _is_related(relation, state, own, key, pk)
        if state.presence == EXISTS and related is not False:
            named = next((e for e in (*before[row], *after[row]) if e.object_repr), None)
            title = one_line(named.object_repr if named else key, 120)
            url = in_query(object_url(relation.label, key), at=iso(at))
            using = (before[row] or after[row])[0].using
            told.append(Then(relation, key, title, url, state, using, related is True, bool(after[row])))
    return told


def differences(title: str, url: str, before: State | None, after: State | None) -> Differs | None:
    """What differs in a row between two moments; None if nothing does."""
    first, second = (state if state is not None and state.presence == EXISTS else None for state in (before, after))
    if first is None and second is None:
        return None
    words = "" if first and second else "was added" if second else "was removed"
    old, new = ({known.name: known for known in state.fields} if state else {} for state in (first, second))
    diffs, untold = [], []
    for name in dict.fromkeys([*old, *new]):
        ours, theirs = old.get(name), new.get(name)
        if not any(known and known.value for known in (ours, theirs)):
            untold.append(visible(name))
        elif not (first and second) or not _is_the_same(ours, theirs):
            redacted = any(known is not None and known.redacted for known in (ours, theirs))
            diffs.append(FieldDiff(visible(name), _shown(ours, first), _shown(theirs, second), redacted=redacted))
    return Differs(title, url, words, diffs, tuple(untold)) if diffs or words or untold else None


def relatives_differ(before: list[Then], after: list[Then]) -> list[Differs]:
    """What differs in the relatives between two moments."""
    first, second = ({then.row: then for then in told} for told in (before, after))
    found = []
    for row in dict.fromkeys([*first, *second]):
        old, new = first.get(row), second.get(row)
        named = new or old
        if named is not None:
            states = old.state if old else None, new.state if new else None
            found.append(differences(f"{named.model} {named.title}", object_url(*row), *states))
    return [one for one in found if one is not None and (one.diffs or one.words)]


def _by_row(found: Events) -> defaultdict[tuple[str, str], list[SignalEvent]]:
    rows: defaultdict[tuple[str, str], list[SignalEvent]] = defaultdict(list)
    for event in found:
        if tells(event):
            rows[labels_of_row(event.sender)[0], event.object_pk].append(event)
    return rows


def _is_related(relation: Relation, state: State, own: State, key: str, pk: str) -> bool | None:
    """Whether the key that relates the two held the other's key; None if the log does not tell."""
    holder, wanted = (state, pk) if relation.points_here else (own, key)
    known = next((known for known in holder.fields if known.name == relation.field), None)
    if known is None or known.value is None or known.value.style in ("unknown", "masked"):
        return None
    return known.value.text == visible(wanted)


def _is_the_same(ours: Known | None, theirs: Known | None) -> bool:
    if ours is None or theirs is None or ours.value is None or theirs.value is None:
        return False
    if ours.value.style == "masked":  # equal masks may stand for different values
        return ours.later == theirs.later and ours.event == theirs.event
    return ours.value == theirs.value and ours.value.style != "unknown"


def _shown(known: Known | None, state: State | None) -> Side | None:
    """A field's side: nothing where there was no row, and unknown where the log does not tell."""
    if state is None:
        return None
    return known.value if known is not None and known.value is not None else UNKNOWN_SIDE
