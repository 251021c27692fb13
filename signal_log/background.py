"""What a server process does by itself, beside its requests: seal, alert, prune, find and record writes past Django.

One daemon thread begins with the first request or websocket, so no management command, no test and no process that only
forks others has it. Each job has a connection of its own. Whatever fails there is logged and tried again; nothing
of it reaches the host, and the host's connections, pools and requests are left alone.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from django.db import DatabaseError, InterfaceError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log import clock
from signal_log.capture.model.error_text import error_text, traceback_text
from signal_log.conf import conf
from signal_log.errors import LogUnavailable
from signal_log.maintenance import tests_are_running
from signal_log.store.own_connection import dedicated_connection
from signal_log.tail import served
from signal_log.vendor import vendor_of

FIRST_AFTER: Final = 0.5
"""Seconds after the first request: that one is not to wait for anything here."""
SECONDS_TO_STOP: Final = 1.0
SECONDS_FOR_A_LOCK: Final = 0.8
"""How long SQLite is waited for; whoever wants to write has more time, so the host comes first."""
UNGUARDED: Final = 20.0
"""Seconds between two looks whether a table is guarded by now."""
NOT_ELECTED: Final = 30.0
"""Seconds between two looks whether whoever looks for breaks has gone."""
PARTITIONS_EVERY: Final = 3_600.0
APPLICATION_NAME: Final = "signal_log background"

logger: Final = logging.getLogger(__name__)


@dataclass
class Job:
    """Something that is done from time to time."""

    name: str
    every: Callable[[], float]
    """Seconds from the end of one time to the next."""
    run: Callable[[], bool]
    """Do it once; returns whether its connection is to be kept."""
    close: Callable[[], None] = lambda: None
    due: float = 0.0
    connection: BaseDatabaseWrapper | None = None
    failed: str = ""
    """What was logged last, so that it is not repeated."""


@dataclass
class Background:
    """The thread and its jobs."""

    make: Callable[[], Sequence[Job]]
    """Makes the jobs, in the thread: what they need to be imported takes longer than a request should."""
    over: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self.thread = threading.Thread(target=self._work, name="signal_log background", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Have it end with the step it is at, and wait for that, but not long."""
        self.over.set()
        if self.thread is not None and self.thread is not threading.current_thread():
            self.thread.join(SECONDS_TO_STOP)

    def _work(self) -> None:
        if self.over.wait(FIRST_AFTER):
            return
        jobs: Sequence[Job] = ()
        try:
            jobs = self.make()
            while not self.over.is_set():
                now = clock.monotonic()
                for job in jobs:
                    if job.due <= now and not self.over.is_set():
                        do(job)
                        job.due = clock.monotonic() + job.every()
                self.over.wait(max(0.01, min(job.due for job in jobs) - clock.monotonic()))
        except Exception as error:  # noqa: BLE001  the host has nothing to do with it
            logger.warning("Nothing is sealed or told by this process: %s", traceback_text(error))
        finally:
            for job in jobs:
                give_up(job)


def do(job: Job) -> None:
    """Do a job once, on its own connection; nothing is raised."""
    try:
        alias = conf.DATABASE
        connections[alias] = job.connection or _connection(alias)
        try:
            is_kept = job.run()
            job.connection = connections[alias]
            job.failed = ""
            if not is_kept:
                job.connection.close()
        except BaseException:
            connections[alias].close()
            raise
    except (DatabaseError, InterfaceError, LogUnavailable) as error:
        _tell(job, f"The log's database: {error_text(error)}")
    except Exception as error:  # noqa: BLE001  the host has nothing to do with it
        _tell(job, error_text(error), f"\n{traceback_text(error)}")


def give_up(job: Job) -> None:
    """Close what it has open."""
    try:
        job.close()
        if job.connection is not None:
            job.connection.close()
    except Exception as error:  # noqa: BLE001
        logger.debug("%s ended with %s", job.name, error_text(error))


def _tell(job: Job, what: str, where: str = "") -> None:
    if what != job.failed:
        logger.warning("%s failed, and is tried again. %s%s", job.name, what, where)
    job.failed = what


