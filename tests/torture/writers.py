"""Writers that are killed: a process forks them, ends each with SIGKILL at a random moment, and starts another.

Run as a module: `python -m tests.torture.writers KILLS SEED`, with the database in DATABASE_URL. Every change that is
meant to last leaves a `stock` of 0 or more, every change that is undone one below 0, so that the log's reader knows
what each event must say. Forking saves each writer the second that importing Django takes.
"""

from __future__ import annotations

import ctypes
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NoReturn

import django

if TYPE_CHECKING:
    from tests.shop.models import Item

AT_ONCE: Final = 3
SHARED: Final = 2
LONGEST_LIFE: Final = 0.3
PR_SET_PDEATHSIG: Final = 1


class Undo(Exception):
    """Raised to end a block that is meant to be rolled back."""


class Writer:
    """One process's work: its own rows, changed in autocommit and in blocks, and rows that all writers share."""

    def __init__(self, dice: random.Random) -> None:
        from tests.shop.models import Item

        self.dice = dice
        self.own = [Item.objects.create(name=f"of {os.getpid()}") for _ in range(2)]

    def work(self) -> NoReturn:
        """Change rows until the process is killed."""
        steps = (self.alone, self.alone, self.block, self.block, self.undone_block, self.come_and_go)
        while True:
            self.dice.choice(steps)()

    def raise_stock(self, item: Item, by: int = 1) -> None:
        """Make a change that is meant to last."""
        item.stock += by
        item.save()

    def undo(self, item: Item) -> None:
        """Make a change that is undone; the object in memory is reset too, which is up to the host."""
        before = item.stock
        item.stock = -1 - before
        item.save()
        item.stock = before

    def alone(self) -> None:
        """Save in autocommit."""
        self.raise_stock(self.dice.choice(self.own))

    def block(self) -> None:
        """Commit a block: own rows and a shared one, parts of it undone, its own events sometimes read."""
        from django.db import transaction

        with transaction.atomic():
            self.raise_stock(self.shared())
            for _ in range(self.dice.randrange(3)):
                self.dice.choice((self.undone_part, self.kept_part, self.read_the_log))()
            self.raise_stock(self.dice.choice(self.own))

    def kept_part(self) -> None:
        """Save inside a savepoint that stays."""
        from django.db import transaction

        with transaction.atomic():
            self.raise_stock(self.dice.choice(self.own))

    def undone_part(self) -> None:
        """Save inside a savepoint that is rolled back."""
        from django.db import transaction

        try:
            with transaction.atomic():
                self.undo(self.dice.choice(self.own))
                if self.dice.random() < 0.3:
                    self.read_the_log()
                raise Undo
        except Undo:
            pass

    def undone_block(self) -> None:
        """Roll a whole block back."""
        from django.db import transaction

        try:
            with transaction.atomic():
                self.undo(self.shared())
                self.undo(self.dice.choice(self.own))
                raise Undo
        except Undo:
            pass

    def come_and_go(self) -> None:
        """Create a row, and often delete it again."""
        from tests.shop.models import Item

        item = Item.objects.create(name="comes and goes", stock=7)
        if self.dice.random() < 0.7:
            item.delete()

    def shared(self) -> Item:
        """Change a row that the other writers change too, locked until the block ends."""
        from tests.shop.models import Item

        return Item.objects.select_for_update().get(name=f"shared {self.dice.randrange(SHARED)}")

    def read_the_log(self) -> None:
        """Read the log, which writes the held events before the end of the block."""
        from signal_log.models import SignalEvent

        SignalEvent.objects.filter(pk=0).exists()


def prepare() -> None:
    """Create the tables and the shared rows."""
    from django.core.management import call_command

    from tests.shop.models import Item

    call_command("migrate", run_syncdb=True, verbosity=0)
    for number in range(SHARED):
        Item.objects.create(name=f"shared {number}")


def forked(work: Callable[[], object]) -> int:
    """Do the work in a new process and return its id; an error of its own ends it with 1."""
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        die_with(parent)
        work()
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
        raise
    finally:
        sys.stderr.flush()
        os._exit(status)


def die_with(parent: int) -> None:
    """Have this process killed when its parent ends, however that is; one that ends by an error leaves nothing, too."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was quicker
        os._exit(1)


def torture(kills: int, dice: random.Random) -> None:
    """Keep writers at work and kill them one by one; one that ends by itself is an error."""
    alive = [new_writer(dice) for _ in range(AT_ONCE)]
    for _ in range(kills):
        time.sleep(dice.uniform(0.01, LONGEST_LIFE / AT_ONCE))
        alive.append(new_writer(dice))
        end(alive.pop(dice.randrange(AT_ONCE)))
    for writer in alive:
        end(writer)


def new_writer(dice: random.Random) -> int:
    """Start a writer with a random seed of its own, and return its id."""
    own_dice = random.Random(dice.random())
    return forked(lambda: Writer(own_dice).work())


def end(writer: int) -> None:
    """Kill it, whatever it is doing."""
    os.kill(writer, signal.SIGKILL)
    _, status = os.waitpid(writer, 0)
    if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
        raise SystemExit(f"A writer ended by itself, with {os.waitstatus_to_exitcode(status)}.")


def main() -> None:
    """Set Django up once, connect to nothing, and fork."""
    die_with(os.getppid())
    django.setup()
    _, status = os.waitpid(forked(prepare), 0)
    if status:
        raise SystemExit("The tables could not be made.")
    torture(int(sys.argv[1]), random.Random(int(sys.argv[2])))


if __name__ == "__main__":
    main()
