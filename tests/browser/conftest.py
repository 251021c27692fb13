"""Fixtures of the browser tests: a running site, and pages on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.live_site import OBSERVER, Database, LivePage, Site, beside, copied, make_database, visiting
from tests.servers import process
from tests.servers.nursery import Nursery


@pytest.fixture(scope="session", autouse=True)
def _forked(nursery: Nursery) -> Iterator[None]:
    """Fork the sites' processes, of which nearly every test starts two."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "popen", nursery.popen)
        yield


@pytest.fixture(scope="session", params=["sqlite"])
def site_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A migrated database with its people, to be copied; a test `on_both_databases` runs on PostgreSQL too."""
    if request.param == "postgres":
        return make_database(beside(request.getfixturevalue("postgres_url")))
    return make_database(tmp_path_factory.mktemp("database") / "template.sqlite3")


@pytest.fixture(scope="module")
def site(site_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running site for the tests of one module; each uses names of its own."""
    running = Site(copied(site_database, tmp_path_factory.mktemp("site")))
    yield running
    running.close()


@pytest.fixture
def own_site(site_database: Database, tmp_path: Path) -> Iterator[Site]:
    """A running site that a test may stop, without other tests' events."""
    running = Site(copied(site_database, tmp_path))
    yield running
    running.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., LivePage]]:
    """`visit(site, username, width=390)` opens a page for this user (an observer by default)."""
    with ExitStack() as stack:

        def open_page(at: Site, username: str | None = OBSERVER, **options: Any) -> LivePage:
            return stack.enter_context(visiting(browser, at, username, **options))

        yield open_page
