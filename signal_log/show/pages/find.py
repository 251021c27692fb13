"""``/events/?format=find&text=ada``: what a text may mean, for the palette that goes to any page.

The work is bounded: keys, numbers and the beginnings of names are looked up in indexes, any other part of a name is
sought in the newest events alone, as ``scope`` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import QuerySet
from django.http import JsonResponse, QueryDict
from django.utils.timezone import get_current_timezone

from signal_log.event import COMMITTED, POST_DELETE
from signal_log.filters import LONGEST_TEXT
from signal_log.models import SignalEvent
from signal_log.query_language.matching import is_model
from signal_log.query_language.nodes import Term
from signal_log.query_language.writer import write
from signal_log.rows import is_of_a_model
from signal_log.show.links import actor_url, event_url, object_url, trace_url, url
from signal_log.show.pages.shared import all_views
from signal_log.show.query.query import LARGEST_ID
from signal_log.show.query.values import MOST_OF_AN_INDEX, NEWEST
from signal_log.show.words import kinds
from signal_log.show.words.text import one_line
from signal_log.store.distinct import begin_with
from signal_log.store.newest import the_newest
from signal_log.store.read import events
from signal_log.store.senders import senders

NAME: Final = "find"
TEXT: Final = "text"
EACH: Final = 6
"""At most so many of a kind."""
LONGEST: Final = 120
_NUMBER: Final = re.compile(r"#?(\d{1,19})")


class Found(NamedTuple):
    """A place to go to: what it is, its name, what else tells it from others, and its address."""

    kind: str
    title: str
    note: str
    url: str


def answer(sent: QueryDict) -> JsonResponse:
    """What the text may mean, the surest first; nothing for a text that is empty."""
    text = sent.get(TEXT, "").strip()
    if len(text) > LONGEST_TEXT or "\x00" in text:
        problem = f"'{TEXT}' is a text of at most {LONGEST_TEXT} characters."
        return JsonResponse({"problems": {TEXT: problem}}, status=400)
    found = list(dict.fromkeys(find(text))) if text else []
    shown = [one._replace(title=one_line(one.title, LONGEST), note=one_line(one.note, LONGEST)) for one in found]
    scope = f"Parts of names are sought in the newest {NEWEST:,} events."
    return JsonResponse({"found": [one._asdict() for one in shown], "scope": scope})


def find(text: str) -> Iterator[Found]:
    """Events by number, traces by id, objects by key, then views, models, accounts and objects by name."""
    labels = senders()
    yield from _event(text)
    yield from _trace(text)
    yield from islice(_keyed(text, labels), EACH)
    named = all_views().filter(name__icontains=text)[:EACH]
    yield from (
        Found("view", view.name, f"shared by {view.shared_by_repr}", f"{url('live')}?{view.query}") for view in named
    )
    sought = text.casefold()
    models = (label for label in labels if is_of_a_model(label) and sought in label.casefold())
    yield from (Found("model", label, "", _history("model", label)) for label in islice(models, EACH))
    lately = the_newest(NEWEST)
    yield from islice(_actors(text, lately.filter(actor_repr__icontains=text)), EACH)
    yield from islice(_objects(lately.filter(object_repr__icontains=text).exclude(object_pk="")), EACH)


def _event(text: str) -> Iterator[Found]:
    number = _NUMBER.fullmatch(text)
    if number is None or int(number[1]) > LARGEST_ID:
        return
    event = events().filter(pk=int(number[1])).first()
    if event is not None:
        what = f"{kinds.kind(event).word} {event.sender} {event.object_repr or event.object_pk}"
        yield Found("event", f"#{event.pk}", what, event_url(event.pk))


def _trace(text: str) -> Iterator[Found]:
    try:
        trace = UUID(text)
    except ValueError:
        return
    source = events().filter(trace_id=trace).order_by().values_list("source", flat=True)[:1]
    yield from (Found("trace", str(trace), name, trace_url(trace)) for name in source)


def _keyed(text: str, labels: list[str]) -> Iterator[Found]:
    """``auth.User/5`` or ``user/5``, if the log has an event of it."""
    name, _, key = text.partition("/")
    for label in labels if key else ():
        if is_of_a_model(label) and is_model(label, name):
            reprs = events().filter(sender=label, object_pk=key).order_by().values_list("object_repr", flat=True)[:1]
            yield from (Found("object", repr_ or key, f"{label}/{key}", object_url(label, key)) for repr_ in reprs)


def _actors(text: str, lately: QuerySet[SignalEvent]) -> Iterator[Found]:
    """Accounts of the newest events, the last seen first, and others whose name begins with the text, by an index."""
    seen: dict[str, tuple[str, datetime]] = {}
    for name, key, at in lately.order_by("-pk").values_list("actor_repr", "actor_pk", "occurred_at"):
        seen.setdefault(name, (key, at))
    for name, (key, at) in seen.items():
        yield _actor(name, key, f"last seen {_said(at)}")
    for name in begin_with("actor_repr", text, MOST_OF_AN_INDEX):
        if name not in seen:
            key = events().filter(actor_repr=name).order_by().values_list("actor_pk", flat=True).first() or ""
            yield _actor(name, key, "not seen lately")


def _actor(name: str, key: str, when: str) -> Found:
    note = f"key {key} · {when}" if key else when
    return Found("actor", name, note, actor_url(key) or _history("actor_name", name))


def _objects(lately: QuerySet[SignalEvent]) -> Iterator[Found]:
    """Objects of the newest events, the last seen first."""
    columns = ("sender", "object_pk", "object_repr")
    seen = set()
    for *found, signal, outcome, at in lately.order_by("-pk").values_list(*columns, "signal", "outcome", "occurred_at"):
        label, key, name = found
        if is_of_a_model(label) and (label, key, name) not in seen:
            seen.add((label, key, name))
            end = "deleted" if signal == POST_DELETE and outcome == COMMITTED else "last seen"
            yield Found("object", name, f"{label}/{key} · {end} {_said(at)}", object_url(label, key))


def _said(moment: datetime) -> str:
    return f"{moment.astimezone(get_current_timezone()):%Y-%m-%d %H:%M}"


def _history(key: str, value: str) -> str:
    return url("events", q=write(Term(key, value)))
