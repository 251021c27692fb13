"""``/restore/``: a row as it was, to be filled into the admin's form; and that form. Nothing here writes."""

from __future__ import annotations

from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from signal_log.rows import labels_of_row
from signal_log.show.access import for_observers
from signal_log.show.links import object_url, url, with_query
from signal_log.show.methods import reads
from signal_log.show.pages.not_found import not_found
from signal_log.show.query.paging import newest_named
from signal_log.show.story.admin_form import InlineRows, fields_in_form, filled_form, inlines_of, may_restore, page_of
from signal_log.show.story.asked import INTO, Asked, asked_of, stored
from signal_log.show.story.gone import gone_of
from signal_log.show.story.many_to_many import Row, sets_offered
from signal_log.show.story.restorable import Offered, offered
from signal_log.show.story.restored import add_row, inline_name, relatives_offered, restore_url_of
from signal_log.show.unprinted import unprinted
from signal_log.show.words import kinds
from signal_log.show.words.moments import zone
from signal_log.show.words.state import EXISTS, NEVER_SEEN
from signal_log.show.words.text import one_line, visible

FIELD: Final = "field"


@reads
@for_observers
def restore_page(request: HttpRequest) -> HttpResponse:
    """The former values beside those of today, which to fill in, and the same of the relatives."""
    try:
        asked = asked_of(request.GET)
    except ValueError as error:
        return not_found(request, "Nothing to restore", str(error))
    page = page_of(asked.label)
    allowed = may_restore(request, page, asked.row)
    fields = _offered(request, asked, page) if page is not None else []
    relatives = relatives_offered(asked)
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
        "gone": gone_of(labels_of_row(asked.label)),
        "never_seen": asked.state.presence == NEVER_SEEN,
        "is_there": asked.state.presence == EXISTS,
        "is_gone": stored(asked.model, asked.pk, asked.newest.using) is None,
        "row": asked.row and one_line(str(asked.row.pk)),
        "why_not": _why_not(page, allowed, asked),
        "fields": unprinted((each, _is_wanted(asked, each)) for each in fields),
        "can_fill": allowed and any(not each.why_not for each in fields),
        "form_url": address,
        "hidden": [(key, value) for key, values in asked.query().items() for value in values],
        "same": _same(asked, fields) if asked.row is None else [],
        "inlines": [then for then in relatives if inline_name(then.relation) in inline],
        "others": [
            (then, restore_url_of(asked, then)) for then in relatives if inline_name(then.relation) not in inline
        ],
    }
    return render(request, "signal_log/restore.html", context)


@reads
@for_observers
def restore_form(request: HttpRequest) -> HttpResponse:
    """The admin's form with the values that were chosen; 403 without the admin's permission of the model."""
    try:
        asked = asked_of(request.GET)
    except ValueError as error:
        return not_found(request, "Nothing to restore", str(error))
    page = page_of(asked.label)
    if not may_restore(request, page, asked.row):
        raise PermissionDenied("Restoring needs the admin's permission to add or change such objects.")
    named = request.GET.getlist(FIELD)
    values = {
        each.name: each.value for each in _offered(request, asked, page) if not each.why_not and each.name in named
    }
    inline = inlines_of(request, page, asked.row)
    rows: dict[tuple[str, str], InlineRows] = {}
    for then in relatives_offered(asked):
        if (name := inline_name(then.relation)) in inline:
            add_row(rows.setdefault(name, InlineRows()), then)
    response = filled_form(request, page, asked.row, values, rows)
    response.keeps_policy = True  # type: ignore[attr-defined]  # the admin's page has the host's own
    return response


def _offered(request: HttpRequest, asked: Asked, page: Any) -> list[Offered]:
    in_form = fields_in_form(request, page, asked.row) if may_restore(request, page, asked.row) else frozenset()
    found = offered(
        asked.model,
        asked.state,
        asked.row,
        in_form=in_form,
        using=asked.newest.using,
        instead=asked.instead,
        before=asked.event,
    )
    if asked.state.presence != EXISTS:
        return found
    own = stored(asked.model, asked.pk, asked.newest.using)
    wanted = Row(asked.recorded, asked.label, asked.pk, asked.at, asked.event, own, asked.newest.using)
    return found + sets_offered(wanted, asked.model, asked.row, in_form)


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
