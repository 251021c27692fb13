"""PostgreSQL, Valkey, a server or the network fails, and the page still ends up with exactly the committed events."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import psycopg
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.live_site import OBSERVER, QUICK, Address, LivePage, Worker, make_database, on, visiting
from tests.servers.daphne import Daphne
from tests.servers.network_link import NetworkLink
from tests.servers.postgres import Postgres
from tests.servers.valkey import Valkey

pytestmark = pytest.mark.long
HELD = """async () => {
    const live = document.querySelector('script[type=module][src*="/live"]').src;
    const { stream } = await import(live.replace('/live.', '/page/state.'));
    return stream.operations.rows.flatMap((row) => row.events.map((event) => event.id));
}"""
RECONNECTING = re.compile("^Reconnecting")
LIVE = re.compile("^Live")


class Installation:
    """The processes of one installation, and the people who use it."""

    def __init__(self, stack: ExitStack) -> None:
        self.database = stack.enter_context(Postgres())
        self.layer = stack.enter_context(Valkey())
        self.url = self.database.create_database("observatory")
        make_database(self.url)
        env = on(self.url) | {"REDIS_URL": self.layer.url}
        self.servers = [stack.enter_context(Daphne(env, application=QUICK)) for _ in range(2)]
        self.workers = [stack.enter_context(closing(Worker(env))) for _ in range(2)]

    def committed(self) -> list[int]:
        """Return the ids in the log."""
        with psycopg.connect(self.url) as connection:
            return [row[0] for row in connection.execute("SELECT id FROM signal_log_signalevent ORDER BY id")]

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Let somebody register every few milliseconds, in another process, and every fifth be rolled back."""
        enough = threading.Event()

        def write() -> None:
            while not enough.wait(0.03):
                self.workers[1].run("""
                    count = globals().get('count', 0) + 1
                    with transaction.atomic():
                        User.objects.create(username=f'writer{count}')
                        transaction.set_rollback(count % 5 == 0)
                """)

        thread = threading.Thread(target=write)
        thread.start()
        try:
            yield
        finally:
            enough.set()
            thread.join()


class Watcher:
    """A page with a network of its own that knows which events it must show."""

    def __init__(self, live: LivePage, link: NetworkLink, installation: Installation) -> None:
        self.live = live
        self.link = link
        self.installation = installation
        self.before = set(installation.committed())
        live.expected += ["WebSocket", "ERR_", "Failed to load"]
        live.open()

    def says(self, words: str | re.Pattern[str], seconds: float = 15) -> None:
        """Wait until the page says this about its connection."""
        expect(self.live.state()).to_have_text(words, timeout=seconds * 1000)

    def shows(self, name: str) -> None:
        """Wait until there is one row for this user's creation."""
        expect(self.live.model("User").filter(has_text=name)).to_have_count(1, timeout=5_000)

    def holds_exactly_what_was_committed(self) -> None:
        """Assert that each event since the page was opened is there once, and none that is not in the log."""
        committed = self.installation.committed()
        since = [number for number in committed if number not in self.before]
        held: list[int] = []
        for _ in range(100):
            held = self.live.page.evaluate(HELD)
            if set(since) <= set(held):
                break
            self.live.page.wait_for_timeout(100)
        assert sorted(number for number in held if number not in self.before) == since
        assert len(held) == len(set(held))
        assert set(held) <= set(committed)
        self.says(LIVE)


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """A running installation, which each test leaves as it was."""
    with ExitStack() as stack:
        yield Installation(stack)


@pytest.fixture
def watch(browser: Browser, installation: Installation) -> Iterator[Callable[[int], Watcher]]:
    """`watch(1)` opens an observer's page at the second of the two servers."""
    with ExitStack() as stack:

        def open_page(server: int) -> Watcher:
            link = stack.enter_context(closing(NetworkLink(installation.servers[server].port)))
            live = stack.enter_context(visiting(browser, Address(link.url), OBSERVER))
            return Watcher(live, link, installation)

        yield open_page


