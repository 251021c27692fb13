"""PostgreSQL dies and its replica is promoted, while people write and a live page listens; nothing else is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.browser.live_site import OBSERVER, PASSWORD, Worker, make_database, on
from tests.servers.daphne import Daphne, manage
from tests.servers.postgres import Postgres, Replica
from tests.servers.process import free_port
from tests.servers.visitor import Visitor
from tests.topology.test_running import eventually
from tests.torture.sealers import make_key

pytestmark = pytest.mark.long
NAME = "observatory"
WRITE = """
    import time
    from django.db import Error, IntegrityError
    while True:
        try:
            with transaction.atomic():
                User.objects.create(username=%r)
            break
        except IntegrityError:
            break  # it had been committed, only nobody said so
        except Error:
            connection.close()  # as at the end of a request; a connection that is lost while idle stays so otherwise
            time.sleep(0.05)
"""
"""Somebody who tries again until there is an account."""


class Cluster:
    """A primary, a replica that may take its place, and the processes of one installation on whichever leads.

    The first replica has every commit before that is acknowledged; who follows later is a moment behind.
    """

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self._ports = [free_port() for _ in range(2)]
        waiting = {"synchronous_standby_names": "*", "synchronous_commit": "local"}  # those wait who ask for it
        self.primary: Postgres = stack.enter_context(Postgres(settings=waiting))
        self.primary.create_database(NAME)
        hosts = ",".join(f"127.0.0.1:{port}" for port in (self.primary.port, *self._ports))
        options = "target_session_attrs=read-write&options=-csynchronous_commit%3Don"
        address = f"postgres://postgres:{self.primary.password}@{hosts}/{NAME}?{options}"
        self.replica = self.follow()
        make_database(address)
        make_key(folder / "log.key")
        self.env = on(address) | {"SEAL_KEYS": str(folder / "log.key"), "SEAL_ORIGIN": "log.example"}
        self.web = stack.enter_context(Daphne(self.env))
        self.worker = stack.enter_context(closing(Worker(self.env)))

    def follow(self) -> Replica:
        """Have the primary followed, by a server on the next of the ports that the address names."""
        self.replica = self._stack.enter_context(Replica(self.primary.url(), port=self._ports.pop(0)))
        return self.replica

    def fail_over(self) -> None:
        """Kill the primary, and promote its replica, which stands alone then."""
        self.primary.kill()
        self.primary = self.replica
        self.replica.promote()

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement on whichever leads."""
        with psycopg.connect(self.primary.url(NAME), autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def ids(self, above: int) -> list[int]:
        """Return the ids in the log."""
        return [row[0] for row in self.ask("SELECT id FROM signal_log_signalevent WHERE id > %s ORDER BY id", above)]

    def last(self) -> int:
        """Return the newest id."""
        return max(self.ids(0))

    def sealed(self) -> int:
        """Return how many events the newest signed checkpoint states."""
        return self.ask("SELECT coalesce(max(size), 0) FROM signal_log_sealcheckpoint WHERE note <> ''")[0][0]

    def make(self, name: str) -> str:
        """Have an account made; returns its name."""
        self.worker.run(WRITE % name)
        return name

    @contextmanager
    def writing(self) -> Iterator[list[str]]:
        """Let somebody make accounts all the time; yields the names of those that are made by now."""
        enough, made = threading.Event(), list[str]()

        def write() -> None:
            while not enough.wait(0.02):
                made.append(self.make(f"writer{len(made)}"))

        thread = threading.Thread(target=write)
        thread.start()
        try:
            yield made
        finally:
            enough.set()
            thread.join()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """What dies stays dead, so each test needs its own."""
    with ExitStack() as stack:
        yield Cluster(stack, tmp_path)


def test_a_database_that_fails_over(cluster: Cluster) -> None:
    """First to a replica that has everything, then to one that lacks the newest commits."""
    observer = Visitor(cluster.web.url)
    observer.log_in(OBSERVER, PASSWORD)
    everything_goes_on(cluster, observer)
    cluster.follow()
    what_is_lost_is_told(cluster, observer)


def everything_goes_on(cluster: Cluster, observer: Visitor) -> None:
    """Each event that was acknowledged comes once, on the same socket, and sealing goes on."""
    with observer.listen() as page:
        before = cluster.last()
        with cluster.writing() as made:
            assert page.until(lambda: len(page.ids) > 20, 30)
            cluster.fail_over()
            number = len(made)
            assert eventually(lambda: len(made) > number + 5, 30), cluster.web.log_tail()
        committed = cluster.ids(before)
        assert page.until(lambda: set(page.ids) >= set(committed), 30), set(committed) - set(page.ids)
        assert sorted(page.ids) == committed
        assert {event["object_repr"] for event in page.events if event["signal"] == "post_save"} >= set(made)
        assert "reset" not in {frame["type"] for frame in page.frames}
    assert eventually(lambda: cluster.sealed() == len(cluster.ids(0)), 30), cluster.web.log_tail()


def what_is_lost_is_told(cluster: Cluster, observer: Visitor) -> None:
    """The live page begins afresh and says why; nothing is signed on top of it until somebody has said why."""
    with observer.listen() as page:
        cluster.make("kept")
        cluster.replica.catch_up()
        cluster.replica.unfollow()
        cluster.make("lost")
        lost = cluster.last()
        assert page.until(lambda: lost in page.ids, 30)
        assert eventually(lambda: cluster.sealed() == len(cluster.ids(0)), 30), cluster.web.log_tail()
        sealed = cluster.sealed()
        cluster.fail_over()
        assert page.wait_for("reset", 30)["reason"] == "rewound"
        page.event("post_save", "auth.User", cluster.make("later"), 30)
    assert eventually(lambda: "The log was rewound" in observer.get("/seals/"), 30), cluster.web.log_tail()
    assert cluster.sealed() < sealed
    manage("signal_seal", "new-generation", "--reason", "the primary died with its newest rows", env=cluster.env)
    trees = "SELECT state FROM signal_log_sealtree ORDER BY id"
    assert eventually(lambda: cluster.ask(trees) == [("closed",), ("growing",)]), cluster.ask(trees)
