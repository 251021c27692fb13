"""What is worth a developer's attention in a cascade, each with what to do about it.

The same list serves the trace's page, the toolbar's panel, the system checks and programs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from signal_log.event import FAILED
from signal_log.show.cascade.operation import Cascade, Operation
from signal_log.show.cascade.phrase import error_class, phrase
from signal_log.show.cascade.ranking import ranked
from signal_log.show.words.text import duration, one_line

SLOW_US: Final = 100_000
"""So much own time of one receiver in one trace is slow, whatever it took on other days."""
SLOW_PART: Final = 5
"""A fifth of the trace's time is slow, too, if it is at least ``LEAST_SLOW_US``."""
LEAST_SLOW_US: Final = 10_000
REPEATED: Final = 10
"""So many equal operations of one cause could be one."""
MOST_POSITIONS: Final = 50
CONNECT_ONCE: Final = (
    "It is connected more than once: remove one connect() or @receiver, or give both the same dispatch_uid; where its "
    "module is imported under two names, import it under one (AppConfig.ready)."
)
MOST_CLAUSES: Final = 5
"""A conclusion has no more; the findings follow one by one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One of them. ``id`` is the same in every run that has it, ``clause`` is a part of a sentence, ``text`` a whole.

    ``positions`` are those of the operations concerned, at most 50.
    """

    kind: str
    about: str
    clause: str
    text: str
    fix: str
    positions: Sequence[int] = field(default_factory=list)
    receiver: str = ""

    @property
    def id(self) -> str:
        """``slow:shop.signals.sync_stock``."""
        return f"{self.kind}:{self.about}"


class _Scope(NamedTuple):
    cascade: Cascade
    total_us: int


def findings(cascade: Cascade, total_us: int) -> list[Finding]:
    """All findings, the costly ones first; ``total_us`` is how long the trace took."""
    scope = _Scope(cascade, total_us)
    return [found for find in _FINDERS for found in find(scope)]


def conclusion(found: Sequence[Finding]) -> str:
    """The findings as one sentence, of many the first ones; empty without any."""
    clauses = list(dict.fromkeys(one.clause for one in found))
    if len(clauses) > MOST_CLAUSES:
        clauses[MOST_CLAUSES:] = [f"and {len(clauses) - MOST_CLAUSES:,} more"]
    text = "; ".join(clauses)
    return f"{text}." if text else ""


def is_slow(own_us: int, total_us: int) -> bool:
    """Whether so much own time is slow in a trace that took so long; it does not depend on what is usual."""
    return own_us >= SLOW_US or (own_us >= LEAST_SLOW_US and own_us * SLOW_PART >= total_us)


def _slow(scope: _Scope) -> Iterator[Finding]:
    for one in ranked(scope.cascade):
        if not is_slow(one.self_us, scope.total_us):
            continue
        calls = "1 call" if one.calls == 1 else f"{one.calls:,} calls"
        queries = f" and {one.queries:,} quer{'y' if one.queries == 1 else 'ies'}" if one.queries else ""
        took = f"{_of(one.self_us, scope.total_us)}, in {calls}{queries}"
        name = one_line(one.receiver, 200)
        fix = (
            "Do it after the response (on_commit with a task), or only where the field that it needs has changed."
            if one.calls < REPEATED
            else "It runs for each save: gather the objects and do the work once, or make each call cheaper."
        )
        yield Finding("slow", one.receiver, f"{name} took {took}", f"{name} took {took}.", fix,
                      one.positions[:MOST_POSITIONS], one.receiver)  # fmt: skip


def _runs_twice(scope: _Scope) -> Iterator[Finding]:
    for (receiver, sender), ops in _grouped(scope, _doubled):
        name, n = one_line(receiver, 200), len(ops)
        times = "" if n == 1 else f", in {n:,} operations"
        yield Finding(
            "runs_twice", receiver, f"{name} ran more than once for the same signal",
            f"{name} ran more than once for one signal of {one_line(sender, 200)}{times}.",
            CONNECT_ONCE,
            _positions(ops), receiver,
        )  # fmt: skip


