"""Which rows may be redacted or gone: those that an event of the log itself names, as whoever did it had to write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from signal_log.errors import ProofError
from signal_log.event import COMMITTED, MAINTENANCE
from signal_log.models import SealTree, SignalEvent
from signal_log.seal.ranges import Ranges, parse_indexes
from signal_log.seal.remains import Left, left_by
from signal_log.seal.stored import place_of
from signal_log.seal.verify.rows import row_of

REDACT: Final = "command:signal_redact"
PRUNE: Final = "command:signal_prune"


class Redaction(NamedTuple):
    """The event of one: which rows it names, in the table or in an archive."""

    number: int
    rows: Ranges
    in_archive: bool

    @property
    def left(self) -> Left:
        """What it says that it left; read again, as it may be long."""
        return left_by(SignalEvent.objects.values_list("labels", flat=True).get(pk=self.number))


@dataclass(slots=True)
class Allowed:
    """What redactions and prunes name, and the events of them."""

    redacted: Ranges = field(default_factory=Ranges)
    """Rows of the table."""
    archived: Ranges = field(default_factory=Ranges)
    """Events in archives, which may have been redacted in the table before."""
    redactions: list[Redaction] = field(default_factory=list)
    """Oldest first."""
    pruned: dict[int, Ranges] = field(default_factory=dict)
    prunes: dict[int, dict[int, Ranges]] = field(default_factory=dict)
    """What the event of each names, by its id."""
    unsealed: Ranges = field(default_factory=Ranges)
    """Those of the events that no tree has yet."""
    refused: list[str] = field(default_factory=list)
    """Why an event of one counts for nothing."""

    def redacted_by(self, rows: Ranges) -> Ranges:
        """The events that name any of these rows."""
        return Ranges.of(one.number for one in self.redactions if one.rows.common(rows))

    def prune(self, event: int, leaves: dict[int, Ranges]) -> None:
        """Accept what an event names as pruned."""
        self.prunes[event] = leaves
        for generation, ranges in leaves.items():
            self.pruned.setdefault(generation, Ranges()).update(ranges)

    def pruned_by(self, gone: dict[int, Ranges]) -> Ranges:
        """The events that name any of these leaves."""
        return Ranges.of(
            event
            for event, named in self.prunes.items()
            if any(leaves.common(gone.get(generation, Ranges())) for generation, leaves in named.items())
        )


def read_allowed(trees: list[SealTree]) -> Allowed:
    """Read every event of a redaction or a prune; one that was not done, or is not as it was sealed, allows nothing."""
    found = Allowed()
    sealed = max((tree.last_id for tree in trees), default=0)
    events = SignalEvent.objects.filter(signal=MAINTENANCE, source__in=(REDACT, PRUNE)).order_by("pk")
    for number in list(events.values_list("pk", flat=True)):
        row = row_of(number)
        if row is None or row.leaf != row.stored or row.redacted:
            continue  # it has a finding of its own
        event = SignalEvent.objects.get(pk=number)
        if event.outcome != COMMITTED or (number <= sealed and place_of(event) is None):
            found.refused.append(f"Event {number} tells of a {event.source} that was not done, or was never sealed.")
            continue
        labels = event.labels or {}
        try:
            if event.source == REDACT:
                redaction = Redaction(number, left_by(labels).rows, "archive" in labels)
                found.redactions.append(redaction)
                found.archived.update(redaction.rows)
                if not redaction.in_archive:
                    found.redacted.update(redaction.rows)
            else:
                found.prune(number, parse_indexes(str(labels.get("indexes", ""))))
        except ProofError as error:
            found.refused.append(f"Event {number} tells of a {event.source} that nobody can read: {error}")
            continue
        if number > sealed:
            found.unsealed.add(number)
    return found
