"""The admin's list of events: pages by id over the whole log, in bounded time, and its filters.

Django's own list counts all rows and reads a page by its distance from the first. This one is read as the history is
(``show.query.paging``): from an id on, in windows where no index helps, for a second at most.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import MAXYEAR, MINYEAR, datetime
from functools import cached_property
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG, ORDER_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware

from signal_log.audit.shown import listed
from signal_log.errors import FilterError
from signal_log.filters import QUERY, Filters
from signal_log.models import SignalEvent
from signal_log.query_language.keys import FIELD, OVERWROTE, SIDES
from signal_log.rows import is_of_a_model
from signal_log.show.query.choices import choices
from signal_log.show.query.paging import Page, reached_at, read_page
from signal_log.show.query.pills import NAMES
from signal_log.show.query.query import PLACES, event_number
from signal_log.show.words.kinds import short_name
from signal_log.store.few import INDEXED, few_matching
from signal_log.store.read import filtered
from signal_log.store.span import span_of, widened

SINCE: Final = "occurred_at__gte"
UNTIL: Final = "occurred_at__lt"


class EventList(ChangeList):
    """A page of the log from an event's id on: as fast at the log's beginning as at its end, and nothing is counted."""

    page: Page
    reached_at: datetime | None = None
    is_narrowed = looks_up = False
    older_url = newer_url = newest_url = ""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[SignalEvent]:
        """The events that the filters and the search let through; a place in the list is none of the filters."""
        for key in PLACES:
            self.params.pop(key, None)
            self.filter_params.pop(key, None)
        return super().get_queryset(request, exclude_parameters)

    def get_results(self, request: HttpRequest) -> None:
        """Read one page."""
        try:
            before, after = (event_number(key, request.GET.get(key) or "0") for key in PLACES)
        except FilterError as error:
            raise IncorrectLookupParameters(error) from error
        self.is_narrowed = bool(self.params.keys() - {ERROR_FLAG, ORDER_VAR})
        few, expected = few_matching(self._filters())
        if few is not None:
            self.queryset = self.queryset.filter(few)
        since, until = (_moment(self.params.get(key)) for key in (SINCE, UNTIL))
        span = widened(span_of(since, until, scan=self.is_narrowed and few is None), expected)
        self.page = read_page(self.queryset, span, size=self.list_per_page, before=before or None, after=after or None)
        self.reached_at, self.looks_up = reached_at(self.page), bool(after)
        listed(request, self.page.events)
        self.result_list = self.page.events
        self.result_count = len(self.page.events)
        self.full_result_count = None
        self.show_full_result_count = self.show_admin_actions = self.can_show_all = self.multi_page = False
        self.paginator = Paginator(self.page.events, self.list_per_page)
        self.newest_url = self.get_query_string() if before or after else ""
        self.older_url = self.get_query_string({"before": self.page.older}) if self.page.older else ""
        self.newer_url = self.get_query_string({"after": self.page.newer}) if self.page.newer else ""

    def url_for_result(self, result: Any) -> str:
        """The address of an event's page."""
        before, after = self._around_key
        return f"{before}{result.pk}{after}"

    @cached_property
    def _around_key(self) -> tuple[str, str]:
        """What stands before and after the key in those addresses: ``reverse`` takes long for each row."""
        before, _, after = super().url_for_result(SignalEvent(pk=0)).rpartition("0")
        return before, after

    def _filters(self) -> Filters:
        """The filters in the address that an index may answer."""
        given = {key: [text] for key, text in self.params.items() if key in INDEXED and isinstance(text, str)}
        if isinstance(outcome := self.params.get("outcome__exact"), str):
            given["outcome"] = [outcome]
        try:
            asked = searched(self.query.strip()).asked
            return Filters.parse({key: [*asked.get(key, ()), *given.get(key, ())] for key in (*asked, *given)})
        except FilterError:  # no event has such a value, which the list itself finds
            return Filters()


def searched(term: str) -> Filters:
    """What the search box asks for; raises ``FilterError``."""
    label, _, pk = term.partition("/")
    return Filters.parse({"object": term} if pk and is_of_a_model(label) else {QUERY: term})


def _moment(given: Any) -> datetime | None:
    """A bound that narrows down where to look, if the address has one as Django's links write it."""
    try:
        moment = parse_datetime(given) if isinstance(given, str) else None
    except ValueError:  # no such day, which the list itself finds
        return None
    if moment is not None and not MINYEAR < moment.year < MAXYEAR:  # not every zone has a date for it
        return None
    return make_aware(moment) if moment is not None and is_naive(moment) else moment


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


class TextFilter(LogFilter):
    """A filter that is typed, with the meaning that it has in the history."""

    template = "admin/signal_log/text_filter.html"
    hint: ClassVar = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """None: it is typed."""
        return []

    def has_output(self) -> bool:
        """Always: without choices Django would leave it out."""
        return True

    def choices(self, changelist: Any) -> Iterator[Any]:
        """What its form needs."""
        name = self.parameter_name or ""
        others = [(key, value) for key, values in changelist.filter_params.items() if key != name for value in values]
        yield {"value": self.value() or "", "without": changelist.get_query_string(remove=[name]), "others": others}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The events that match; a value is looked for in the field that ``field`` names."""
        key, value = self.parameter_name or "", self.value()
        if not value:
            return queryset
        field = request.GET.get(FIELD) if key in SIDES else None
        try:
            return filtered(queryset, Filters.parse({key: value, **({FIELD: field} if field else {})}))
        except FilterError as error:
            raise IncorrectLookupParameters(error) from error


def _typed(key: str, hint: str) -> type[TextFilter]:
    return type(f"By_{key}", (TextFilter,), {"title": NAMES.get(key, key), "parameter_name": key, "hint": hint})


TYPED: Final = (
    _typed("actor", "name or key"),
    _typed(FIELD, "is_staff"),
    _typed("old", "whole value, or null"),
    _typed("new", "whole value, or null"),
    _typed("value", "on either side"),
    _typed(OVERWROTE, "yes, or a field"),
)
