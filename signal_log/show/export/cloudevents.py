"""Exports as CloudEvents 1.0 in JSON, one a line: what message brokers and serverless platforms take.

``source`` and ``id`` together name an event for ever, whoever exports it. ``data`` is the event as in JSON Lines.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

from signal_log.show.export.lines import Lines

VERSION: Final = "1.0"
OWN: Final = "signal_log."
ENDED: Final = "signal_log_export_ended"


class CloudEvents(Lines):
    """Writes one file."""

    suffix = "cloudevents.jsonl"

    def line(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The event in its envelope."""
        signal, key = event["signal"], event["object_pk"]
        return {
            "specversion": VERSION,
            "type": signal if signal.startswith(OWN) else f"{OWN}{signal}",
            "source": self._source,
            "id": str(event["id"]),
            "time": event["occurred_at"],
            "subject": f"{event['sender']}/{key}" if key else event["sender"] or "signal_log",
            "datacontenttype": "application/json",
            "data": event,
        }

    def last(self, export: Mapping[str, Any]) -> dict[str, Any]:
        """An event about the export."""
        return {
            "specversion": VERSION,
            "type": ENDED,
            "source": self._source,
            "id": f"export-{uuid.uuid4()}",
            "time": export["at"],
            "subject": "signal_log",
            "datacontenttype": "application/json",
            "data": export,
        }

    @property
    def _source(self) -> str:
        """The log: its identity is 16 random bytes, as a UUID is."""
        try:
            return uuid.UUID(self.log).urn
        except ValueError:
            return f"signal-log:{self.log}"
