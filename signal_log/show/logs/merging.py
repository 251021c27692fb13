"""Merges what several logs have answered into one page, and keeps a place in each of them.

A log is read by id, and an event gets its id when its transaction ends, so ids are not quite in the order of time. An
event counts as reached at the newest time of it and of what was read below it: by that the logs are merged, so of each
of them a page has what follows on its place without a hole, and by that pages are cut. On a page events are sorted by
the time at which they happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar


class Dated(Protocol):
    """What is merged: a row with the id that it has in its log, and when it happened."""

    pk: Any
    occurred_at: Any


E = TypeVar("E", bound=Dated)
Place = int | datetime
"""Events from this id on, or after this moment, are newer than the place; the others are older."""
Places = dict[str, Place]
"""By origin. A log has a moment as long as it has not answered, so that it joins where the others are."""
Key = tuple[datetime, str, int]


@dataclass(frozen=True, slots=True)
class Found(Generic[E]):
    """What a log has on one side of its place, newest first."""

    origin: str
    events: Sequence[E]
    more: bool = False
    """Whether it may have more on this side."""
    searched_to: int | None = None
    """The id up to which it was searched, if time ran out there."""
    reached: datetime | None = None
    """When the event happened at which time ran out."""
    joined_at: int | None = None
    """What its place is as an id, if it was a moment: below it everything was there by then."""


@dataclass(frozen=True, slots=True)
class Merged(Generic[E]):
    """A page: events with the origins of their logs, newest first, and where the pages beside it begin."""

    events: list[tuple[str, E]]
    older: Places | None
    newer: Places | None


def merge(
    found: Sequence[Found[E]], places: Mapping[str, Place], *, size: int, upwards: bool = False,
    away: Iterable[str] = (),
) -> Merged[E]:  # fmt: skip
    """The ``size`` events that follow on these places; a log without a place is read from its newest event on.

    Those that are ``away``, and have no place yet, get the moment at which the page ends.
    """
    places = {**places, **{one.origin: one.joined_at for one in found if one.joined_at is not None}}
    ranked = sorted((each for one in found for each in _ranked(one, upwards=upwards)), key=lambda each: each[0])
    if not upwards:
        ranked.reverse()
    bounds = [bound for one in found if (bound := _bound(one, upwards=upwards)) is not None]
    if bounds:  # beyond it, a log that was not searched to its end may have something in between
        bound = min(bounds) if upwards else max(bounds)
        ranked = [each for each in ranked if (each[0][0] <= bound if upwards else each[0][0] >= bound)]
    taken = ranked[:size]
    events = sorted(((key[1], event) for key, event in taken), key=_order, reverse=True)
    ids: dict[str, list[int]] = {}
    for (_, origin, pk), _ in taken:
        ids.setdefault(origin, []).append(pk)
    left = any(one.more or len(ids.get(one.origin, ())) < len(one.events) for one in found)
    ends = {one.origin: _end(one, ids.get(one.origin, []), places.get(one.origin), upwards=upwards) for one in found}
    if upwards:
        return Merged(events, dict(places), {**places, **ends} if left else None)
    has_places = bool(places)
    if taken:
        places = {**dict.fromkeys(away, taken[-1][0][0]), **places}
    starts = {one.origin: _start(one, ends[one.origin]) for one in found}
    above = {**starts, **places} if has_places else None
    return Merged(events, {**places, **ends} if left else None, above)


def _order(told: tuple[str, Dated]) -> Key:
    origin, event = told
    return event.occurred_at, origin, event.pk


def _ranked(one: Found[E], *, upwards: bool) -> Iterator[tuple[Key, E]]:
    """The events of a log, oldest first, each with when it was reached."""
    at = None if upwards else one.reached
    for event in reversed(one.events):
        at = event.occurred_at if at is None else max(at, event.occurred_at)
        yield (at, one.origin, event.pk), event


def _bound(one: Found[E], *, upwards: bool) -> datetime | None:
    """The time up to which everything is known of a log that was not searched to its end."""
    if one.searched_to is None or one.reached is None:
        return None
    return max(one.reached, *(event.occurred_at for event in one.events)) if upwards and one.events else one.reached


def _end(one: Found[E], taken: Sequence[int], place: Place | None, *, upwards: bool) -> Place:
    """The place at the far end of the page."""
    beyond = 1 if upwards else 0  # a place is below the event that it names
    if len(taken) == len(one.events) and one.searched_to is not None:
        return one.searched_to + beyond
    if taken:
        return taken[-1] + beyond
    if place is not None:
        return place
    return one.events[0].pk + 1 if one.events else 1


def _start(one: Found[E], end: Place) -> Place:
    """The place above the page, of a log that had none."""
    return one.events[0].pk + 1 if one.events else end
