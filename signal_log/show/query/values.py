"""``/events/?format=values&key=actor&begins=gr``: values of a key of the query language, for its completion.

The work is bounded: the newest events are counted, fewer where a query takes its time, and where an index of the key
has values in order, those that begin with what was typed are read from it, uncounted. The answer says in ``scope`` what
the counts are of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from django.db import connections
from django.db.models import Count, QuerySet
from django.http import JsonResponse, QueryDict

from signal_log.conf import conf
from signal_log.event import OUTCOMES
from signal_log.filters import LONGEST_TEXT, Filters
from signal_log.models import SignalEvent
from signal_log.show.query.counts import Reach
from signal_log.show.query.query import parse
from signal_log.store.distinct import begin_with
from signal_log.store.newest import the_newest
from signal_log.store.read import events, filtered, sql_of
from signal_log.store.senders import senders
from signal_log.vendor import vendor_of

NAME: Final = "values"
KEY: Final = "key"
BEGINS: Final = "begins"
COLUMNS: Final = {
    "model": "sender", "signal": "signal", "actor": "actor_repr", "actor_name": "actor_repr", "actor_pk": "actor_pk",
    "object": "object_repr", "outcome": "outcome", "source": "source",
}  # fmt: skip
FIELD: Final = "field"
NEWEST: Final = 2_000
NEWEST_CHANGES: Final = 500
"""Of these the names of the changed fields are read, which may stand beside large values."""
MOST: Final = 50
MOST_OF_AN_INDEX: Final = 12

Values = list[tuple[str, int | None]]


def answer(sent: QueryDict, own: tuple[str, ...]) -> JsonResponse:
    """At most fifty values, the most frequent first; those that were not counted are last, and have null."""
    query = parse(sent, own=(*own, KEY, BEGINS))
    key, begins = sent.get(KEY, ""), sent.get(BEGINS, "")
    if key not in (*COLUMNS, FIELD):
        accepted = ", ".join((*COLUMNS, FIELD))
        query.problems[KEY] = f"'{KEY}' has values to complete if it is one of {accepted}, not {key[:50]!r}."
    if len(begins) > LONGEST_TEXT or "\x00" in begins:
        query.problems[BEGINS] = f"'{BEGINS}' is a text of at most {LONGEST_TEXT} characters."
    if query.problems:
        return JsonResponse(query.refusal, status=400)
    counted, size = _lately(key, query.filters.untimed)
    values = _matching(counted, begins)
    if not query.filters:
        values += [(text, None) for text in _indexed(key, begins) if text not in counted]
    scope = f"counted in the newest {size:,} event{'' if size == 1 else 's'}"
    return JsonResponse({"key": key, "values": values[:MOST], "scope": scope})


def _lately(key: str, filters: Filters) -> tuple[Counter[str], int]:
    """The values of a key in the newest events that match, and how many events were looked at in time."""
    most = NEWEST_CHANGES if key == FIELD else NEWEST
    if not filters:
        found = the_newest(most)
        return _counted(key, found), found.count()
    ids = list(events().order_by("-pk").values_list("pk", flat=True)[:most]) or [0]
    matching, counted, low = filtered(events(), filters).order_by(), Counter[str](), 1
    for low, high in Reach(ids[0] + 1, ids[-1], ids[0] + 1).windows():
        counted += _counted(key, matching.filter(pk__gte=low, pk__lt=high))
    return counted, sum(pk >= low for pk in ids)


def changed_lately() -> list[str]:
    """The fields that the newest events have changed."""
    return list(_fields(the_newest(NEWEST_CHANGES)))


def _counted(key: str, found: QuerySet[SignalEvent]) -> Counter[str]:
    if key == FIELD:
        return _fields(found)
    column = COLUMNS[key]
    return Counter(dict(found.exclude(**{column: ""}).values_list(column).annotate(number=Count("pk"))))


def _fields(found: QuerySet[SignalEvent]) -> Counter[str]:
    """How many of these events changed each field; a row that the recorder has not written may hold anything."""
    connection = connections[conf.DATABASE]
    rows, params = sql_of(found.values("changes"))
    if vendor_of(connection) == "postgresql":
        names = "jsonb_object_keys(CASE jsonb_typeof(changes) WHEN 'object' THEN changes ELSE '{}' END) AS named(name)"
    else:
        names = "(json_each(CASE json_type(changes) WHEN 'object' THEN changes ELSE '{}' END)) AS named"
    name = "name" if vendor_of(connection) == "postgresql" else "key"
    sql = f"SELECT named.{name}, COUNT(*) FROM ({rows}) AS found, {names} GROUP BY 1"  # noqa: S608  no value is in it
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return Counter(dict(cursor.fetchall()))


def _matching(counted: Counter[str], begins: str) -> Values:
    sought = begins.casefold()
    found: Values = [(text, number) for text, number in counted.most_common() if sought in text.casefold()]
    return found[:MOST]


def _indexed(key: str, begins: str) -> Iterator[str]:
    """What an index has of a key: of a model or an outcome all values, of an account those from ``begins`` on."""
    sought = begins.casefold()
    if key == "model":
        yield from (text for text in senders() if sought in text.casefold())
    elif key == "outcome":
        yield from (text for text in OUTCOMES if sought in text)
    elif key in ("actor", "actor_name", "actor_pk") and begins:
        yield from begin_with(COLUMNS[key], begins, MOST_OF_AN_INDEX)
