"""Keeps the admin's list of events quick in a log of millions: a bounded paginator, and filters without DISTINCT."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from signal_log.show.query.choices import choices
from signal_log.show.words.kinds import short_name

MOST_LISTED: Final = 10_000
SEARCHED_BACK: Final = 1_000_000
"""Filters and searches in the admin look at so many of the newest events; the history page looks at all."""


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # generic only in the stubs
    """Counts no further than can be paged through, so that a log of millions opens at once."""

    @cached_property
    def count(self) -> int:
        """The number of events, at most ``MOST_LISTED``."""
        matching: Any = self.object_list
        return min(MOST_LISTED, matching.order_by()[: MOST_LISTED + 1].count())


class FromTheLog(admin.SimpleListFilter):
    """A filter whose choices cost no DISTINCT over the whole log."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The values that are usual or recent."""
        known = getattr(request, "_signal_log_choices", None) or choices()
        request._signal_log_choices = known  # type: ignore[attr-defined]  # three filters, one look
        return [(value, self.called(value)) for value in known[self.parameter_name or ""]]

    def called(self, value: str) -> str:
        """A value as the list of choices calls it."""
        return value

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The events that have the value, which need not be among the choices."""
        value = self.value()
        if not value:
            return queryset
        return queryset.none() if "\x00" in value else queryset.filter(**{self.parameter_name or "": value})


class BySignal(FromTheLog):
    """By signal."""

    title = "signal"
    parameter_name = "signal"

    def called(self, value: str) -> str:
        """Without the way to it, which makes the list wider than its column."""
        return short_name(value)


class ByModel(FromTheLog):
    """By the model whose object it is."""

    title = "model"
    parameter_name = "sender"


class BySource(FromTheLog):
    """By where it came from."""

    title = "source"
    parameter_name = "source"
