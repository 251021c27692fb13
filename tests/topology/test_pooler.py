"""Behind a pooler of transactions everything works that an installation does, though no session lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing

import orjson
import psycopg
import pytest

from tests.browser.live_site import OBSERVER, PASSWORD, Worker, make_database, on
from tests.servers.daphne import Daphne
from tests.servers.pooler import Pooler
from tests.servers.postgres import Postgres
from tests.servers.visitor import Visitor
from tests.topology.test_running import eventually

pytestmark = pytest.mark.long


class Site:
    """A server and another process, both behind the pooler."""

    def __init__(self, stack: ExitStack) -> None:
        self.database = stack.enter_context(Postgres()).create_database("observatory")
        make_database(self.database)
        self.pooler = stack.enter_context(Pooler(self.database))
        env = on(f"{self.pooler.url}?DISABLE_SERVER_SIDE_CURSORS=True")
        self.web = stack.enter_context(Daphne(env))
        self.worker = stack.enter_context(closing(Worker(env)))

    def ask(self, statement: str) -> list[tuple]:
        """Ask the database itself."""
        with psycopg.connect(self.database) as connection:
            return connection.execute(statement).fetchall()

    def ids(self) -> list[int]:
        """Return the ids in the log."""
        return [row[0] for row in self.ask("SELECT id FROM signal_log_signalevent ORDER BY id")]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """One for all."""
    with ExitStack() as stack:
        yield Site(stack)


@pytest.fixture
def observer(site: Site) -> Visitor:
    """Somebody who may see events, and export them."""
    site.worker.run(f"""
        mira = User.objects.get(username={OBSERVER!r})
        mira.user_permissions.add(Permission.objects.get(codename="export_signalevent"))
    """)
    visitor = Visitor(site.web.url)
    visitor.log_in(OBSERVER, PASSWORD)
    return visitor


def test_what_is_saved_is_seen_once_exported_and_sealed(site: Site, observer: Visitor) -> None:
    """In autocommit, in blocks, in bulk and rolled back; the export reads in one transaction."""
    before = set(site.ids())
    with observer.listen() as page:
        site.worker.run("""
            User.objects.create(username="alone")
            for number in range(5):
                with transaction.atomic():
                    User.objects.create(username=f"block{number}")
                    transaction.set_rollback(number == 3)
            with transaction.atomic():
                for number in range(50):
                    User.objects.create(username=f"together{number}")
        """)
        new = set(site.ids()) - before
        assert page.until(lambda: set(page.ids) >= new)
        assert len(page.ids) == len(set(page.ids))
    exported = observer.get("/events/?format=jsonl").splitlines()
    assert {orjson.loads(line).get("id") for line in exported} >= new
    sealed = "SELECT coalesce(max(size), 0) FROM signal_log_sealtree"
    assert eventually(lambda: site.ask(sealed)[0][0] == len(site.ids()), 30), site.web.log_tail()


def test_partitions_are_made_and_nobody_is_locked_out_of_them_afterwards(site: Site) -> None:
    """The lock of whoever changes them is of no session, which somebody else would have by then."""
    site.worker.run("""
        from django.core.management import call_command
        call_command("signal_partition", "convert", "--rows", "1000")
        for _ in range(3):
            call_command("signal_partition", "ahead")
    """)
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 24227"
    assert site.ask(held) == [(0,)]
