"""Template tags about the current user for the page shell; ``{% load signal_log_shell %}``."""

from __future__ import annotations

from typing import Any

from django import template

from signal_log.show.access import login_url, may_see_events

register = template.Library()


@register.filter
def is_observer(user: Any) -> bool:
    """Whether this user may see events; false if the context has no user, as on an error page."""
    return bool(getattr(user, "is_authenticated", False)) and may_see_events(user)


@register.filter
def initials(name: Any) -> str:
    """At most two capital letters for a person's round badge."""
    words = "".join(c if c.isalnum() else " " for c in str(name)).split()
    letters = words[0][0] + words[1][0] if len(words) > 1 else "".join(words)[:2]
    return letters.upper() or "?"


@register.simple_tag
def login_address() -> str:
    """Where people log in."""
    return login_url()