def test_commits_in_the_opposite_order_of_their_ids_are_on_every_page_once(installation, watch):
    """The higher ids commit first; one page stays, one reconnects in between, one is away meanwhile."""
    stays, reconnects, away = watch(0), watch(0), watch(1)
    slow, quick = installation.workers
    slow.run("""
        block = transaction.atomic()
        block.__enter__()
        User.objects.create(username='slow1')
        SignalEvent.objects.count()  # its events are written now, and take their ids
    """)
    quick.run("User.objects.create(username='quick1')")
    for page in (stays, reconnects, away):
        page.shows("quick1")
        assert page.live.row("slow1").count() == 0
    for page in (reconnects, away):
        page.link.cut()
        page.says(RECONNECTING)
    reconnects.link.mend()
    reconnects.says(LIVE, 30)
    slow.run("block.__exit__(None, None, None)")
    away.link.mend()
    away.says(LIVE, 30)  # its waits between attempts have doubled while the others came back
    for page in (stays, reconnects, away):
        page.shows("slow1")
        page.holds_exactly_what_was_committed()
    with psycopg.connect(installation.url) as connection:
        order = connection.execute(
            "SELECT object_repr FROM signal_log_signalevent WHERE signal = 'post_save' AND sender = 'auth.User'"
            " AND object_repr IN ('slow1', 'quick1') ORDER BY id"
        ).fetchall()
    assert [name for (name,) in order] == ["slow1", "quick1"], "the ids did not have the order that this test needs"


def test_valkey_stopped(installation, watch):
    """Events keep coming by polling every second; the page says so, and stops saying so afterwards."""
    page = watch(0)
    foot = page.live.page.locator("#status-bar")
    with installation.writing():
        installation.layer.terminate()
        try:
            expect(foot).to_contain_text("channel layer", timeout=12_000)
            page.live.page.wait_for_timeout(6_000)  # one more look for the layer, in vain
            page.says(LIVE)
        finally:
            installation.layer.start()
        expect(foot).not_to_contain_text("channel layer", timeout=20_000)
    page.holds_exactly_what_was_committed()


def test_a_server_killed_and_started_again(installation, watch):
    """Its page reconnects by itself, and the other server's page notices nothing."""
    page, other = watch(0), watch(1)
    with installation.writing():
        installation.servers[0].kill()
        page.says(RECONNECTING)
        page.live.page.wait_for_timeout(2_000)
        other.says(LIVE, 1)
        installation.servers[0].start()
        page.says(LIVE, 30)
    page.holds_exactly_what_was_committed()
    other.holds_exactly_what_was_committed()


def test_the_network_cut(installation, watch):
    """The browser knows that it is offline, says so, and reconnects as soon as the network is back."""
    page = watch(0)
    context = page.live.page.context
    with installation.writing():
        page.link.cut()
        context.set_offline(True)
        page.says("Offline")
        expect(page.live.page.locator("#follow")).to_have_text("Waiting")
        foot = page.live.page.locator("#status-bar")
        expect(foot).to_contain_text(re.compile("not connected since .+ later events are missing"))
        expect(foot).not_to_contain_text("nothing missed")
        page.live.page.wait_for_timeout(2_000)
        page.link.mend()
        context.set_offline(False)
        page.says(LIVE, 3)
        expect(page.live.page.locator("#follow")).to_have_text("Following")
    page.holds_exactly_what_was_committed()


def test_a_network_that_falls_silent(installation, watch):
    """No connection breaks, but the page notices that the server's heartbeat is missing."""
    page = watch(0)
    page.live.page.clock.install()
    page.live.page.reload()
    page.says(LIVE)
    with installation.writing():
        page.link.hush()
        page.live.page.clock.fast_forward(36_000)
        page.says(RECONNECTING)
        page.link.mend()
        page.live.page.clock.fast_forward(20_000)
        page.says(LIVE, 30)
    page.holds_exactly_what_was_committed()


def test_a_database_that_stands_still(installation, watch):
    """Queries neither fail nor return: both servers' pages say so, and receive what follows."""
    pages = [watch(0), watch(1)]
    with installation.writing():
        with installation.database.standing_still():
            for page in pages:
                page.says("Database unavailable")
            pages[0].live.page.wait_for_timeout(1_000)
        for page in pages:
            page.says(LIVE, 5)
    for page in pages:
        page.holds_exactly_what_was_committed()


def test_a_database_stopped_and_started_again(installation, watch):
    """The page stays connected, says what is missing, and goes on."""
    page = watch(0)
    installation.workers[0].run("User.objects.create(username='before1')")
    page.shows("before1")
    installation.database.terminate()
    try:
        page.says("Database unavailable")
        page.live.page.wait_for_timeout(2_000)
    finally:
        installation.database.start()
        for worker in installation.workers:
            worker.run("connection.close()")
    page.says(LIVE)
    installation.workers[0].run("User.objects.create(username='after1')")
    page.shows("after1")
    page.holds_exactly_what_was_committed()
