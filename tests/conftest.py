"""Fixtures that start real servers for the tests that ask for them."""

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests import emptying
from tests.servers import plugin

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.servers.daphne import Daphne
    from tests.servers.nursery import Nursery
    from tests.servers.valkey import Valkey


# The duration of an example means nothing on a machine that runs several tests at once.
settings.register_profile("unhurried", settings(deadline=None, suppress_health_check=[HealthCheck.too_slow]))
settings.load_profile("unhurried")
emptying.install()
# Most of what a run holds is never garbage: modules, tests, fixtures. To look it all through each 700 objects was a
# fifth of the time.
gc.set_threshold(50_000, 20, 50)


def pytest_collection_finish() -> None:
    """Leave what has been collected out of what is looked through for garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """The address of the run's PostgreSQL, one for all workers; create databases of your own on it."""
    return plugin.postgres_url()


@pytest.fixture(scope="session")
def valkey() -> Iterator["Valkey"]:
    """A Valkey of this worker, to stop and start as a test likes."""
    from tests.servers.valkey import Valkey

    with Valkey() as server:
        yield server


@pytest.fixture(scope="session")
def valkey_url(valkey: "Valkey") -> str:
    """The address of this worker's Valkey."""
    return valkey.url


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """A Chromium driven by Playwright's synchronous interface."""
    from tests.servers.browser import chromium

    # Playwright's synchronous interface runs an event loop, and Django refuses queries on its thread.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with chromium() as running:
        yield running
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)


@pytest.fixture(scope="session")
def nursery() -> Iterator["Nursery"]:
    """The process that this worker's servers are forked from."""
    from tests.servers.daphne import environment
    from tests.servers.nursery import Nursery

    with Nursery(environment({})) as running:
        yield running


@pytest.fixture
def daphne_server(nursery: "Nursery", monkeypatch: pytest.MonkeyPatch) -> "Iterator[Callable[..., Daphne]]":
    """A function that starts real daphnes for this test: `daphne_server({"DATABASE_URL": url})`."""
    from tests.servers import process
    from tests.servers.daphne import Daphne

    monkeypatch.setattr(process, "popen", nursery.popen)
    with ExitStack() as stack:
        yield lambda env, **options: stack.enter_context(Daphne(env, **options))


@pytest.fixture
def live_server_factory(daphne_server: "Callable[..., Daphne]") -> "Callable[..., Daphne]":
    """The same under a name that reads better if there is only one server."""
    return daphne_server
