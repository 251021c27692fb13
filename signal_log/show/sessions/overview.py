"""A recorded session as a whole: its traces by name, what is worth attention in them, and receivers' statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final, NamedTuple

from signal_log.show.cascade.findings import Finding, findings
from signal_log.show.sessions.caught import Caught, Chosen
from signal_log.show.words.kinds import short_name
from signal_log.show.words.text import duration, one_line

MOST_STATEMENTS: Final = 50


@dataclass(slots=True)
class Named:
    """The traces of one name."""

    name: str
    traces: list[Caught] = field(default_factory=list, repr=False)

    @property
    def shown(self) -> str:
        """Its name on one line."""
        return one_line(self.name, 200) or "unnamed"

    @property
    def typical(self) -> str:
        """The median of their times."""
        return duration(median(one.row.duration_us for one in self.traces))

    @property
    def longest(self) -> str:
        """The longest of them."""
        return duration(max(one.row.duration_us for one in self.traces))

    @property
    def operations(self) -> int:
        """How many operations they had."""
        return sum(one.row.operations for one in self.traces)

    @property
    def failed(self) -> int:
        """How many of these failed."""
        return sum(one.row.failed for one in self.traces)

    @property
    def statuses(self) -> str:
        """How they ended."""
        return ", ".join(dict.fromkeys(one_line(one.row.status, 40) for one in self.traces if one.row.status))

    @property
    def newest(self) -> Caught:
        """The last of them."""
        return self.traces[-1]


@dataclass(slots=True)
class Found:
    """A finding, and the traces that have it."""

    finding: Finding
    traces: list[Caught] = field(default_factory=list, repr=False)

    @property
    def times(self) -> str:
        """In how many traces."""
        return f"{len(self.traces):,} trace{'' if len(self.traces) == 1 else 's'}"

    @property
    def newest(self) -> Caught:
        """The last that has it."""
        return self.traces[-1]


@dataclass(slots=True)
class Asked:
    """A statement of one receiver, or of none, over all traces."""

    text: str
    receiver: str
    times: int = 0
    took_us: int = 0
    stack: Sequence[Sequence[str]] = ()

    @property
    def took(self) -> str:
        """All its runs together."""
        return duration(self.took_us)

    @property
    def by(self) -> str:
        """The short name of the receiver."""
        return one_line(short_name(self.receiver), 100)


def by_name(traces: Sequence[Caught]) -> list[Named]:
    """The traces by their names, in the order of their first."""
    named: dict[str, Named] = {}
    for one in traces:
        named.setdefault(one.row.name, Named(one.row.name)).traces.append(one)
    return list(named.values())


def found_in(traces: Sequence[Caught]) -> list[Found]:
    """The findings over all traces; one that many have is told once."""
    found: dict[str, Found] = {}
    for one in traces:
        for finding in findings(one.cascade, one.row.duration_us):
            found.setdefault(finding.id, Found(finding)).traces.append(one)
    return sorted(found.values(), key=lambda one: -len(one.traces))


class Statements(NamedTuple):
    """The statements that took longest, and how many more ran than were kept."""

    asked: list[Asked]
    omitted: int


def statements_of(traces: Sequence[Caught], most: int = MOST_STATEMENTS) -> Statements:
    """The statements that took longest, each of one receiver over all traces; of each trace the first are kept."""
    asked: dict[tuple[str, str], Asked] = {}
    omitted = 0
    for one in traces:
        kept = one.kept
        texts, stacks, own = kept.get("texts", ()), kept.get("stacks", ()), dict[tuple[int, str], Asked]()
        omitted += kept.get("omitted", 0)
        for number, _, _, took_us, _, receiver, stack in kept.get("statements", ()):
            each = own.get((number, receiver))
            if each is None:
                text = texts[number]
                each = own[number, receiver] = asked.setdefault((receiver, text), Asked(text, receiver))
                each.stack = each.stack or (stacks[stack] if stack >= 0 else ())
            each.times += 1
            each.took_us += took_us
        one.forget()
    return Statements(sorted(asked.values(), key=lambda each: -each.took_us)[:most], omitted)


def omitted_words(number: int) -> str:
    """What to say of statements that were not kept; empty if all were."""
    if not number:
        return ""
    return f"{number:,} more statement{' was' if number == 1 else 's were'} counted and left out."


def lines(chosen: Chosen) -> Iterator[str]:
    """The session as text."""
    traces = chosen.traces
    yield from chosen.remarks()
    for named in by_name(traces):
        many = f" × {len(named.traces):,}" if len(named.traces) > 1 else ""
        worst = f", longest {named.longest}" if many else ""
        failed = f" · {named.failed:,} failed" if named.failed else ""
        status = f" · {named.statuses}" if named.statuses else ""
        operations = f"{named.operations:,} operation{'' if named.operations == 1 else 's'}"
        yield f"{named.shown}{many}   {named.typical}{worst} · {operations}{failed}{status}"
    told = found_in(traces)
    if told:
        yield ""
    for one in told:
        yield f"! {one.finding.text} ({one.times})"
        yield f"  {one.finding.fix}"
    asked, omitted = statements_of(traces, 10)
    if asked:
        yield ""
        yield "Statements, by the time of execute:"
    for each in asked:
        yield f"  {each.took:>8}  × {each.times:<4,} {each.by or '-'}  {one_line(each.text, 160)}"
    if omitted:
        yield f"  {omitted_words(omitted)}"
