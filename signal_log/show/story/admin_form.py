"""The admin's own form of an object, filled with other values than the row holds; whoever saves it does so there.

The registered ModelAdmin is copied for one request, and the copy's forms and inlines get initial values. Nothing of the
host is replaced, its overridden methods run, and the form is posted to the admin's own page, so permissions,
validation and the admin's log are as ever.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.apps import apps
from django.contrib.admin.utils import flatten_fieldsets, quote
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import NoReverseMatch, reverse

from signal_log.rows import labels_of_row
from signal_log.show.story.relations import model_of

FILLED: Final = "Filled with the value from the log."

Model = type[models.Model]


@dataclass(frozen=True, slots=True)
class InlineRows:
    """What an inline is filled with: rows that are gone, and by key those that are there with other values."""

    gone: list[dict[str, Any]] = field(default_factory=list)
    there: dict[str, dict[str, Any]] = field(default_factory=dict)


Inlines = Mapping[tuple[str, str], InlineRows]
"""By the inline's model and its key to the object."""


def page_of(label: str) -> Any:
    """The ModelAdmin that is registered for a model, or None."""
    model = model_of(label)
    if model is None or not apps.is_installed("django.contrib.admin"):
        return None
    from django.contrib.admin import site

    return site._registry.get(model)


def registered_as(label: str) -> str:
    """The label under which a row has a page in the admin: its own, or that of a parent or proxy."""
    return next((each for each in (label, *labels_of_row(label)) if page_of(each) is not None), label)


def may_restore_some(request: HttpRequest, label: str) -> bool:
    """Whether the user may add or change objects of this model in the admin."""
    page = page_of(registered_as(label))
    if page is None or not page.admin_site.has_permission(request):
        return False
    return bool(page.has_change_permission(request) or page.has_add_permission(request))


def may_restore(request: HttpRequest, page: Any, row: models.Model | None) -> bool:
    """Whether the user may save such a form: change this object or, without one, add one."""
    if page is None or not page.admin_site.has_permission(request):
        return False
    allowed = page.has_add_permission(request) if row is None else page.has_change_permission(request, row)
    return bool(allowed)


def fields_in_form(request: HttpRequest, page: Any, row: models.Model | None) -> frozenset[str]:
    """The names of the fields that somebody can fill in."""
    named = flatten_fieldsets(page.get_fieldsets(request, row))
    form = page.get_form(request, row, change=row is not None, fields=named)
    return frozenset(name for name, shown in form.base_fields.items() if not shown.disabled)


def inlines_of(request: HttpRequest, page: Any, row: models.Model | None) -> frozenset[tuple[str, str]]:
    """The inlines of the form, by model and key, in which somebody may add rows or change them."""
    found = page.get_formsets_with_inlines(request, *([row] if row is not None else []))
    return frozenset(
        (inline.model._meta.label, formset.fk.name)
        for formset, inline in found
        if hasattr(formset, "fk") and inline.has_add_permission(request, row)
    )


def filled_form(
    request: HttpRequest, page: Any, row: models.Model | None, values: Mapping[str, Any], inlines: Inlines
) -> HttpResponse:
    """The add form, or the change form of a row, filled with these values; it is posted to the admin."""
    if not may_restore(request, page, row):
        raise PermissionDenied
    options = page.opts
    action = "add" if row is None else "change"
    try:
        form_url = reverse(
            f"{page.admin_site.name}:{options.app_label}_{options.model_name}_{action}",
            args=[] if row is None else [quote(str(row.pk))],
            current_app=page.admin_site.name,
        )
    except NoReverseMatch:
        raise PermissionDenied from None
    filled = _filled(page, values, inlines)
    said = {"subtitle": "filled with values from the log, not saved yet"}
    given, request.GET = request.GET, QueryDict()  # what chose the values is none of the form's
    try:
        if row is None:
            answer: HttpResponse = filled.add_view(request, form_url, said)
        else:
            answer = filled.change_view(request, quote(str(row.pk)), form_url, said)
    finally:
        request.GET = given
    return answer


def _filled(page: Any, values: Mapping[str, Any], inlines: Inlines) -> Any:
    filled = copy.copy(page)

    def get_form(*args: Any, **kwargs: Any) -> Any:
        return _with_values(page.get_form(*args, **kwargs), values)

    def get_formsets_with_inlines(*args: Any, **kwargs: Any) -> Iterator[tuple[Any, Any]]:
        for formset, inline in page.get_formsets_with_inlines(*args, **kwargs):
            yield _with_rows(formset, inlines.get(_named(formset, inline), InlineRows())), inline

    filled.get_form = get_form
    filled.get_formsets_with_inlines = get_formsets_with_inlines
    return filled


def _named(formset: Any, inline: Any) -> tuple[str, str]:
    return inline.model._meta.label, getattr(getattr(formset, "fk", None), "name", "")


def _with_values(form: Any, values: Mapping[str, Any]) -> Any:
    class Filled(form):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            _fill(self, values)

    # What a host has changed in them after the class was made.
    Filled.base_fields, Filled.declared_fields = form.base_fields, form.declared_fields
    return Filled


def _with_rows(formset: Any, rows: InlineRows) -> Any:
    if not rows.gone and not rows.there:
        return formset

    class Filled(formset):
        extra = max(formset.extra, len(rows.gone))

        def _construct_form(self, i: int, **kwargs: Any) -> Any:
            form = super()._construct_form(i, **kwargs)
            number = i - self.initial_form_count()
            if number < 0:
                _fill(form, rows.there.get(str(form.instance.pk), {}))
            elif number < len(rows.gone):
                _fill(form, rows.gone[number])
            return form

    return Filled


def _fill(form: Any, values: Mapping[str, Any]) -> None:
    if form.is_bound:
        return
    for name, value in values.items():
        if name in form.fields and not form.fields[name].disabled:
            form.initial[name] = value
            form.fields[name].help_text = f"{form.fields[name].help_text} {FILLED}".strip()
