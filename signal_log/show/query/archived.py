"""Reads on into the archive that ``ARCHIVE`` names, where a page comes to events that were pruned into it.

The archive may be slow, or away. So it is read by a thread of its own, for a few seconds at most, and whatever is wrong
becomes a sentence on the page, which shows what the table has. Nothing of it happens while anything is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import BoundedSemaphore, Thread
from typing import Final

from signal_log import clock
from signal_log.audit.archived_event import event_of
from signal_log.conf import conf
from signal_log.errors import ProofError
from signal_log.event import BY_HAND, COMMITTED
from signal_log.filters import Filters
from signal_log.models import SignalEvent
from signal_log.seal.archive import Line
from signal_log.seal.iceberg.conditions import Conditions
from signal_log.seal.iceberg.opening import INSTALL, open_archive
from signal_log.seal.iceberg.place import read_place
from signal_log.seal.stored import names_of_log
from signal_log.show.query import archive_columns
from signal_log.show.query.archive_columns import can_answer, in_columns
from signal_log.show.query.archive_reach import reaches_to
from signal_log.show.query.paging import Page
from signal_log.show.words import kinds
from signal_log.store.read import as_mapping, events
from signal_log.store.span import LARGEST_ID

SECONDS: Final = 4.0
"""How long a page waits for the archive, once what reads it is imported."""
SEARCHED: Final = 2.5
"""How long of that is searched; what was found until then is shown."""
AT_ONCE: Final = 2
"""So many pages of a process read archives at a time."""
OF_A_ROW: Final = 1_000
"""So many archived events of one row are read."""

ROUNDS: Final = 6
"""So often is asked for more, where the table has what was found."""
Answer = tuple[list[Line], int | None]

_free: Final = BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True, slots=True)
class Archived:
    """Events out of the archive, newest first, and what a page says of them."""

    events: list[SignalEvent] = field(default_factory=list)
    problem: str = ""
    """Why the archive was not read."""
    reached: int | None = None
    """The id up to which it was searched, where time was up."""
    older_than: datetime | None = None
    """When the newest of the shown events happened that came from there."""
    place: str = ""

    @property
    def is_told(self) -> bool:
        """Whether there is anything to say."""
        return bool(self.problem or self.older_than)


NOTHING: Final = Archived()


def begins_after_archive(start: datetime | None) -> datetime | None:
    """From when on the table has everything, if a span of time begins before that, in what was pruned into an archive.

    None if it does not: what counts the table alone has then counted all of the span.
    """
    top = reaches_to()
    if not top:
        return None
    first = events().filter(pk__gt=top).order_by("pk").values_list("occurred_at", flat=True).first()
    return first if first and (start is None or start < first) else None


def read_on(
    page: Page, filters: Filters, *, size: int, before: int | None, after: int | None, every: bool,
    since: datetime | None = None, until: datetime | None = None, of: Conditions | None = None,
) -> tuple[Page, Archived]:  # fmt: skip
    """A page of the table with what the archive has between its ends, and what is to be said of that.

    ``of`` is an account or a row that the page is of.
    """
    top = reaches_to()
    if not top or not can_answer(filters):
        return page, NOTHING
    low, high = _ends(page, before, after)
    high = min(high, top + 1)
    if low + 1 >= high:
        return page, NOTHING

    def accepted(event: SignalEvent) -> bool:
        return (every or not _is_folded_away(event)) and filters.matches(as_mapping(event))

    wanted, upwards = in_columns(filters, since, until).also(of), after is not None
    found = _read(wanted, above=low, below=high, number=size + 1, keep=accepted, upwards=upwards)
    return _merged(page, found, size=size, before=before, upwards=upwards)


def joined(
    page: Page, archived: Archived, filters: Filters, *, size: int, before: int | None, after: int | None, every: bool,
    since: datetime | None = None, until: datetime | None = None,
) -> tuple[Page, Archived]:  # fmt: skip
    """The same of events that were read from the archive already."""
    low, high = _ends(page, before, after)
    wanted = [
        event for event in archived.events
        if low < event.pk < high and (every or not _is_folded_away(event)) and filters.matches(as_mapping(event))
        and (since is None or event.occurred_at >= since) and (until is None or event.occurred_at <= until)
    ]  # fmt: skip
    if archived.problem or not wanted:
        return page, replace(archived, events=[], older_than=None)
    return _merged(page, replace(archived, events=wanted), size=size, before=before, upwards=after is not None)


def _ends(page: Page, before: int | None, after: int | None) -> tuple[int, int]:
    """Between which ids a page of the table says that there is nothing else."""
    if after is not None:
        return after, (page.events[0].pk if page.newer and page.events else page.newer or LARGEST_ID)
    low = (
        (page.events[-1].pk if page.events and page.searched_to is None else page.searched_to or 0) if page.older else 0
    )
    return low, before or LARGEST_ID


def _merged(
    page: Page, found: Archived, *, size: int, before: int | None, upwards: bool
) -> tuple[Page, Archived]:  # fmt: skip
    if found.problem:
        return page, found
    everything = sorted([*page.events, *found.events], key=lambda event: -event.pk)
    if found.reached is not None:  # beyond it the archive was not looked at
        everything = [one for one in everything if (one.pk <= found.reached if upwards else one.pk >= found.reached)]
    shown = everything[-size:] if upwards else everything[:size]
    ids = {event.pk for event in found.events}
    ours = [event for event in shown if event.pk in ids]
    told = replace(found, events=ours, older_than=ours[0].occurred_at if ours else None)
    is_full = len(everything) > size
    if upwards:
        newer: int | None = shown[0].pk if shown and is_full else (found.reached or page.newer)
        return Page(shown, shown[-1].pk if shown else page.older, newer), told
    ends: tuple[int | None, int | None] = page.older, page.searched_to
    if is_full:
        ends = shown[-1].pk, None
    elif found.reached is not None:
        ends = found.reached, found.reached
    older, searched = ends
    return Page(shown, older, shown[0].pk if shown and before else None, searched), told


def of_row(labels: Sequence[str], pk: str, *, number: int = OF_A_ROW) -> Archived:
    """The archived events of one row, newest first, of which the table has none any more."""
    return _newest(archive_columns.of_row(labels, pk), number) if pk else NOTHING


def last_of_account(pk: str) -> Archived:
    """The newest archived event that an account caused, of which the table has none any more."""
    return _newest(archive_columns.of_account(pk), 1) if pk else NOTHING


def _newest(wanted: Conditions, number: int) -> Archived:
    top = reaches_to()
    if not top:
        return NOTHING
    found = _read(wanted, above=0, below=top + 1, number=number)
    return replace(found, older_than=found.events[0].occurred_at if found.events else None)


def one(number: int, *, lost: bool = False) -> Archived:
    """The archived event of this number: one that was pruned, or ``lost`` without that."""
    if not (conf.ARCHIVE if lost else 0 < number <= reaches_to()):
        return NOTHING
    found = _read(Conditions(["id = ?"], [number]), above=number - 1, below=number + 1, number=1)
    return replace(found, older_than=found.events[0].occurred_at if found.events else None)


def _read(
    wanted: Conditions, *, above: int, below: int, number: int,
    keep: Callable[[SignalEvent], bool] = lambda event: True, upwards: bool = False,
) -> Archived:  # fmt: skip
    """As many events as are wanted, of those that the table has not."""
    url, names = str(conf.ARCHIVE), names_of_log()
    place = read_place(url).location
    try:
        from signal_log.seal.iceberg import searching
    except ImportError:
        return Archived(problem=INSTALL)
    deadline = clock.monotonic() + SECONDS
    found: list[SignalEvent] = []

    def accept(lines: list[Line]) -> list[Line]:
        return [line for line in lines if keep(event_of(line))]

    for _ in range(ROUNDS):

        def search(low: int = above, high: int = below) -> tuple[list[Line], int | None]:
            told = searching.search(
                open_archive(url, names), wanted, above=low, below=high, number=number,
                seconds=SEARCHED, accept=accept, upwards=upwards,
            )  # fmt: skip
            return told.lines, told.reached

        try:
            lines, reached = _waited_for(search, place, deadline - clock.monotonic())
        except ProofError as error:
            return Archived(problem=str(error))
        there = set(events().filter(pk__in=[line.id for line in lines]).values_list("pk", flat=True))
        found += [event_of(line) for line in lines if line.id not in there]
        if reached is not None or len(lines) < number or len(found) >= number:
            break
        last = reached = lines[-1].id or 0
        above, below = (last, below) if upwards else (above, last)
    for event in found:
        event._state.adding, event._state.db = False, events().db
    return Archived(sorted(found, key=lambda event: -event.pk), reached=reached, place=place)


def _waited_for(search: Callable[[], Answer], place: str, seconds: float) -> Answer:
    """Do it in a thread, and wait no longer than so many seconds; raises ``ProofError``."""
    if not _free.acquire(blocking=False):
        raise ProofError(f"The archive {place} is being read by others at the moment. Reload the page.")
    answer: list[Answer | ProofError] = []

    def read() -> None:
        try:
            answer.append(search())
        except ProofError as error:
            answer.append(error)
        except Exception as error:  # noqa: BLE001  whatever it is, the page shows what the table has
            answer.append(ProofError(f"The archive {place} cannot be read: {type(error).__name__}."))
        finally:
            _free.release()

    thread = Thread(target=read, name="signal_log archive", daemon=True)
    thread.start()
    thread.join(max(seconds, 0))
    if not answer:
        raise ProofError(f"The archive {place} did not answer within {SECONDS:.0f} seconds.")
    if isinstance(answer[0], ProofError):
        raise answer[0]
    return answer[0]


def _is_folded_away(event: SignalEvent) -> bool:
    """A pre signal whose post signal represents both, as ``FOLDED_AWAY`` has it in SQL."""
    by_hand = isinstance(event.origin, dict) and BY_HAND in event.origin
    return event.signal in kinds.PRE and event.outcome == COMMITTED and not by_hand
