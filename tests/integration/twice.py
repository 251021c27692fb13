"""Runs a host's program without the app and with it, and compares everything that the host could notice (G4)."""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, fields
from typing import Any

import pytest
from django.db import connection, connections, models, transaction
from django.db.models.signals import ModelSignal, m2m_changed, post_delete, post_save, pre_delete, pre_save

from signal_log import pipeline
from signal_log.models import SignalEvent
from tests.integration.outside import PATIENCE, Outside
from tests.shop.models import Careful, Category, Gadget, Part, Thing, ThingByHand, ThingOnTheSide

Program = Callable[["Host"], Any]
Models = Sequence[type[models.Model]]
SIGNALS = {"pre_save": pre_save, "post_save": post_save, "pre_delete": pre_delete, "post_delete": post_delete}
WATCHED = (Category, Thing, Gadget, Part, Careful, ThingByHand, ThingOnTheSide)
both_ways = pytest.mark.parametrize("block", [False, True], ids=["autocommit", "block"])


@dataclass
class Seen:
    """What a run showed; two runs are alike if these are equal."""

    notes: list[tuple] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    wrapped: list[tuple[str, bool]] = field(default_factory=list)
    rows: dict[str, list[tuple]] = field(default_factory=dict)


class Host:
    """What a program is given: steps, a place for notes, receivers that end with the run, a look from outside."""

    def __init__(self, seen: Seen, stack: ExitStack, *, block: bool) -> None:
        self.block = block
        self.outside = Outside()
        stack.callback(self.outside.close)
        self._seen, self._stack = seen, stack
        self._receivers: list[Callable[..., Any]] = []
        self.signals = 0

    def step(self, act: Callable[[], Any]) -> None:
        """Run a part of the program, in a block or in autocommit, and note how it ended and what it left."""
        try:
            with transaction.atomic() if self.block else nullcontext():
                self.tell("returned", act())
        except BaseException as error:  # noqa: BLE001  part of what is compared
            self.tell("raised", *chain(error))
        self.tell("left", self.place(), connection.connection is None, len(connection.run_on_commit))
        put_back()

    def tell(self, *facts: Any) -> None:
        """Note facts in their order; the other run has to note the same."""
        self._seen.notes.append(facts)

    def receive(self, signal: str, receiver: Callable[..., Any], model: type[models.Model] = Thing) -> None:
        """Connect a receiver until the end of the run."""
        self._receivers.append(receiver)  # Django only keeps a weak reference
        SIGNALS[signal].connect(receiver, sender=model)
        self._stack.callback(SIGNALS[signal].disconnect, receiver, sender=model)

    def once(self, signal: str, act: Callable[[Any], Any], model: type[models.Model] = Thing) -> None:
        """Run `act(instance)` at the first such signal only, so that what it saves does not lead to itself."""
        fired: list[bool] = []

        def receiver(instance: models.Model, **_: Any) -> None:
            if not fired:
                fired.append(True)
                act(instance)

        self.receive(signal, receiver, model)

    def names(self) -> list[str]:
        """Return the names of the things that a connection outside Django and this transaction sees."""
        return [row[0] for row in self.outside.ask("SELECT name FROM shop_thing ORDER BY id")]

    def elsewhere(self, act: Callable[[], Any]) -> Any:
        """Run `act` in a thread with a connection of its own; return its result or the name of what it raised."""
        found: list[Any] = []

        def run() -> None:
            try:
                impatient()
                found.append(act())
            except Exception as error:  # noqa: BLE001  part of what is compared
                found.append(describe(error))
            finally:
                patient_again()
                connections.close_all()

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return found[0]

    def attempt(self, act: Callable[[], Any], error: type[Exception] = Exception) -> None:
        """Note what `act` returns, or what it raises and the receiver swallows."""
        try:
            self.tell("returned", act())
        except error as raised:
            self.tell("swallowed", describe(raised))

    def place(self) -> tuple[bool, bool, bool]:
        """Return what the connection says of itself."""
        return connection.in_atomic_block, connection.needs_rollback, connection.get_autocommit()

    def watch(self, more: Models) -> None:
        """Note each signal of the shop's with the place it is sent in and what another connection sees then."""
        for name, signal in SIGNALS.items():
            for model in (*WATCHED, *more):
                self.receive(name, self._watcher(signal, name), model)
        # As soon as anybody listens, `add` asks which links there are: the app does, so does the host here.
        links = Thing.friends.through
        m2m_changed.connect(self._link_watcher, sender=links)
        self._stack.callback(m2m_changed.disconnect, self._link_watcher, sender=links)

    def _link_watcher(self, action: str, pk_set: set[int] | None, **_: Any) -> None:
        self.tell(action, sorted(pk_set or ()), self.place())

    def _watcher(self, signal: ModelSignal, name: str) -> Callable[..., None]:
        def watcher(sender: type[models.Model], instance: Any, **named: Any) -> None:
            told = {key: named[key] for key in ("created", "raw", "update_fields") if key in named}
            # A thread that a locked SQLite database turned away cannot store that either.
            self.signals += threading.current_thread() is threading.main_thread()
            self.tell(name, sender.__name__, instance.pk, str(instance), told, self.place(), self.names())

        return watcher


