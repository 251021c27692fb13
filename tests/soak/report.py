"""Tells how a run went, for people: on the terminal, and as the page docs/soak.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.benchmarks.machine import description
from tests.benchmarks.markdown import head, line
from tests.soak.flat import MB, Growth
from tests.soak.judge import Outcome
from tests.soak.page import STEPS

INTRODUCTION: Final = Path(__file__).with_name("introduction.md")


@dataclass
class Run:
    """What was done."""

    seed: int
    seconds: float
    command: str
    sockets: int
    rate: float
    """Events a second, over the time of the traffic."""
    actions: int
    failed: int
    partitions: int
    load: float
    """Of the last fifteen minutes."""
    visits: Mapping[str, int]
    """Pages that somebody has looked at meanwhile, by the status of the answer."""
    logged: Sequence[tuple[str, int]]
    """What the servers logged as errors, and how often."""


def shown(run: Run, outcome: Outcome, found: Sequence[str]) -> str:
    """The report."""
    return "\n".join([*_summary(run, outcome, found), "", *_tables(outcome), *_logged(run, outcome)])


def page(run: Run, outcome: Outcome, found: Sequence[str], day: str) -> str:
    """The page of the docs."""
    machine = f"{description()}; load {run.load:.1f} in the last fifteen minutes."
    top = f"{INTRODUCTION.read_text()}\n## {day}\n\n`{run.command}`\n\n{machine}\n"
    return "\n".join([top, *_summary(run, outcome, found), "", *_tables(outcome), ""])


def _summary(run: Run, outcome: Outcome, found: Sequence[str]) -> Iterator[str]:
    sealed, kept = outcome.sealed, outcome.kept
    again, reconnected = sum(one["again"] for one in outcome.pages), sum(outcome.codes.values())
    slowest = max((one["slowest"] for one in outcome.pages), default=(0.0, 0))
    yield (
        f"Seed {run.seed}, {run.seconds:,.0f} s: {run.actions:,} actions ({run.failed:,} failed) made "
        f"{len(outcome.table):,} events, {run.rate:.0f} a second, in {run.partitions} partitions; "
        f"{sum(outcome.kills.values())} kills."
    )
    yield ""
    yield f"* **{'Nothing was wrong.' if not found else f'Wrong: {len(found)}'}**"
    yield from (f"* **{one}**" for one in found)
    yield (
        f"* {run.sockets} pages reconnected {reconnected:,} times; {again:,} events came again after that. "
        f"The slowest event came {slowest[0]:.1f} s after its signal."
    )
    answers = ", ".join(f"{status} {count:,} times" for status, count in sorted(run.visits.items()))
    yield f"* Pages of the history that were asked for meanwhile, one a second, answered: {answers}."
    yield f"* The relay's receiver has {len(kept.ids):,} events; {kept.again:,} came again."
    yield f"* The tree has {sealed.leaves:,} leaves; `signal_verify` ended with {sealed.verdict}: {sealed.said}"


def _tables(outcome: Outcome) -> Iterator[str]:
    yield from head(["killed", *outcome.kills])
    yield line(["times", *(str(number) for number in outcome.kills.values())])
    yield ""
    total: Counter[str] = sum((Counter(one["times"]) for one in outcome.pages), Counter())
    yield from head(["came within", *(f"{step:g} s" if step != float("inf") else "more" for step in STEPS)])
    yield line(["events", *(f"{total[str(step)] / max(1, total.total()):.2%}" for step in STEPS)])
    yield ""
    if outcome.codes or outcome.said:
        yield from head(["sockets were", "times"])
        yield from (line([f"closed: {code}", f"{count:,}"]) for code, count in sorted(outcome.codes.items()))
        yield from (line([f"told: {what}", f"{count:,}"]) for what, count in sorted(outcome.said.items()))
        yield ""
    if outcome.growths:
        yield from head(["process", "of", "at first", "at last", "in an hour"])
        yield from (_growth(growth) for growth in outcome.growths)


def _logged(run: Run, outcome: Outcome) -> Iterator[str]:
    """What says where to look, with names and paths of this machine."""
    if run.logged:
        yield ""
        yield from head(["the servers logged", "times"])
        yield from (line([what.replace("|", "\\|"), f"{count:,}"]) for what, count in run.logged)
    if outcome.ended:
        yield ""
        yield from head(["ended by itself", "and said last"])
        yield from (line([part, said.replace("|", "\\|")]) for part, said in outcome.ended)


def _growth(growth: Growth) -> str:
    unit = MB if growth.what == "memory" else 1
    values = [f"{value / unit:,.1f}" for value in (growth.before, growth.after, growth.an_hour)]
    name = f"{growth.what}, MB" if growth.what == "memory" else growth.what
    return line([growth.part, name, *values])
