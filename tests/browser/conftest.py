"""Fixtures of the browser tests: a running site, and pages on it."""

from __future__ import annotations

import fcntl
import os
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
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # the run's: whichever worker is first makes it for all
    on_postgres = request.param == "postgres"
    made = folder / f"template-{request.param}"
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            where = beside(request.getfixturevalue("postgres_url")) if on_postgres else folder / "template.sqlite3"
            made.write_text(str(make_database(where)))
    return made.read_text() if on_postgres else Path(made.read_text())


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
