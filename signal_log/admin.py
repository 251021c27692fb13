"""The log in the admin: read-only, for users with the log's permission."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localtime

from signal_log.admin_events import TYPED, ByModel, BySignal, BySource, EventList, searched
from signal_log.admin_list import ListedFiltersMixin
from signal_log.amounts import counted
from signal_log.errors import FilterError
from signal_log.models import DeadLetter, RelayCursor, SharedView, SignalEvent
from signal_log.moments import parse_moment
from signal_log.permission import EXPORT, may, may_see_events
from signal_log.show.access import answered
from signal_log.show.admin_history import add_recorded
from signal_log.show.links import are_mounted, event_url
from signal_log.show.pages.event import describe, may_be_archived
from signal_log.show.pages.relays import give_up, replay
from signal_log.show.pages.shared import all_views
from signal_log.show.words.kinds import short_name
from signal_log.show.words.operations import Line
from signal_log.store.read import events, filtered

if TYPE_CHECKING:
    AnyAdmin = admin.ModelAdmin[Any]
    EventAdmin = admin.ModelAdmin[SignalEvent]
    ViewAdmin = admin.ModelAdmin[SharedView]
    CursorAdmin = admin.ModelAdmin[RelayCursor]
    LetterAdmin = admin.ModelAdmin[DeadLetter]
else:  # generic only in the stubs
    AnyAdmin = object
    EventAdmin = ViewAdmin = CursorAdmin = LetterAdmin = admin.ModelAdmin


class ReadOnlyAdmin(ListedFiltersMixin, AnyAdmin):
    """Readable with the log's permission; nothing can be added or changed here, not even by superusers."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the user has the log's permission."""
        return may_see_events(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user has the log's permission."""
        return may_see_events(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: events are written by the recorder, and views are shared on the live page."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: the log's rows are immutable."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The list, or what to do where there is no table yet."""
        return self.without_pages(request) or answered(super().changelist_view, request, extra_context)

    def without_pages(self, request: HttpRequest) -> HttpResponse | None:
        """What to do where the log's pages, to which these link, have no addresses; None where they have."""
        if are_mounted():
            return None
        self.message_user(request, "The log has no pages: include signal_log.urls in your URLs.", messages.WARNING)
        return redirect(f"{self.admin_site.name}:index")


@admin.register(SignalEvent)
class SignalEventAdmin(ReadOnlyAdmin, EventAdmin):
    """A list that stays fast with millions of rows, and an event's page inside the admin."""

    list_display = ("when", "what", "object_link", "change", "actor", "source")
    list_display_links = ("when",)
    list_filter = (BySignal, ByModel, "outcome", BySource, "occurred_at", *TYPED)
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
    ordering = ("-id",)
    actions = None
    search_fields = ("actor_repr",)  # shows the search box; get_search_results does the search
    search_help_text = "Search as in the history: words, app.Model/key, model:User, email:, actor:name, -not, OR."
    fields = ()
    change_form_template = "admin/signal_log/signalevent/event.html"

    class Media:
        css = {  # noqa: RUF012  the form that Django expects
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
        """The log, from its own database."""
        return events()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[EventList]:
        """The list that is read by id."""
        return EventList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """A query, as in the history; ``app.Model/key`` alone is one row, found by index."""
        term = search_term.strip()
        try:
            filters = searched(term)
        except FilterError as error:
            self.message_user(request, str(error), messages.WARNING)
            return queryset.none(), False
        since, until = parse_moment("since", filters.since or ""), parse_moment("until", filters.until or "")
        if since is not None:
            queryset = queryset.filter(occurred_at__gte=since)
        if until is not None:
            queryset = queryset.filter(occurred_at__lte=until)
        return filtered(queryset, filters), False

    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The event's page, or what to do where there is no table yet."""
        return self.without_pages(request) or answered(self._event_page, request, *args, **kwargs)

    def _event_page(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        context: dict[str, Any] = {}
        event = self.get_object(request, unquote(object_id)) if self.has_view_permission(request) else None
        if event is not None:
            context = describe(request, event) | {"title": f"Event {event.pk}", "subtitle": event.signal}
            context["may_export"] = may(request.user, EXPORT)
        elif may_see_events(request.user) and may_be_archived(unquote(object_id)):
            return redirect(event_url(int(unquote(object_id))))
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    @admin.display(description="time")
    def when(self, event: SignalEvent) -> SafeString:
        """The time, with milliseconds."""
        return _safe(f'<time datetime="{Line(event).iso}">{_to_the_millisecond(event)}</time>')

    @admin.display(description="what")
    def what(self, event: SignalEvent) -> SafeString:
        """The kind's icon, colour and word, and the signal."""
        kind, signal = Line(event).kind, event.signal
        return _safe(
            f'<span class="kind {kind.style}">{escape(kind.word)}</span><br>'
            f'<small title="{escape(signal)}">{escape(short_name(signal))}</small>'
        )

    @admin.display(description="object")
    def object_link(self, event: SignalEvent) -> SafeString:
        """The object, linked to its history."""
        line = Line(event)
        name = f'<b>{escape(line.model)}</b> <bdi class="value">{escape(line.object)}</bdi>'
        return _safe(f'<a href="{escape(line.object_url)}">{name}</a>' if line.object_url else name)

    @admin.display(description="change")
    def change(self, event: SignalEvent) -> SafeString:
        """The change on one line, and what caused it."""
        parts = (f'<span class="change {role}">{escape(text)}</span>' for role, text in Line(event).summary)
        return _safe(" ".join(parts))

    @admin.display(description="actor")
    def actor(self, event: SignalEvent) -> SafeString:
        """The actor."""
        return _safe(f'<bdi class="value">{escape(Line(event).actor)}</bdi>')


@admin.register(SharedView)
class SharedViewAdmin(ReadOnlyAdmin, ViewAdmin):
    """Shared views, which users with Django's delete permission can remove."""

    list_display = ("name", "query", "shared_by_repr", "shared_at")
    search_fields = ("name", "shared_by_repr")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user has Django's delete permission and may see events."""
        return may_see_events(request.user) and super().has_delete_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SharedView]:
        """All shared views, from the log's database."""
        return all_views()


@admin.register(RelayCursor)
class RelayCursorAdmin(ReadOnlyAdmin, CursorAdmin):
    """How far each relay is; ``/relays/`` says more."""

    list_display = ("name", "reached", "sent", "failed", "missed", "problem", "runner", "heartbeat_at")
    search_fields = ("name",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: a relay would begin anew. ``signal_relay --reset`` does that."""
        return False


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin, LetterAdmin):
    """What receivers have refused for good; who may export has it sent again, and Django's delete gives it up."""

    list_display = ("event_link", "relay", "refused_at", "reason", "attempts", "wanted_at")
    list_display_links = None
    list_filter = ("relay",)
    search_fields = ("reason",)
    actions = ("send_again",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user has Django's delete permission and may see events."""
        return may_see_events(request.user) and super().has_delete_permission(request, obj)

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Whether the user may take events away, as sending them does."""
        return may(request.user, EXPORT)

    @admin.action(description="Send again", permissions=["export"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        """Have them sent again by the relay that is running."""
        number = replay(queryset)
        said = f"{counted(number, 'dead letter is', 'dead letters are')} sent again as soon as the relay looks."
        self.message_user(request, said, messages.SUCCESS if number else messages.WARNING)

    def delete_model(self, request: HttpRequest, obj: DeadLetter) -> None:
        """Give one up."""
        give_up(DeadLetter.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        """Give some up."""
        give_up(queryset)

    @admin.display(description="event", ordering="event")
    def event_link(self, letter: DeadLetter) -> SafeString:
        """The event, linked to its page."""
        return _safe(f'<a href="{escape(event_url(letter.event))}">#{letter.event}</a>')


class HistoryLinkMixin(AnyAdmin):
    """For the ModelAdmin of an observed model in a site that is served without the app's middleware.

    ``class OrderAdmin(HistoryLinkMixin, admin.ModelAdmin)``: its *History* page also shows the recorded events. With
    the middleware every observed model's does.
    """

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The object's newest operations, above the admin's own list."""
        response = super().history_view(request, object_id, extra_context)
        add_recorded(request, response, self.model, unquote(object_id))
        return response


def _safe(html: str) -> SafeString:
    """As it stands: ``format_html`` takes several times as long, three hundred times a page."""
    return mark_safe(html)  # noqa: S308  each text in it is escaped


def _to_the_millisecond(event: SignalEvent) -> str:
    return localtime(event.occurred_at).isoformat(" ", "milliseconds")[:23]
