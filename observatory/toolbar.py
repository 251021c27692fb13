"""The debug toolbar: who may look into it, and its history panel with posted passwords masked."""

from __future__ import annotations

from typing import Any

from debug_toolbar.middleware import show_toolbar
from debug_toolbar.panels.history import HistoryPanel as ToolbarHistoryPanel
from debug_toolbar.toolbar import DebugToolbar
from django.http import HttpRequest

from signal_log import may_see_events
from signal_log.capture.model.masking import secret_names
from signal_log.event import MASK


def is_shown_to(request: HttpRequest) -> bool:
    """Whether to answer a request with the toolbar, or, from one of its own views, with what it has stored.

    The latter is everybody's requests, with their signals and SQL: for people who may see events, on this machine too.
    The middleware asks as well, before it is known who it is, and then lets the view decide.
    """
    if not show_toolbar(request):
        return False
    if not DebugToolbar.is_toolbar_request(request):
        return True
    user = getattr(request, "user", None)
    return user is not None and may_see_events(user)


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