def _connection(alias: str) -> BaseDatabaseWrapper:
    connection = dedicated_connection(alias, APPLICATION_NAME)
    if vendor_of(connection) == "sqlite":
        connection.settings_dict["OPTIONS"]["timeout"] = SECONDS_FOR_A_LOCK
    return connection


def _sealing(over: threading.Event) -> Job:
    from signal_log.audit.forgetful_witness import tell_of_forgotten
    from signal_log.seal import beside_file
    from signal_log.seal.sealer import Sealer

    sealer = Sealer(over.is_set, beside=True)

    def run() -> bool:
        is_ours = sealer.round().outcome != "elsewhere"
        if is_ours:
            tell_of_forgotten()
        return is_ours

    return Job("Sealing", lambda: float(conf.SEAL_EVERY), run, beside_file.give_back)


def _alerting(over: threading.Event) -> Job:
    from signal_log.audit import alerts

    def run() -> bool:
        while alerts.step() and not over.is_set():
            pass
        return True

    return Job("Alerting", lambda: 1.0, run, alerts.close)


def _pruning(_: threading.Event) -> Job:
    from signal_log.audit.pruning.daily import DailyPrune

    daily = DailyPrune()

    def run() -> bool:
        return daily.due() and daily.step()  # one batch, so that sealing goes on

    return Job("Pruning", lambda: 0.1 if daily.under_way else 60.0, run)


def _guarding(over: threading.Event) -> Job:
    """Without a guarded table it is asked now and then whether there is one, and no connection is kept."""
    from signal_log.audit.guard import events

    found = [False]

    def run() -> bool:
        found[0] = events.may_come()
        while not over.is_set() and events.collect_some() is not None:
            pass
        return found[0]

    return Job("Recording of writes past Django", lambda: 1.0 if found[0] else UNGUARDED, run)


def _searching(over: threading.Event) -> Job:
    from signal_log.audit.breaks.search import Search
    from signal_log.seal import elected

    search = Search(over.is_set)
    close = partial(elected.resign, elected.BREAKS)
    return Job("Looking for breaks", lambda: NOT_ELECTED if search.is_elsewhere else 1.0, search.step, close)


def _partitioning(_: threading.Event) -> Job:
    """Where the log has partitions, and this process's role owns them."""
    from signal_log.store.partitions.ahead import keep_ahead

    def run() -> bool:
        keep_ahead(connections[conf.DATABASE])
        return False

    return Job("Making partitions", lambda: PARTITIONS_EVERY, run)


JOBS: Final[list[Callable[[threading.Event], Job]]] = [
    _sealing,
    _alerting,
    _pruning,
    _guarding,
    _searching,
    _partitioning,
]
"""What makes each job; they are done one after the other."""

_running: Background | None = None
_inherited: Final[list[Background]] = []
"""Of a forked process: its parent's, whose connections it must not close."""


def begin() -> None:
    """Start the thread of this process, unless tests run or it is there already; nothing is raised."""
    global _running  # noqa: PLW0603  one for the process
    if _running is not None or tests_are_running():
        return
    try:
        if not _can_be_shared():
            return
        over = threading.Event()
        _running = Background(lambda: [make(over) for make in JOBS], over)
        _running.start()
    except Exception as error:  # noqa: BLE001  a request is waiting, which has nothing to do with it
        logger.warning("Nothing is sealed or told by this process: %s", error_text(error))
    atexit.register(end)


def end() -> None:
    """Stop the thread."""
    global _running  # noqa: PLW0603
    if _running is not None:
        _running.stop()
        atexit.unregister(end)
        _running = None


def watch() -> None:
    """Begin at the first request; in a forked process, which has no threads, at its own first one."""
    served.at_first(begin)


def _forked() -> None:
    global _running  # noqa: PLW0603
    if _running is not None:
        _inherited.append(_running)
        _running = None
        watch()


def _can_be_shared() -> bool:
    """Whether another connection finds the log: not one in this process's memory, nor in a database of another kind."""
    connection: Any = connections[conf.DATABASE]
    vendor = vendor_of(connection)
    return vendor == "postgresql" or (vendor == "sqlite" and not connection.is_in_memory_db())


os.register_at_fork(after_in_child=_forked)
