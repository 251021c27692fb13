"""Reads the log for pages and exports: filters as SQL, and rows as plain mappings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import F, Func, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.db.models.lookups import GreaterThan

from signal_log.event import BY_HAND, COMMITTED
from signal_log.filters import Filters
from signal_log.models import SignalEvent
from signal_log.models.event import UNDONE, UNUSUAL, USUAL
from signal_log.query_language import And, Node, Not, Term
from signal_log.query_language.keys import FIELD, MODEL, OVERWROTE, PINNED, TEXT, TOOK
from signal_log.query_language.matching import PLACES, SEARCHED
from signal_log.rows import is_of_a_model, labels_of_row, spelled
from signal_log.seal.canonical import timestamp
from signal_log.store.changed import changed_field, changed_value, in_any_case, in_changes, overwrote
from signal_log.store.pinned import pinned
from signal_log.store.reading import read_from
from signal_log.store.senders import senders_named
from signal_log.store.took import took

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def events() -> QuerySet[SignalEvent]:
    """All events, newest first, from the database that is read here."""
    return SignalEvent.objects.using(read_from())


def sql_of(found: QuerySet[Any, Any]) -> tuple[str, Sequence[Any]]:
    """A query's SQL and its parameters, to stand in another statement; also where Django knows that nothing matches."""
    sql, params = found.query.get_compiler(found.db, elide_empty=False).as_sql()
    return sql, params


def filtered(queryset: QuerySet[SignalEvent], filters: Filters) -> QuerySet[SignalEvent]:
    """The events that match; the SQL equivalent of ``Filters.matches``."""
    if filters.asks(TEXT):
        queryset = queryset.alias(changes_text=Cast("changes", TextField()))
    fields = filters.wanted.get(FIELD, ())
    for key, texts in filters.wanted.items():
        queryset = queryset.filter(_any(key, texts, fields))
    for key, texts in filters.excluded.items():
        queryset = queryset.exclude(_any(key, texts, fields))
    if filters.rest is not None:
        queryset = queryset.filter(_node(filters.rest))
    if filters.earliest:
        queryset = queryset.filter(occurred_at__gte=filters.earliest)
    if filters.latest:
        queryset = queryset.filter(occurred_at__lte=filters.latest)
    return queryset


def as_mapping(event: SignalEvent) -> dict[str, Any]:
    """An event as plain JSON values by column name (bytes as hex, times as UTC text)."""
    return {
        "id": event.pk,
        **{name: getattr(event, name) for name in PLAIN_COLUMNS},
        "trace_id": str(event.trace_id),
        "occurred_at": timestamp(event.occurred_at),
        "salt": bytes(event.salt).hex(),
        "digest": bytes(event.digest).hex(),
        "redacted_at": timestamp(event.redacted_at) if event.redacted_at else None,
        "kept_hashes": bytes(event.kept_hashes).hex() if event.kept_hashes else None,
    }


PLAIN_COLUMNS = tuple(
    field.name
    for field in SignalEvent._meta.concrete_fields
    if field.name not in ("id", "trace_id", "occurred_at", "salt", "digest", "redacted_at", "kept_hashes")
)


# As a literal: SQLite uses a partial index only where the statement's text repeats its condition.
HAS_KEY = Q(GreaterThan(F("actor_pk"), Func(template="''", output_field=TextField())))


SENT_BY_HAND = Q(origin__has_key=BY_HAND)


def _node(node: Node) -> Q:
    if isinstance(node, Term):
        return _any(node.key, (node.text,), node.fields)
    if isinstance(node, Not):
        return ~_node(node.node)
    found = Q()
    for inner in map(_node, node.nodes):
        found = found & inner if isinstance(node, And) else found | inner
    return found


def _any(key: str, texts: Iterable[str], fields: Sequence[str]) -> Q:
    if key in PLACES:
        return changed_value(texts, PLACES[key], fields)
    condition = Q()
    for text in texts:
        condition |= _condition(key, text)
    return condition


def _condition(key: str, text: str) -> Q:
    if key == "trace":
        return Q(trace_id=text)
    if key == TOOK:
        return took(text)
    if key == PINNED:
        return pinned()
    if key == FIELD:
        return changed_field(text)
    if key == OVERWROTE:
        return overwrote(text)
    if key == "actor":
        return Q(actor_repr=text) | (Q(actor_pk=text) & HAS_KEY if text else Q(actor_pk=""))
    if key == "actor_pk":
        return Q(actor_pk=text) & HAS_KEY
    if key == "actor_name":
        return Q(actor_repr=text)
    if key == "object":
        label, _, pk = text.partition("/")
        exact = Q(sender__in=labels_of_row(label), object_pk=pk) if pk else Q()
        if pk and is_of_a_model(label):
            return exact
        return exact | Q(object_pk=text) | in_any_case("object_repr", text)
    if key == MODEL:
        if "." in text and is_of_a_model(text):
            return Q(sender=spelled(text))
        return Q(sender__in=senders_named(text) or [text])
    if key == TEXT:
        found = in_changes("changes_text", text)
        for column in SEARCHED:
            found |= in_any_case(column, text)
        return found
    if key == "outcome" and text != COMMITTED:
        return Q(outcome=text) & UNDONE
    if key == "signal" and text not in USUAL:
        return Q(signal=text) & UNUSUAL
    return Q(**{key: text})
