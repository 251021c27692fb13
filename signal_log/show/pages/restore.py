"""``/restore/``: a row as it was, to be filled into the admin's form; and that form. Nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, models
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.connection import ConnectionDoesNotExist

from signal_log.capture.model.same_row import ends_with
from signal_log.errors import FilterError
from signal_log.models import SignalEvent
from signal_log.rows import labels_of_row
from signal_log.show.access import for_observers
from signal_log.show.links import object_url, url, with_query
from signal_log.show.methods import reads
from signal_log.show.pages.not_found import not_found
from signal_log.show.pages.object import of_row
from signal_log.show.query.paging import newest_named, newest_of, newest_telling, span_for
from signal_log.show.query.query import event_number
from signal_log.show.story.admin_form import (
    InlineRows,
    fields_in_form,
    filled_form,
    inlines_of,
    may_restore,
    page_of,
    registered_as,
)
from signal_log.show.story.relations import Relation, chosen, model_of, relations_of
from signal_log.show.story.relatives import relatives_of
from signal_log.show.story.restorable import Offered, offered
from signal_log.show.story.then import Then, relatives_then, state_of
from signal_log.show.unprinted import unprinted
from signal_log.show.words import kinds
from signal_log.show.words.diff import pairs
from signal_log.show.words.moments import iso, parse_moment, zone
from signal_log.show.words.state import EXISTS, State, is_end
from signal_log.show.words.text import one_line, visible
from signal_log.store.read import events
from signal_log.store.span import NOTHING, Events, Span

FIELD: Final = "field"
INTO: Final = "into"
"""The key of the row whose form is filled, where it is another than the one that the values are of."""
BY: Final = "by"
PARENT: Final = "parent"
"""A relative's key to the object, and what it is to hold instead: the key under which that was restored."""
MOST_ROWS: Final = 50
"""How many relatives are offered."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which row, when, and into which form; what a page and the form that follows it are told."""

    label: str
    pk: str
    at: datetime
    model: type[models.Model]
    newest: SignalEvent
    recorded: Events = field(repr=False)
    span: Span
    state: State = field(repr=False)
    row: models.Model | None = field(repr=False)
    """The row that the form would change; None if it would add one."""
    instead: dict[str, Any] = field(default_factory=dict)
    only: frozenset[str] | None = None
    """The fields that an event changed, if it was one that the reader came from."""
    event: int | None = None
    """The number of that event."""

    def query(self, **more: str | list[str]) -> dict[str, list[str]]:
        """What asks for the same again."""
        given = {"label": self.label, "pk": self.pk, **more}
        given |= {"at": iso(self.at)} if self.event is None else {"event": str(self.event)}
        if self.row is not None and str(self.row.pk) != self.pk:
            given.setdefault(INTO, str(self.row.pk))
        for name, value in self.instead.items():
            given |= {BY: name, PARENT: str(value)}
        return {key: value if isinstance(value, list) else [value] for key, value in given.items()}


@reads
@for_observers
def restore_page(request: HttpRequest) -> HttpResponse:
    """The former values beside those of today, which to fill in, and the same of the relatives."""
    try:
        asked = _asked(request.GET)
    except ValueError as error:
        return not_found(request, "Nothing to restore", str(error))
    page = page_of(asked.label)
    allowed = may_restore(request, page, asked.row)
    fields = _offered(request, asked, page) if page is not None else []
    relatives = _relatives(asked)
    inline = inlines_of(request, page, asked.row) if allowed else frozenset()
    address = url("restore_form")
    context: dict[str, Any] = {
        "title": one_line(newest_named(asked.recorded, asked.span, asked.newest) or asked.pk, 120),
        "model": kinds.model_name(asked.label),
        "label": visible(asked.label),
        "pk": visible(asked.pk),
        "at": asked.at,
        "zone": zone(),
        "object_url": object_url(asked.label, asked.pk),
        "state": asked.state,
        "is_there": asked.state.presence == EXISTS,
        "is_gone": _stored(asked.model, asked.pk, asked.newest.using) is None,
        "row": asked.row and one_line(str(asked.row.pk)),
        "why_not": _why_not(page, allowed, asked),
        "fields": unprinted((each, _is_wanted(asked, each)) for each in fields),
        "can_fill": allowed and any(not each.why_not for each in fields),
        "form_url": address,
        "hidden": [(key, value) for key, values in asked.query().items() for value in values],
        "same": _same(asked, fields) if asked.row is None else [],
        "inlines": [then for then in relatives if _inline_name(then.relation) in inline],
        "others": [(then, _restore_of(asked, then)) for then in relatives if _inline_name(then.relation) not in inline],
    }
    return render(request, "signal_log/restore.html", context)


@reads
@for_observers
def restore_form(request: HttpRequest) -> HttpResponse:
    """The admin's form with the values that were chosen; 403 without the admin's permission of the model."""
    try:
        asked = _asked(request.GET)
    except ValueError as error:
        return not_found(request, "Nothing to restore", str(error))
    page = page_of(asked.label)
    if not may_restore(request, page, asked.row):
        raise PermissionDenied
    named = request.GET.getlist(FIELD)
    values = {
        each.name: each.value for each in _offered(request, asked, page) if not each.why_not and each.name in named
    }
    inline = inlines_of(request, page, asked.row)
    rows: dict[tuple[str, str], InlineRows] = {}
    for then in _relatives(asked):
        if (name := _inline_name(then.relation)) in inline:
            _add_row(rows.setdefault(name, InlineRows()), then, asked)
    response = filled_form(request, page, asked.row, values, rows)
    response.keeps_policy = True  # type: ignore[attr-defined]  # the admin's page has the host's own
    return response


