"""One operation of a story, as a line that is opened in place."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from signal_log.event import BASELINE, COMMITTED, M2M_CHANGED
from signal_log.models import SignalEvent
from signal_log.show.links import actor_url, object_url, url
from signal_log.show.words.operations import Line, is_pre


@dataclass
class StoryLine(Line):
    """A line of the object itself or of one of its relatives; ``can_restore`` if somebody may fill a form with it."""

    is_own: bool = True
    can_restore: bool = False

    @cached_property
    def object_url(self) -> str:
        """The URL of the object's history; asked several times for each line."""
        return object_url(self.event.sender, self.event.object_pk)

    @property
    def remarks(self) -> list[str]:
        """What has to be said of how it was recorded, and that it is not all that was."""
        redacted = ["A redaction masked a person in it."] if self.event.redacted_at is not None else []
        return [*super().remarks, *redacted]

    @property
    def actor_url(self) -> str:
        """The page of who did it; the history by name or source for who has no key."""
        return actor_url(self.event.actor_pk) or self.actor_filter

    @property
    def restore_url(self) -> str:
        """Where the values from before this event are offered for a form; empty if they are not."""
        event = self.event
        of_a_relation = event.signal == M2M_CHANGED and event.outcome == COMMITTED and not is_pre(event)
        if not (self.can_restore and (self.tells or of_a_relation) and event.object_pk):
            return ""
        if event.created or event.signal == BASELINE:
            return ""
        return url("restore", label=event.sender, pk=event.object_pk, event=str(event.pk))


def is_of(event: SignalEvent, labels: Collection[str], pk: str) -> bool:
    """Whether an event is of the row with this key, under one of these labels."""
    return event.object_pk == pk and event.sender in labels
