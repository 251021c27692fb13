"""The log's pages; include them anywhere: ``path("signals/", include("signal_log.urls"))``."""

from django.urls import path, register_converter

from signal_log.show.links import KeyConverter
from signal_log.show.pages import (
    event,
    history,
    live,
    receivers,
    sealed_files,
    seals,
    session,
    sessions,
    shared,
    trace,
    traces,
)
from signal_log.show.pages.actor import actor_page
from signal_log.show.pages.holds import holds_page
from signal_log.show.pages.logs import logs_page
from signal_log.show.pages.notes import event_notes, pins_page, session_notes
from signal_log.show.pages.object import object_page
from signal_log.show.pages.past_writes import past_writes_page
from signal_log.show.pages.redaction import redact_page
from signal_log.show.pages.relays import relays_page
from signal_log.show.pages.restore import restore_form, restore_page

register_converter(KeyConverter, "key")

app_name = "signal_log"
urlpatterns = [
    path("", live.live, name="live"),
    path("views/", shared.shared_views, name="shared_views"),
    path("views/<int:number>/delete/", shared.stop_sharing, name="take_away"),
    path("events/", history.events_page, name="events"),
    path("events/<str:number>/", event.event_page, name="event"),
    path("events/<str:number>/notes/", event_notes, name="event_notes"),
    path("logs/", logs_page, name="logs"),
    path("pins/", pins_page, name="pins"),
    path("traces/", traces.traces_page, name="traces"),
    path("traces/<str:trace>/", trace.trace_page, name="trace"),
    path("receivers/", receivers.receivers_page, name="receivers"),
    path("sessions/", sessions.sessions_page, name="sessions"),
    path("sessions/<str:number>/", session.session_page, name="session"),
    path("sessions/<str:number>/stop/", sessions.stop_session, name="stop_session"),
    path("sessions/<str:number>/notes/", session_notes, name="session_notes"),
    path("seals/", seals.seals_page, name="seals"),
    path("seals/log/<int:generation>/<path:path>", sealed_files.sealed_file, name="sealed_file_of"),
    path("seals/log/<path:path>", sealed_files.sealed_file, name="sealed_file"),
    path("holds/", holds_page, name="holds"),
    path("relays/", relays_page, name="relays"),
    path("past-writes/", past_writes_page, name="past_writes"),
    path("redact/", redact_page, name="redact"),
    path("actors/", actor_page, name="actor_by_query"),
    path("actors/<key:pk>/", actor_page, name="actor"),
    path("restore/", restore_page, name="restore"),
    path("restore/form/", restore_form, name="restore_form"),
    path("objects/<str:label>/", object_page, name="object_by_query"),
    path("objects/<str:label>/<key:pk>/", object_page, name="object"),
]