def _asked(sent: QueryDict) -> Asked:
    """What the query string asks for; raises ``ValueError`` with a sentence."""
    given = {key: str(sent[key]) for key in sent if sent.getlist(key)}
    label, pk = registered_as(given.get("label", "")), given.get("pk", "")
    model = model_of(label)
    labels = labels_of_row(label)
    recorded = of_row(labels, pk)
    span = span_for(recorded) if pk and "\x00" not in label + pk else NOTHING
    newest = newest_telling(recorded, span) or newest_of(recorded, span)
    if model is None or newest is None:
        raise FilterError(f"The log has no events for the {one_line(label, 80)} with the key “{one_line(pk, 80)}”.")
    only = number = None
    if "event" in given:
        number = event_number("event", given["event"])
        event = recorded.filter(pk=number).first()
        if event is None:
            raise FilterError("There is no such event of this object.")
        at = _before(event)
        if not is_end(event, ends_with(label, labels)):
            only = frozenset(name for name, _, _ in pairs(event.changes))
    else:
        moment = parse_moment("at", given.get("at", ""))
        if moment is None:
            raise FilterError("The address does not say from when: give 'at' or 'event'.")
        at = moment
    row = _stored(model, given.get(INTO, "") or pk, newest.using)
    if given.get(INTO) and row is None:
        raise FilterError(f"There is no {one_line(label, 80)} with the key “{one_line(given[INTO], 80)}” to fill in.")
    state = state_of(recorded, span, label, at)
    instead = {given[BY]: given[PARENT]} if given.get(BY) and given.get(PARENT) else {}
    return Asked(label, pk, at, model, newest, recorded, span, state, row, instead, only, number)


def _before(event: SignalEvent) -> datetime:
    """The moment before an operation began: nothing of it, or of its cascade, was done."""
    first = events().filter(trace_id=event.trace_id, position=event.operation).order_by("pk").first()
    moment = first.occurred_at if first is not None and first.pk != event.pk else event.occurred_at
    return moment if first is not None and first.pk != event.pk else moment - timedelta(microseconds=1)


def _stored(model: type[models.Model], pk: str, using: str) -> models.Model | None:
    try:
        return model._base_manager.using(using).filter(pk=model._meta.pk.to_python(pk)).first()
    except (ValueError, TypeError, ValidationError, DatabaseError, OverflowError, ConnectionDoesNotExist):
        return None


def _offered(request: HttpRequest, asked: Asked, page: Any) -> list[Offered]:
    in_form = fields_in_form(request, page, asked.row) if may_restore(request, page, asked.row) else frozenset()
    return offered(
        asked.model,
        asked.state,
        asked.row,
        in_form=in_form,
        using=asked.newest.using,
        instead=asked.instead,
        before=asked.event,
    )


def _is_wanted(asked: Asked, each: Offered) -> bool:
    return not each.why_not and each.differs and (asked.only is None or each.name in asked.only)


def _why_not(page: Any, allowed: bool, asked: Asked) -> str:
    if page is None:
        return f"{visible(asked.label)} has no page in the admin, so there is no form to fill in."
    if not allowed:
        return f"You need the admin's permission to {'add' if asked.row is None else 'change'} this object."
    return ""


def _same(asked: Asked, fields: list[Offered]) -> list[tuple[str, str, str]]:
    """Rows of today that hold a value of this one that only one row can have: it was probably restored as that."""
    found = {}
    for each in fields:
        try:
            column: Any = asked.model._meta.get_field(each.name)
        except LookupError:
            continue
        if column.unique and not column.primary_key and each.value not in (None, ""):
            rows = asked.model._base_manager.using(asked.newest.using).filter(**{each.name: each.value})
            for row in rows[:1]:
                pk = str(row.pk)
                found[pk] = (one_line(pk, 80), each.shown, with_query(url("restore"), asked.query(**{INTO: pk})))
    return list(found.values())


def _relatives(asked: Asked) -> list[Then]:
    if asked.state.presence != EXISTS:
        return []
    relations = [one for one in chosen(relations_of(asked.label), None) if one.points_here]
    relatives = relatives_of(asked.recorded, asked.span, asked.newest, asked.label, relations)
    then = relatives_then(relatives, asked.state, asked.pk, asked.at)
    return [one for one in then if one.has_changed or _is_gone(one)][:MOST_ROWS]


def _is_gone(then: Then) -> bool:
    model = model_of(then.relation.label)
    return model is None or _stored(model, then.key, then.using) is None


def _inline_name(relation: Relation) -> tuple[str, str]:
    return relation.label, relation.field


def _restore_of(asked: Asked, then: Then) -> str:
    """The page that offers a relative's former values; its key holds that of the row which is filled in."""
    query = {"label": [then.relation.label], "pk": [then.key], "at": [iso(asked.at)]}
    if asked.row is not None and str(asked.row.pk) != asked.pk:
        query |= {BY: [then.relation.field], PARENT: [str(asked.row.pk)]}
    return with_query(url("restore"), query)


def _add_row(rows: InlineRows, then: Then, asked: Asked) -> None:
    model = model_of(then.relation.label)
    if model is None:
        return
    row = _stored(model, then.key, then.using)
    names = frozenset(known.name for known in then.state.fields) - {then.relation.field}
    fields = offered(model, then.state, row, in_form=names, using=then.using, instead={})
    values = {each.name: each.value for each in fields if not each.why_not and each.differs}
    if row is None:
        rows.gone.append(values)
    elif values:
        rows.there[str(row.pk)] = values
