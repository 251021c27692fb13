"""An interruption may come at any line of ours: Ctrl-C, or what a handler of a signal raises.

The host then goes on, or tries again, in a process and on a connection that are as they were.
"""

from __future__ import annotations

import itertools
import linecache
import os
import random
import signal
import sys

import pytest
from django.db import connection, transaction

from signal_log.capture.model.object_text import _refusals
from signal_log.capture.operation import current_operation
from signal_log.capture.row_statement import expected_write
from signal_log.capture.silent.watch import watch
from signal_log.capture.trace.trace import current_frame, current_trace
from signal_log.capture.transaction.state import WINDOW
from signal_log.capture.transaction.window import window_of
from tests.log import recorded
from tests.shop.models import Category

pytestmark = pytest.mark.django_db(transaction=True)

MOST = int(os.environ.get("INTERRUPTED_LINES", "25"))
"""So many of a scene's lines are tried, chosen anew in each run."""


VARIABLES = (current_trace, current_frame, current_operation, expected_write, _refusals)
names = map(str, itertools.count())  # a category's name is unique


class TimeLimit(Exception):
    """As of a task queue, which raises it in a handler."""


def out_of_time(*_):
    """The handler."""
    raise TimeLimit


class Lines:
    """Runs something, and raises before the line of ours that is the ``at``-th to be run (0: never)."""

    def __init__(self, at: int, kind: type[BaseException] = KeyboardInterrupt) -> None:
        self.at = at
        self.kind = kind
        self.passed: list[str] = []

    def run(self, act) -> None:
        """Run it."""
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            act()
        finally:
            sys.settrace(before)

    def _enter(self, frame, event, arg):
        name = frame.f_code.co_filename
        # What is called last in Django's `atomic()` leaves as much behind if it is interrupted without us.
        last = name.endswith("/transaction/connection.py") or frame.f_code.co_name == "asked"
        return self._line if "/signal_log/" in name and not last else None

    def _line(self, frame, event, arg):
        if event == "line":
            name = frame.f_code.co_filename
            if linecache.getline(name, frame.f_lineno).strip() == "try:":  # nothing that an interruption could precede
                return self._line
            self.passed.append(f"{name.partition('/signal_log/')[2]}:{frame.f_lineno}")
            if len(self.passed) == self.at:
                sys.settrace(None)
                if self.kind is TimeLimit:
                    out_of_time()
                raise self.kind
        return self._line


def update(category):
    """A save in autocommit."""
    category.name += "."
    category.save()


def insert(category):
    """A new row."""
    Category.objects.create(name=next(names))


def block(category):
    """A save in a block of the host's."""
    with transaction.atomic():
        update(category)


def delete(category):
    """A delete."""
    category.delete()


def silent(category):
    """A write without signals."""
    Category.objects.filter(pk=category.pk).update(name=next(names))


@pytest.fixture
def handler():
    """A handler of a signal that raises."""
    before = signal.signal(signal.SIGUSR1, out_of_time)
    yield
    signal.signal(signal.SIGUSR1, before)


def left_behind() -> list[str]:
    """What is not as it should be outside any save."""
    found = [variable.name for variable in VARIABLES if variable.get() is not None]
    if window_of(connection) is not None:
        found.append("window")
    if connection.execute_wrappers != [watch]:
        found.append("wrappers")
    if connection.connection is not None and connection.is_usable():
        raw = connection.connection
        if raw.in_transaction if connection.vendor == "sqlite" else raw.pgconn.transaction_status:
            found.append("transaction")
    if connection.in_atomic_block or not connection.get_autocommit() or connection.needs_rollback:
        found.append("block")
    return found


def make_good() -> None:
    """Have what is wrong here not disturb what comes next."""
    for variable in VARIABLES:
        variable.set(None)
    connection.close()
    connection.__dict__.pop(WINDOW, None)
    connection.execute_wrappers[:] = [watch]


def next_save() -> list[str]:
    """What is wrong with the save that follows."""
    with recorded() as events:
        category = Category.objects.create(name=next(names))
    if [(e.signal, e.outcome, e.object_pk) for e in events if e.object_pk == str(category.pk)][-1:] != [
        ("post_save", "committed", str(category.pk))
    ]:
        return ["the next save is not recorded"]
    return []


@pytest.mark.parametrize("act", [update, insert, block, delete, silent])
def test_an_interruption_at_a_line(act, handler):
    """Nothing of ours stays behind, and the interruption reaches the host."""
    act(Category.objects.create(name=next(names)))
    category = Category.objects.create(name=next(names))
    rehearsal = Lines(0)
    rehearsal.run(lambda: act(category))
    points = list({line: at for at, line in enumerate(rehearsal.passed, 1)}.values())
    wrong = {}
    for at in sorted(random.sample(points, min(MOST, len(points)))):
        category = Category.objects.create(name=next(names))
        lines, kind = Lines(at, random.choice([KeyboardInterrupt, TimeLimit])), None
        try:
            lines.run(lambda category=category: act(category))
        except (KeyboardInterrupt, TimeLimit) as error:
            kind = type(error)
        problems = left_behind()
        if kind is not lines.kind and len(lines.passed) >= at:
            problems.append(f"{lines.kind.__name__} is swallowed")
        if problems:
            make_good()
        problems += next_save()
        if problems:
            wrong[lines.passed[-1]] = problems
    assert wrong == {}
