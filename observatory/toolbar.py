"""The debug toolbar's history panel, with posted passwords masked."""

from __future__ import annotations

from typing import Any

from debug_toolbar.panels.history import HistoryPanel as ToolbarHistoryPanel

from signal_log.capture.model.masking import secret_names
from signal_log.event import MASK


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
