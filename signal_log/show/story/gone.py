"""What of the log is no longer there, so that a page does not call unknown or empty what was pruned or erased."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from signal_log.amounts import counted
from signal_log.event import MAINTENANCE
from signal_log.models import SignalEvent
from signal_log.models.event import UNUSUAL
from signal_log.show.links import url
from signal_log.store.read import events

MOST_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class Gone:
    """The newest prune of the log, and how many events of a model were erased; their keys were as well."""

    prune: SignalEvent | None = None
    erased: int = 0

    @property
    def unknown(self) -> str:
        """What is said of a field that no event names."""
        if self.prune is None and not self.erased:
            return "unknown: not in any recorded change"
        causes = [word for word, there in (("pruned", self.prune), ("erased", self.erased)) if there]
        return f"not in any change that is left: older ones may have been {' or '.join(causes)}"

    @property
    def notes(self) -> Iterator[tuple[str, str]]:
        """A sentence for each cause, and where it is told."""
        if self.prune is not None:
            yield f"Older events were pruned, last on {_day(self.prune)}.", url("event", self.prune.pk)
        if self.erased:
            number = (
                f"More than {MOST_COUNTED:,} events" if self.erased > MOST_COUNTED else counted(self.erased, "event")
            )
            were = "was erased by a redaction and no longer says whose it was" if self.erased == 1 else (
                "were erased by a redaction and no longer say whose they were"
            )  # fmt: skip
            yield f"{number} of this model {were}.", url("events", signal=MAINTENANCE, source="command:signal_redact")


def gone_of(labels: Sequence[str]) -> Gone:
    """Of a row that is recorded under these labels."""
    told = events().filter(UNUSUAL, signal=MAINTENANCE)
    prune = told.filter(source="command:signal_prune").order_by("-pk").first()
    erased = events().filter(sender__in=labels, object_pk="", redacted_at__isnull=False).order_by()
    return Gone(prune, erased[: MOST_COUNTED + 1].count())


def _day(event: SignalEvent) -> str:
    return f"{event.occurred_at.day} {event.occurred_at:%B %Y}"
