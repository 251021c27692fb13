"""Template tags about the current user for the page shell; ``{% load signal_log_shell %}``."""

from __future__ import annotations

from typing import Any

from django import template
from django.db import DatabaseError
from django.urls import NoReverseMatch

from signal_log.conf import conf
from signal_log.models import DebugSession
from signal_log.permission import may_see_events
from signal_log.show.access import login_url
from signal_log.show.links import url
from signal_log.show.replica import lag
from signal_log.show.sessions.browser import session_here
from signal_log.show.words import text
from signal_log.show.words.sealing import alarm
from signal_log.show.words.text import one_line
from signal_log.telemetry.recorded import all_sessions, is_running

register = template.Library()


class Recorded:
    """A running session, for the bar."""

    def __init__(self, session: DebugSession) -> None:
        self.name = one_line(session.name, 60)
        self.url = url("session", session.pk)
        self.stop_url = url("stop_session", session.pk)
        self.held = f"{session.traces:,} trace{'' if session.traces == 1 else 's'}"


@register.filter
def is_observer(user: Any) -> bool:
    """Whether this user may see events; false if the context has no user, as on an error page."""
    return bool(getattr(user, "is_authenticated", False)) and may_see_events(user)


@register.filter
def initials(name: Any) -> str:
    """At most two capital letters for a person's round badge."""
    return text.initials(str(name))


@register.simple_tag(takes_context=True)
def recorded_here(context: dict[str, Any]) -> Recorded | None:
    """The session that records this browser, for the bar; None if none does, or if the user may not see events."""
    request = context.get("request")
    number = session_here(request)
    if not number or not is_observer(getattr(request, "user", None)):
        return None
    try:
        session = all_sessions().filter(pk=number).first()
    except DatabaseError:  # the page says what is wrong
        return None
    return Recorded(session) if session is not None and is_running(session) else None


@register.simple_tag(takes_context=True)
def seal_alarm(context: dict[str, Any]) -> str:
    """That the log was tampered with, or that sealing has stopped; empty for most, and for whom may not know."""
    if not is_observer(getattr(context.get("request"), "user", None)):
        return ""
    try:
        return alarm()
    except DatabaseError:  # the page says what is wrong
        return ""


@register.simple_tag
def replica_told() -> str:
    """How far the replica is behind that this page is read from; empty if it is not, or there is none."""
    return str(lag() or "")


@register.simple_tag
def relays_address() -> str:
    """The page of the relays; empty where none is configured, or the log has no pages."""
    if not conf.RELAYS:
        return ""
    try:
        return url("relays")
    except NoReverseMatch:
        return ""


@register.simple_tag
def login_address() -> str:
    """Where people log in."""
    return login_url()
