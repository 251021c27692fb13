"""Keeps the admin's event list fast with millions of rows: a bounded paginator, and filters without DISTINCT."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from signal_log.show.query.choices import choices
from signal_log.show.words.kinds import short_name

LIST_LIMIT: Final = 10_000
SEARCH_WINDOW: Final = 1_000_000
"""Filters and searches in the admin cover this many of the newest events; the history page covers all."""


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # generic only in the stubs
    """Counts no further than can be paged through, so that a log of millions opens immediately."""

    @cached_property
    def count(self) -> int:
        """The number of events, at most ``LIST_LIMIT``."""
        matching: Any = self.object_list
        return min(LIST_LIMIT, matching.order_by()[: LIST_LIMIT + 1].count())


class LogFilter(admin.SimpleListFilter):
    """A filter whose choices need no DISTINCT over the whole log."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The common and recent values."""
        known = getattr(request, "_signal_log_choices", None) or choices()
        request._signal_log_choices = known  # type: ignore[attr-defined]  # computed once for three filters
        return [(value, self.label(value)) for value in known[self.parameter_name or ""]]

    def label(self, value: str) -> str:
        """A value's label in the list of choices."""
        return value

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The events with the value, which need not be among the choices."""
        value = self.value()
        if not value:
            return queryset
        return queryset.none() if "\x00" in value else queryset.filter(**{self.parameter_name or "": value})


class BySignal(LogFilter):
    """By signal."""

    title = "signal"
    parameter_name = "signal"

    def label(self, value: str) -> str:
        """The name without its module path, which would be wider than the column."""
        return short_name(value)


class ByModel(LogFilter):
    """By model."""

    title = "model"
    parameter_name = "sender"


class BySource(LogFilter):
    """By source."""

    title = "source"
    parameter_name = "source"