def compare(program: Program, *, block: bool = False, also: Models = ()) -> None:
    """Run a program without and with the app from the same start, and fail with what differs."""
    without = run(program, app=False, block=block, also=also)
    with_app = run(program, app=True, block=block, also=also)
    if found := difference(without, with_app):
        pytest.fail(found, pytrace=False)


def difference(without: Seen, with_app: Seen) -> str:
    """Return what differs, line by line: `-` is without the app, `+` with it."""
    return "\n".join(
        difflib.unified_diff(lines(without), lines(with_app), "without the app", "with it", n=1, lineterm="")
    )


def lines(seen: Seen) -> list[str]:
    """Return everything that a run showed, a fact a line."""
    found = []
    for one in fields(seen):
        value = getattr(seen, one.name)
        facts = value.items() if isinstance(value, dict) else value if isinstance(value, list) else [value]
        found += [f"{one.name}: {fact!r}" for fact in facts]
    return found


def run(program: Program, *, app: bool, block: bool = False, also: Models = ()) -> Seen:
    """Run a program once, from empty tables, and return what it showed; ``also`` are models made by the test."""
    seen = Seen()
    with recording(app):
        before = SignalEvent.objects.count()
        with ExitStack() as stack:
            host = Host(seen, stack, block=block)
            host.outside.empty()
            host.watch(also)
            observe(seen, stack)
            program(host)
            seen.rows = host.outside.everything()
        written = SignalEvent.objects.count() - before
        assert (written >= host.signals) if app else (written == 0)
    return seen


@contextmanager
def recording(app: bool) -> Iterator[None]:
    """Have the app record, as it does anyway, or not at all until the end of the block."""
    connection.close()
    if app:
        yield
        return
    pipeline.stop()
    try:
        yield
    finally:
        pipeline.start()


def observe(seen: Seen, stack: ExitStack) -> None:
    """Collect the statements that Django logs and those that a wrapper of the host's is given."""

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.wrapped.append((alike(sql), many))
        return execute(sql, params, many, context)

    connection.ensure_connection()
    connection.force_debug_cursor = True
    connection.queries_log.clear()
    stack.enter_context(connection.execute_wrapper(wrapper))

    def collect() -> None:
        connection.force_debug_cursor = False
        seen.queries = [alike(entry["sql"]) for entry in connection.queries_log]

    stack.callback(collect)


def put_back() -> None:
    """End what a step may have left open, so that the next one starts as it did."""
    if connection.connection is not None and not connection.get_autocommit():
        connection.rollback()
        connection.close()
    if connection.in_atomic_block or connection.closed_in_transaction:
        connection.needs_rollback, connection.in_atomic_block, connection.closed_in_transaction = False, False, False
        connection.savepoint_ids, connection.atomic_blocks, connection.run_on_commit = [], [], []
        connection.close()
    connection.rollback_exc = None


def impatient() -> None:
    """Give up soon where another transaction holds the lock."""
    with connection.cursor() as cursor:
        milliseconds = int(PATIENCE * 1000)
        cursor.execute(
            f"PRAGMA busy_timeout={milliseconds}"
            if connection.vendor == "sqlite"
            else f"SET lock_timeout = {milliseconds}"
        )


def patient_again() -> None:
    """Give the connection back to the pool as it was."""
    raw: Any = connection.connection
    if connection.vendor == "postgresql" and raw is not None and not raw.closed:
        raw.rollback()
        raw.execute("RESET lock_timeout")
        raw.commit()


def chain(error: BaseException | None) -> list[str]:
    """Return an exception and its causes and contexts, each as its class and text."""
    found = []
    while error is not None:
        found.append(describe(error))
        error = error.__cause__ or error.__context__
    return found


def describe(error: BaseException) -> str:
    """Return an exception's class and text, without the place of a row on its page."""
    return re.sub(r"tuple \(\d+,\d+\)", "tuple", f"{type(error).__name__}: {error}")


def alike(sql: str | None) -> str:
    """Leave out what differs from run to run: names of savepoints and of cursors, the order of rows on their pages."""
    named = re.sub(r'"?(s\d+_x|_django_curs_\d+_\w+_)\d+"?', "NAME", sql or "")
    return re.sub(r"IN \(([\d, ]+)\)", lambda keys: f"IN ({', '.join(sorted(keys[1].split(', '), key=int))})", named)
