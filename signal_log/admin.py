"""The log in the admin, to be read by whom the permission allows and changed by nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from signal_log.admin_list import MOST_LISTED, SEARCHED_BACK, BoundedPaginator, ByModel, BySignal, BySource
from signal_log.models import SharedView, SignalEvent
from signal_log.permission import may_see_events
from signal_log.show.links import labels_of_row, object_url
from signal_log.show.pages.event import describe
from signal_log.show.pages.history import FOLDED_AWAY
from signal_log.show.pages.object import of_row
from signal_log.show.pages.shared import all_views
from signal_log.show.query.choices import senders
from signal_log.show.words.kinds import short_name
from signal_log.show.words.operations import Line, lines
from signal_log.store.read import events

if TYPE_CHECKING:
    AnyAdmin = admin.ModelAdmin[Any]
    EventAdmin = admin.ModelAdmin[SignalEvent]
    ViewAdmin = admin.ModelAdmin[SharedView]
else:  # generic only in the stubs
    AnyAdmin = object
    EventAdmin = ViewAdmin = admin.ModelAdmin

SHOWN_IN_HISTORY: Final = 20


class ReadByObservers(AnyAdmin):
    """To be read by whom the log's permission allows; nothing is added or changed here, by superusers neither."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Seen by whom the log's permission allows."""
        return may_see_events(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Seen by whom the log's permission allows."""
        return may_see_events(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: the recorder writes events, and views are shared where they are seen."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: what stands there is trusted."""
        return False


@admin.register(SignalEvent)
class SignalEventAdmin(ReadByObservers, EventAdmin):
    """A list that stays quick with millions of rows, and the page of an event in the admin's frame."""

    list_display = ("when", "what", "object_link", "change", "actor", "source")
    list_display_links = ("when",)
    list_filter = (BySignal, ByModel, "outcome", BySource, "occurred_at")
    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
    ordering = ("-id",)
    paginator = BoundedPaginator
    actions = None
    search_fields = ("actor_repr",)  # shows the field; get_search_results decides
    search_help_text = (
        "Search by an object's key, app.Model/key, part of its name, or a username. Filters and searches cover the "
        f"newest {SEARCHED_BACK:,} events and list up to {MOST_LISTED:,}. The history page covers the whole log."
    )
    fields = ()
    change_form_template = "admin/signal_log/signalevent/event.html"

    class Media:
        css = {  # noqa: RUF012  Django's own form of it
            "all": (
                "signal_log/css/tokens.css",
                "signal_log/css/log.css",
                "signal_log/css/event.css",
                "signal_log/css/admin.css",
            )
        }

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never, superusers included."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[SignalEvent]:
        """The log, from its own database; a list that is narrowed does not look back without end."""
        log = events()
        match = request.resolver_match
        is_list = match is not None and (match.url_name or "").endswith("_changelist")
        if not is_list or not set(request.GET) - {"p", "all", "o", "e"}:
            return log
        return log.filter(pk__gt=_newest() - SEARCHED_BACK)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Keys and user names by their indexes, parts of objects' names besides."""
        term = search_term.strip()
        if not term:
            return queryset, False
        label, _, pk = term.partition("/")
        wanted = Q(sender__in=senders(), object_pk=term) | Q(actor_repr=term) | Q(object_repr__icontains=term)
        if pk:
            wanted |= Q(sender__in=labels_of_row(label), object_pk=pk)
        return queryset.filter(wanted), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The page of an event."""
        context: dict[str, Any] = {}
        event = self.get_object(request, unquote(object_id)) if self.has_view_permission(request) else None
        if event is not None:
            context = describe(event) | {"title": f"Event {event.pk}", "subtitle": event.signal}
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    @admin.display(description="time")
    def when(self, event: SignalEvent) -> str:
        """With the milliseconds."""
        return format_html('<time datetime="{}">{}</time>', Line(event).iso, _to_the_millisecond(event))

    @admin.display(description="what")
    def what(self, event: SignalEvent) -> SafeString:
        """Icon, colour and word, and the signal itself."""
        kind, signal = Line(event).kind, event.signal
        shown = '<span class="kind {}">{}</span><br><small title="{}">{}</small>'
        return format_html(shown, kind.style, kind.word, signal, short_name(signal))

    @admin.display(description="object")
    def object_link(self, event: SignalEvent) -> SafeString:
        """The object, with the way to its history."""
        line = Line(event)
        name = format_html('<b>{}</b> <bdi class="value">{}</bdi>', line.model, line.object)
        return format_html('<a href="{}">{}</a>', line.object_url, name) if line.object_url else name

    @admin.display(description="change")
    def change(self, event: SignalEvent) -> SafeString:
        """The change on one line, and what caused it."""
        line = Line(event)
        return format_html_join(" ", '<span class="change {}">{}</span>', line.summary)

    @admin.display(description="actor")
    def actor(self, event: SignalEvent) -> SafeString:
        """Who did it."""
        return format_html('<bdi class="value">{}</bdi>', Line(event).actor)


@admin.register(SharedView)
class SharedViewAdmin(ReadByObservers, ViewAdmin):
    """Who shares what; to be taken away by whom Django's permission allows."""

    list_display = ("name", "query", "shared_by_repr", "shared_at")
    search_fields = ("name", "shared_by_repr")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whom Django's permission allows, if they may see events."""
        return may_see_events(request.user) and super().has_delete_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SharedView]:
        """All of them, from the database that holds the log."""
        return all_views()


class HistoryLinkMixin(AnyAdmin):
    """For the ModelAdmin of an observed model: its *History* button also shows what the log recorded.

    ``class OrderAdmin(HistoryLinkMixin, admin.ModelAdmin)``. Who lacks the log's permission sees the
    admin's own history alone, as before.
    """

    object_history_template = "admin/signal_log/object_history.html"

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The newest operations of the object, above the admin's own list."""
        context: dict[str, Any] = {}
        if may_see_events(request.user):
            label, pk = self.model._meta.label, unquote(object_id)
            recorded = of_row(labels_of_row(label), pk).exclude(FOLDED_AWAY).order_by("-pk")
            context = {
                "signal_log_lines": lines(list(recorded[:SHOWN_IN_HISTORY])),
                "signal_log_url": object_url(label, pk),
                "may_see_events": True,
            }
        return super().history_view(request, object_id, context | (extra_context or {}))


def _newest() -> int:
    return events().order_by("-pk").values_list("pk", flat=True).first() or 0


def _to_the_millisecond(event: SignalEvent) -> str:
    return localtime(event.occurred_at).isoformat(" ", "milliseconds")[:23]