def _doubled(operation: Operation) -> Iterator[tuple[str, str]]:
    seen: set[tuple[int, str]] = set()
    for run in operation.runs:
        if (run.position, run.receiver) in seen:
            yield run.receiver, operation.first.sender
        seen.add((run.position, run.receiver))


def _repeated(scope: _Scope) -> Iterator[Finding]:
    groups: dict[tuple[int, str, str], list[Operation]] = defaultdict(list)
    for operation in scope.cascade.operations:
        parent = id(operation.parent) if operation.parent is not None else 0
        groups[parent, operation.receiver, phrase(operation)].append(operation)
    merged: dict[tuple[str, str], list[Operation]] = defaultdict(list)
    for (_, receiver, words), ops in groups.items():
        if len(ops) >= REPEATED and ops[0].verb != "signal" and not _is_row_of_a_bulk(ops[0]):
            merged[receiver, words] += ops
    for (receiver, words), ops in merged.items():
        by = f" in {one_line(receiver, 200)}" if receiver else ""
        yield Finding(
            "repeated", f"{receiver}:{words}" if receiver else words, f"“{words}” ran {len(ops):,} times{by}",
            f"The same operation, “{words}”, ran {len(ops):,} times{by}.",
            "Load what the loop needs at once and write in one go: bulk_create, bulk_update or update(), inside "
            "signal_log.observed_bulk() if each row is to be recorded.",
            _positions(ops), receiver,
        )  # fmt: skip


def _swallowed(scope: _Scope) -> Iterator[Finding]:
    groups: dict[tuple[str, str], list[Operation]] = defaultdict(list)
    for operation in scope.cascade.operations:
        run = operation.cause
        if operation.last.outcome == FAILED and run is not None and not run.error:
            groups[run.receiver, error_class(operation) or "an error"].append(operation)
    for (receiver, error), ops in groups.items():
        name, n = one_line(receiver, 200), len(ops)
        errors = "1 error was" if n == 1 else f"{n:,} errors were"
        yield Finding(
            "swallowed", f"{receiver}:{error}", f"{errors} swallowed in {name}",
            f"{name} went on after {error}{'' if n == 1 else f' ({n:,} times)'}: a save inside it failed, and "
            "nobody was told.",
            "Let the exception through, or log it where it is caught; in a block, catch it around an atomic() of its "
            "own.",
            _positions(ops), receiver,
        )  # fmt: skip


def _saves_again(scope: _Scope) -> Iterator[Finding]:
    for (receiver, sender), ops in _grouped(scope, _again):
        name = one_line(receiver, 200)
        times = "" if len(ops) == 1 else f", {len(ops):,} times"
        yield Finding(
            "saves_again", receiver, f"{name} saves the same object again",
            f"{name}, called for a save of {one_line(sender, 200)}, saves the same object again{times}.",
            "Set the field in pre_save, before the row is written, or write it with update(); a second save() fires "
            "all signals again.",
            _positions(ops), receiver,
        )  # fmt: skip


def _again(operation: Operation) -> Iterator[tuple[str, str]]:
    parent = operation.parent
    if parent is None or not operation.receiver or parent.verb not in ("created", "updated"):
        return
    if operation.verb == "updated" and _same_row(operation, parent):
        yield operation.receiver, operation.first.sender


def _writes_on_raw(scope: _Scope) -> Iterator[Finding]:
    for (receiver, _), ops in _grouped(scope, _on_raw):
        name = one_line(receiver, 200)
        yield Finding(
            "writes_on_raw", receiver, f"{name} writes while a fixture is loaded",
            f"{name} writes while a fixture is loaded ({len(ops):,} operation{'' if len(ops) == 1 else 's'}): "
            "rows that the fixture brings along may be missing yet, or come twice.",
            'Return at once if kwargs["raw"] is true.',
            _positions(ops), receiver,
        )  # fmt: skip


def _on_raw(operation: Operation) -> Iterator[tuple[str, str]]:
    if operation.parent is not None and operation.parent.first.raw and operation.receiver:
        yield operation.receiver, ""


