"""Fixtures shared by these files: servers on the test's database, logged-in clients, further connections."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from debug_toolbar.middleware import show_toolbar_func_or_path
from django.contrib.auth.models import Permission, User
from django.core.cache import caches
from django.db import connections, transaction
from django.test import Client

from signal_log.capture.faults import faults
from signal_log.capture.trace.gathered import in_use
from signal_log.capture.trace.membership import running
from signal_log.capture.transaction.unrecorded import unrecorded
from signal_log.show.export import slots
from signal_log.show.query import counts, paging
from signal_log.telemetry import sessions, write
from signal_log.telemetry.waiting import waiting
from tests.integration import host_project
from tests.integration.telemetry_views import restocking
from tests.tail import database_url, log_in, make_observer

if TYPE_CHECKING:
    from tests.servers.daphne import Daphne


@pytest.fixture(scope="session", autouse=True)
def _forked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fork the processes of host projects, from a nursery that starts with the first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            host_project, "popen", lambda *words, **how: request.getfixturevalue("nursery").popen(*words, **how)
        )
        yield


@pytest.fixture(scope="session", autouse=True)
def _pages_have_time() -> Iterator[None]:
    """A busy machine ends no search or count before it is through; a test of what happens then sets its own time."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((paging, "SECONDS"), (paging, "COUNT_SECONDS"), (counts, "SECONDS")):
            patch.setattr(module, name, 60.0)
        yield


@pytest.fixture(autouse=True)
def _a_recorder_that_has_not_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins with nothing lost and no fault counted: pages tell people of the process's own."""
    monkeypatch.setattr(faults, "total", 0)
    for count in ("total", "undone", "_reported", "_undone_reported"):
        monkeypatch.setattr(unrecorded, count, 0)
    monkeypatch.setattr(unrecorded, "since", None)


@pytest.fixture(autouse=True)
def _places_of_exports_are_free() -> Iterator[None]:
    """Collect the responses that a test has not read, which a client leaves open: one account has few exports."""
    yield
    if slots._taken:
        gc.collect()


@pytest.fixture(autouse=True)
def _no_attempts_yet() -> None:
    """Each test begins with no log-ins and registrations counted."""
    caches["default"].clear()


@pytest.fixture
def server(transactional_db: None, daphne_server: Callable[..., Daphne]) -> Iterator[Daphne]:
    """A daphne on this test's database that polls often, stopped before the database is emptied."""
    application = "tests.servers.quick:application"
    with daphne_server({"DATABASE_URL": database_url()}, application=application) as daphne:
        yield daphne
    assert "Traceback" not in daphne.log_text()


@pytest.fixture
def start(transactional_db: None, daphne_server: Callable[..., Daphne]) -> Iterator[Callable[..., Daphne]]:
    """Start daphnes on this test's database, stopped before the database is emptied."""
    with ExitStack() as stack:
        yield lambda **env: stack.enter_context(daphne_server({"DATABASE_URL": database_url(), **env}))


@pytest.fixture
def session(transactional_db: None) -> Any:
    """A session of someone who may see events."""
    return log_in(make_observer())


@pytest.fixture
def other_connection() -> Iterator[Callable[[], psycopg.Connection]]:
    """Open further connections to this test's PostgreSQL, each with a transaction of its own."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(psycopg.connect(database_url()))


@pytest.fixture
def mira(client: Client) -> Client:
    """A client logged in as someone who may see events."""
    user = User.objects.create_user("mira")
    user.user_permissions.add(*Permission.objects.filter(codename__in=("view_signalevent", "export_signalevent")))
    client.force_login(user)
    return client


@pytest.fixture
def root(client: Client) -> Client:
    """A client logged in as someone who may see everything."""
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture(params=[False, True], ids=["autocommit", "block"])
def autocommit_and_block(request: pytest.FixtureRequest, transactional_db: None) -> Iterator[None]:
    """Run a test in autocommit and in a block."""
    with transaction.atomic() if request.param else nullcontext():
        yield


@pytest.fixture
def _nothing_waits():
    waiting.forget()
    waiting.written_at = float("-inf")
    yield
    waiting.forget()


@pytest.fixture(autouse=True)
def _sessions_of_other_tests_are_forgotten():
    """Ids of sessions come again once a table has been emptied, and this process knows which have ended."""
    running.forget()
    yield
    running.forget()
    in_use[0] = False


@pytest.fixture
def _nothing_runs():
    """Whoever asks is told which sessions run, however lately somebody else was."""
    sessions.looks.next_at = float("-inf")


@pytest.fixture
def _restocking():
    with restocking():
        yield


@pytest.fixture
def written(monkeypatch):
    """Collect how many traces and calls each write has, while it is made."""
    sizes, real = [], write.write

    def counted(connection, traces, calls, **options):
        sizes.append((len(traces), len(calls)))
        real(connection, traces, calls, **options)

    monkeypatch.setattr(write, "write", counted)
    return sizes


@pytest.fixture
def show_toolbar(settings: Any) -> Iterator[Callable[..., None]]:
    """`show_toolbar(callback, **config)` shows the debug toolbar to whom the callback says."""

    def show(callback: Any, **config: Any) -> None:
        settings.DEBUG = True
        settings.DEBUG_TOOLBAR_CONFIG = {"SHOW_TOOLBAR_CALLBACK": callback, **config}
        show_toolbar_func_or_path.cache_clear()  # the toolbar remembers it

    yield show
    show_toolbar_func_or_path.cache_clear()


@pytest.fixture(autouse=True)
def _same_connection() -> Iterator[None]:
    """Fail where the test has left its thread another connection, which later tests would be surprised by."""
    before = {alias: connections[alias] for alias in connections}
    yield
    replaced = [alias for alias, connection in before.items() if connections[alias] is not connection]
    for alias in replaced:
        connections[alias].close()
        connections[alias] = before[alias]
    assert not replaced, "Run a follower or a sealer in a thread of its own: it replaces its thread's connection."
