"""The debug toolbar: who may look into it, and its history panel with posted passwords masked."""

from __future__ import annotations

from typing import Any

from debug_toolbar.middleware import show_toolbar
from debug_toolbar.panels.history import HistoryPanel as ToolbarHistoryPanel
from django.db import DatabaseError
from django.http import HttpRequest

from signal_log import may_see_events
from signal_log.capture.model.masking import secret_names
from signal_log.event import MASK


def is_shown_to(request: HttpRequest) -> bool:
    """Whether a request has the toolbar, or, from one of its own views, what it has stored.

    That is everybody's requests, with their signals and SQL: for people who may see events, on this machine too.
    """
    user = getattr(request, "user", None)
    try:
        return show_toolbar(request) and user is not None and may_see_events(user)
    except DatabaseError:  # the page says so
        return False


class HistoryPanel(ToolbarHistoryPanel):
    """Masks form values with a secret name, which the stock panel would show."""

    def record_stats(self, stats: dict[str, Any]) -> None:
        """Record the stats with secrets masked."""
        data = stats.get("data")
        if data:
            stats = {**stats, "data": {name: masked(name, data[name]) for name in data}}
        super().record_stats(stats)


def masked(name: str, value: Any) -> Any:
    """The value, or the mask if its name is a secret one."""
    return MASK if value and name in secret_names() else value
