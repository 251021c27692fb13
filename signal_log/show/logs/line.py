"""A line of a list of several logs: it says whose event it is, and leads to where that has its pages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from signal_log.show.links import event_url, object_url, trace_url, url
from signal_log.show.logs.named import Log
from signal_log.show.words.operations import Line


@dataclass
class LogLine(Line):
    """One line."""

    log: Log | None = None

    @property
    def origin(self) -> str:
        """What its log is called."""
        return self.log.origin if self.log else ""

    @property
    def is_here(self) -> bool:
        """Whether this installation has pages for it."""
        return self.log is None or self.log.is_own

    @cached_property
    def object_url(self) -> str:
        """The object's history, at its own installation; empty if it has none, or no key."""
        return self._there(object_url(self.event.sender, self.event.object_pk))

    @cached_property
    def url(self) -> str:
        """The event's page, at its own installation; empty if it has none."""
        return self._there(event_url(self.event.pk))

    @property
    def trace_url(self) -> str:
        """Its trace, at its own installation; empty if it has none."""
        return self._there(trace_url(self.event.trace_id))

    @property
    def actor_filter(self) -> str:
        """The list, filtered by the name of who did it: keys differ from log to log."""
        name = self.event.actor_repr
        return self.narrow(actor_name=name, actor_pk=None, actor=None) if name else super().actor_filter

    def _there(self, address: str) -> str:
        """An address of this installation, at the event's own."""
        if self.log is None or self.log.is_own or not address:
            return address
        return self.log.url and self.log.url + address.removeprefix(url("live"))
