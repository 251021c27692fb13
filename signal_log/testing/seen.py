"""What a capture has seen, and the assertions about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import EllipsisType
from typing import Any

from signal_log.capture.signals.receiver_name import receiver_name
from signal_log.capture.transaction.collecting import Collected
from signal_log.event import Event
from signal_log.show.cascade.operation import Cascade, Operation, cascade_of, runs_of_calls
from signal_log.show.cascade.phrase import line, phrase
from signal_log.show.cascade.shape import INDENT, shape
from signal_log.testing import conditions, named, trees
from signal_log.testing.changed import changed_otherwise, has_changed, writes_of
from signal_log.testing.sentences import receivers_that_ran, why_different
from signal_log.testing.snapshots import Snapshots


class Seen:
    """The events, operations and receivers' calls of a block, as they fire; complete when the block has ended."""

    def __init__(self, collected: Collected, snapshots: Snapshots | None = None) -> None:
        self._collected = collected
        self._snapshots = snapshots

    def __repr__(self) -> str:
        return f"<Seen: {_count(len(self.operations))}>"

    @property
    def events(self) -> list[Event]:
        """Each signal that fired, in order; the ``outcome`` of one whose transaction has not ended is ``open``."""
        return self._collected.fired()

    @property
    def operations(self) -> list[Operation]:
        """Each save, delete and other write, with its events and the receivers that ran for it."""
        return self._cascade().operations

    def tree(self) -> str:
        """What fired and what caused it, as text; empty if nothing did."""
        return "\n".join(self._lines())

    def assert_fired(
        self, signal: named.SignalName, model: named.ModelName | None = None, *, times: int | None = None, **fields: Any
    ) -> None:
        """Fail unless this signal fired for this model with these values of the event's fields (``times`` times)."""
        __tracebackhide__ = True
        wanted, fitting = self._fitting(signal, model, fields)
        if len(fitting) != times if times is not None else not fitting:
            expected = "" if times is None else f", {times} expected"
            near = "" if fitting or not fields else conditions.nearest_to(wanted, fields, self.events)
            raise AssertionError(self._with_tree(f"{wanted.words} {_times(len(fitting))}{expected}.", near))

    def assert_not_fired(self, signal: named.SignalName, model: named.ModelName | None = None, **fields: Any) -> None:
        """Fail if this signal fired for this model with these values."""
        __tracebackhide__ = True
        wanted, fitting = self._fitting(signal, model, fields)
        if fitting:
            who = f"{fitting[0].sender} {fitting[0].object_pk}".strip()
            first = f"The first was for {who}{_by(fitting[0].caused_by)}."
            raise AssertionError(self._with_tree(f"{wanted.words} {_times(len(fitting))}, none expected.", first))

    def assert_nothing_fired(self) -> None:
        """Fail if any signal fired, or any write without one."""
        __tracebackhide__ = True
        if found := self.operations:
            raise AssertionError(self._with_tree(f"{_count(len(found))} fired, none expected."))

    def assert_caused(self, what: named.ModelName, *, by: named.ReceiverName) -> None:
        """Fail unless the receiver did this: a model, or words of a tree such as ``"updated auth.User"``."""
        __tracebackhide__ = True
        cascade = self._cascade()
        says = _says(what)
        caused = [one for one in cascade.operations if one.receiver and named.is_receiver(by, one.receiver)]
        if not any(says(one) for one in caused):
            name = by if isinstance(by, str) else named.shown_receiver(receiver_name(by))
            did = "; it caused " + ", ".join(dict.fromkeys(map(line, caused))) if caused else ""
            words = what if isinstance(what, str) else what._meta.label
            why = "" if caused else receivers_that_ran(name, cascade)
            raise AssertionError(self._with_tree(f"{name} did not cause {words}{did}.", why))

    def assert_tree(self, text: str, *, ordered: bool = True, exact: bool = True) -> None:
        """Fail unless what fired is this tree, as ``tree()`` writes it; receivers by short or dotted name.

        ``ordered=False`` accepts siblings in any order, ``exact=False`` more than the tree has.
        """
        __tracebackhide__ = True
        if problem := self._unlike(trees.given_lines(text), ordered=ordered, exact=exact):
            fired = "\n".join(f"        {one}" for one in self._lines(trees.Naming.of(trees.given_lines(text))))
            paste = f'\n\nTo accept, paste:\n\n    seen.assert_tree("""\n{fired}\n    """)' if fired and exact else ""
            raise AssertionError(f"{problem.rstrip()}{paste}")

    def assert_matches(self, name: str) -> None:
        """Fail unless what fired is the tree of this snapshot; ``pytest --signal-log-update`` accepts what fired."""
        __tracebackhide__ = True
        if self._snapshots is None:
            raise TypeError("assert_matches() needs a test: use the fixture signal_log, or SignalLogMixin.")
        fired = self.tree()
        if self._snapshots.update:
            self._snapshots.write(name, f"{fired}\n")
            return
        kept = self._snapshots.read(name)
        if kept is None:
            problem = self._with_tree(f"There is no snapshot {name!r} yet ({self._snapshots.shown_path(name)}).")
        else:
            problem = self._unlike(trees.given_lines(kept), ordered=True, exact=True)
        if problem:
            raise AssertionError(f"{problem}\nTo accept: {self._snapshots.accept}")

    def assert_changed(
        self, model: named.ModelName, *, pk: Any = None, **fields: tuple[Any, Any] | EllipsisType
    ) -> None:
        """Fail unless one write of this model changed each field from the first value of its pair to the second.

        ``...`` stands for any value, and in place of a pair for any change.
        """
        __tracebackhide__ = True
        label = named.label_of(model)
        fields = conditions.checked_fields(label, fields)
        writes = writes_of(label, pk, self.events)
        if not any(has_changed(event, fields) for event in writes):
            who = label if pk is None else f"{label} {pk}"
            raise AssertionError(self._with_tree(*changed_otherwise(who, fields, writes)))

    def _fitting(
        self, signal: named.SignalName, model: named.ModelName | None, fields: dict[str, Any]
    ) -> tuple[conditions.Wanted, list[Event]]:
        __tracebackhide__ = True
        wanted = conditions.wanted(signal, model, fields)
        return wanted, [event for event in self.events if wanted.fits(event) and conditions.holds(event, fields)]

    def _unlike(self, expected: Sequence[str], *, ordered: bool, exact: bool) -> str:
        """How what fired is not the expected tree; empty if it is."""
        cascade = self._cascade()
        fired = shape(cascade, trees.Naming.of(expected))
        if exact and not ordered:
            expected, fired = trees.sorted_lines(expected), trees.sorted_lines(fired)
        if fired == list(expected) if exact else trees.contains(fired, expected, ordered=ordered):
            return ""
        if not exact:
            problem = "\n".join(["This was not among what fired:", "", *trees.unseen(expected, fired)])
            return self._with_tree(problem, *why_different(expected, fired, cascade))
        here, there = trees.number(fired), trees.number(expected)
        numbers = f"{_count(here)}, {there} expected" if here != there else _count(here)
        free = "" if ordered else "; in any order"
        why = why_different(expected, fired, cascade)
        head = f"Signals fired differently ({numbers}{free}; - expected, + fired):"
        return "\n".join([head, "", *trees.difference(expected, fired), "", *why])

    def _with_tree(self, problem: str, *more: str) -> str:
        fired = [f"{INDENT * 2}{one}" for one in self._lines()]
        shown = ["", "What fired:", "", *fired] if fired else ["Nothing fired."]
        return "\n".join(dict.fromkeys([problem, *filter(None, more)])) + "\n" + "\n".join(shown) + "\n"

    def _lines(self, naming: Callable[[str], str] = named.shown_receiver) -> list[str]:
        return shape(self._cascade(), naming)

    def _cascade(self) -> Cascade:
        return cascade_of(self.events, runs_of_calls(self._collected.calls))


def _says(what: named.ModelName) -> Callable[[Operation], bool]:
    """Whether an operation is what a test calls so: its model, its words, or its words with fields."""
    __tracebackhide__ = True
    if isinstance(what, str) and " " in what.strip():
        words = " ".join(what.split())
        if why := named.unobserved_in([words]):
            raise AssertionError(why)
        return lambda operation: words in (line(operation), phrase(operation))
    label = named.label_of(what)
    return lambda operation: operation.last.sender == label


def _by(receiver: str) -> str:
    return f", by {receiver}" if receiver else ""


def _count(operations: int) -> str:
    return f"{operations} operation{'' if operations == 1 else 's'}"


def _times(number: int) -> str:
    return {0: "did not fire", 1: "fired once", 2: "fired twice"}.get(number, f"fired {number} times")