def _cycles(scope: _Scope) -> Iterator[Finding]:
    back = {id(operation) for operation in _coming_back(scope.cascade)}

    def found(operation: Operation) -> Iterator[tuple[str, str]]:
        if id(operation) in back and operation.parent is not None:
            yield operation.receiver, operation.parent.first.sender

    for (receiver, sender), ops in _grouped(scope, found):
        name = one_line(receiver, 200)
        yield Finding(
            "cycle", receiver, f"{name} runs in a circle",
            f"{name} caused, through others, that it was called for the same {one_line(sender, 200)} again.",
            "Save only what has changed, and stop where nothing has: compare before saving, or pass update_fields.",
            _positions(ops), receiver,
        )  # fmt: skip


def _coming_back(cascade: Cascade) -> Iterator[Operation]:
    """Those whose chain of causes has their receiver twice for the same object."""
    above: Counter[_Called] = Counter()
    outermost = [*cascade.roots, *(one for orphans in cascade.orphans.values() for one in orphans)]
    pending = [(operation, False) for operation in outermost]
    while pending:
        operation, is_done = pending.pop()
        called = _called(operation)
        if is_done:
            above[called] -= 1
            continue
        if called is not None and above[called]:
            yield operation
        above[called] += 1
        pending.append((operation, True))
        pending += ((caused, False) for caused in operation.caused())


_Called = tuple[str, str, str] | None


def _called(operation: Operation) -> _Called:
    """The receiver that caused it, and the row for which that was called."""
    parent = operation.parent
    if parent is None or not operation.receiver or not (parent.first.object_pk or parent.last.object_pk):
        return None
    return operation.receiver, parent.last.sender, parent.last.object_pk


def _silent(scope: _Scope) -> Iterator[Finding]:
    groups: dict[str, list[Operation]] = defaultdict(list)
    for operation in scope.cascade.operations:
        if operation.verb == "silent" and not _is_row_of_a_bulk(operation):
            groups[phrase(operation)].append(operation)
    for words, ops in groups.items():
        times = "" if len(ops) == 1 else f" {len(ops):,} times"
        yield Finding(
            "silent", words, f"“{words}” sent no signals",
            f"A {words} ran{times}: no signals were sent, no receiver ran.",
            "If receivers must see it, save the objects one by one; if only the log must, wrap it in "
            "signal_log.observed_bulk().",
            _positions(ops),
        )  # fmt: skip


_FINDERS: Final[Sequence[Callable[[_Scope], Iterator[Finding]]]] = (
    _slow, _repeated, _swallowed, _runs_twice, _cycles, _saves_again, _writes_on_raw, _silent,
)  # fmt: skip

KINDS: Final = ("slow", "repeated", "swallowed", "runs_twice", "cycle", "saves_again", "writes_on_raw", "silent")
"""The kinds of findings, in the order in which they are told."""


def _grouped(
    scope: _Scope, keys: Callable[[Operation], Iterator[tuple[str, str]]]
) -> Iterator[tuple[tuple[str, str], list[Operation]]]:
    groups: dict[tuple[str, str], list[Operation]] = defaultdict(list)
    for operation in scope.cascade.operations:
        for key in keys(operation):
            groups[key].append(operation)
    yield from groups.items()


def _same_row(one: Operation, other: Operation) -> bool:
    return bool(one.first.object_pk or one.last.object_pk) and (one.last.sender, one.last.object_pk) == (
        other.last.sender,
        other.last.object_pk,
    )


def _is_row_of_a_bulk(operation: Operation) -> bool:
    """Whether it is one of the rows that ``observed_bulk()`` recorded, as the finding of a silent write advises."""
    return operation.verb == "silent" and bool(operation.last.object_pk)


def _positions(operations: Sequence[Operation]) -> list[int]:
    return [operation.position for operation in operations[:MOST_POSITIONS]]


def _of(us: int, total_us: int) -> str:
    """``392 of 431 ms``, or without the total where it is not known to be longer."""
    part, whole = duration(us), duration(total_us)
    if total_us <= us:
        return part
    number, _, unit = part.partition(" ")
    return f"{number} of {whole}" if whole.endswith(f" {unit}") else f"{part} of {whole}"
