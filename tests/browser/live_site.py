"""A site to watch: a real daphne, a process that changes its data, and a page that records the browser's complaints."""

from __future__ import annotations

import re
import secrets
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.profiles import opened
from tests.servers import process
from tests.servers.daphne import ROOT, Daphne, environment, manage
from tests.servers.visitor import Visitor

PASSWORD = "long enough for a test"
OBSERVER = "mira"
STRANGER = "eve"

# Marks tests that depend on what a database does: they run on SQLite and on PostgreSQL.
on_both_databases = pytest.mark.parametrize("site_database", ["sqlite", "postgres"], indirect=True, scope="session")
# Serves static files in a quarter of the time.
QUICK = "tests.browser.application:application"
Database = Path | str
"""An SQLite file, or the address of a PostgreSQL database."""

# Runs what comes by standard input, one statement a line, and answers each with a line. Like a command, it leaves no
# telemetry unwritten when it has done its work.
WORKER = """
import sys
import django
django.setup()
from django.contrib.auth.models import Permission, User
from django.db import connection, transaction
from users.models import Profile
from signal_log.models import SignalEvent
from signal_log.telemetry.keeper import write_kept
from tests.factories import write_saves
for line in sys.stdin:
    exec(eval(line))
    write_kept()
    print("done", flush=True)
"""


class Worker:
    """Another process of the installation, such as a management command or a second server."""

    def __init__(self, env: dict[str, str]) -> None:
        self.process = process.popen(
            [sys.executable, "-c", WORKER],
            cwd=ROOT,
            env=environment(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, code: str) -> None:
        """Run statements with the models imported, and return when they are done."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(repr(textwrap.dedent(code)) + "\n")
        self.process.stdin.flush()
        while (line := self.process.stdout.readline()).strip() != "done":  # mails printed to the console are skipped
            assert line, "the worker has ended"

    def close(self) -> None:
        """Let the process end."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(60)


class Address:
    """Where a site can be visited."""

    profiles: list[BrowserContext] | None = None
    """Those that are free, where tests share them."""

    def __init__(self, url: str) -> None:
        self.url = url

    def cookies(self, username: str) -> list[dict[str, Any]]:
        """Return a fresh session of this user, as the browser's cookies."""
        visitor = Visitor(self.url)
        visitor.log_in(username, PASSWORD)
        return [{"name": c.name, "value": c.value, "url": self.url} for c in visitor.cookies]


class Site(Address):
    """One installation: its server, its worker, its people."""

    application = QUICK

    def __init__(self, database: Database, **env: str) -> None:
        self.env = on(database) | env
        self.worker = Worker(self.env)  # starts while the server does
        self.server = Daphne(self.env, application=self.application)
        super().__init__(self.server.url)
        self.profiles = []

    def run(self, code: str) -> None:
        """Change something, in another process than the server."""
        self.worker.run(code)

    def close(self) -> None:
        """Stop both processes."""
        for profile in self.profiles or ():
            profile.close()
        self.worker.close()
        self.server.close()


def on(database: Database) -> dict[str, str]:
    """Return the environment of a site's processes on this database."""
    address = database if isinstance(database, str) else f"sqlite:///{database}"
    return {"DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "tests.browser.settings"}


def make_database(database: Database) -> Database:
    """Make a migrated database with one observer and one person who may not see events."""
    env = on(database)
    manage("migrate", "--no-input", "-v0", env=env)
    worker = Worker(env)
    worker.run(f"""
        mira = User.objects.create_user({OBSERVER!r}, password={PASSWORD!r})
        mira.user_permissions.add(Permission.objects.get(codename="view_signalevent"))
        User.objects.create_user({STRANGER!r}, password={PASSWORD!r})
    """)
    worker.close()
    if isinstance(database, Path):
        with closing(sqlite3.connect(database)) as connection:  # what is still in the WAL would not be copied
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return database


def copied(template: Database, folder: Path) -> Database:
    """Copy a database for one test."""
    if isinstance(template, Path):
        return Path(shutil.copy(template, folder / "site.sqlite3"))
    return beside(template, template.rpartition("/")[2])


def beside(url: str, template: str = "template1") -> str:
    """Return the address of a new database on the same PostgreSQL, a copy of another."""
    name = f"site_{secrets.token_hex(4)}"
    with psycopg.connect(f"{url.rpartition('/')[0]}/postgres", autocommit=True) as connection:
        words = (psycopg.sql.Identifier(one) for one in (name, template))
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*words))
    return f"{url.rpartition('/')[0]}/{name}"


IN_ORDER = """part => [...document.querySelectorAll("#rows .row:not([hidden])")]
    .sort((a, b) => a.ariaRowIndex - b.ariaRowIndex)
    .map((row) => part ? row.querySelector(part)?.textContent.trim() : row.innerText)"""


class LivePage:
    """The live page in a browser of its own, with names for what tests do to it."""

    def __init__(self, page: Page, site: Address) -> None:
        self.page = page
        self.site = site
        self.complaints: list[str] = []
        self.expected: list[str] = []
        page.on("console", lambda message: message.type in ("error", "warning") and self.note(message.text))
        page.on("pageerror", lambda error: self.note(f"exception: {error} {error.stack}"))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', e => console.error('CSP', e.violatedDirective, e.blockedURI))"
        )

    def note(self, text: str) -> None:
        if not any(part in text for part in self.expected):
            self.complaints.append(text)

    def open(self, query: str = "") -> LivePage:
        """Open the page and wait until it is connected."""
        self.page.goto(f"{self.site.url}/{query}")
        expect(self.page.locator("#state")).not_to_have_attribute("data-tone", "wait")
        return self

    @property
    def rows(self) -> Any:
        """Find the visible rows."""
        return self.page.locator("#rows .row:not([hidden])")

    def texts(self, part: str = "") -> list[str]:
        """Return the texts of the visible rows, or of a part of each, from top to bottom.

        While the list is scrolled, the order of elements in the document is another one.
        """
        texts: list[str] = self.page.evaluate(IN_ORDER, part)
        return texts

    def row(self, text: str) -> Any:
        """Find the visible rows that contain this text."""
        return self.rows.filter(has_text=text)

    def model(self, name: str) -> Any:
        """Find the visible rows about this model."""
        return self.rows.filter(has=self.page.locator(".obj b", has_text=re.compile(f"^{name}$")))

    def state(self) -> Any:
        """Find the text about the connection."""
        return self.page.locator("#state-words")

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            self.page.keyboard.press(key)


@contextmanager
def visiting(browser: Browser, site: Address, username: str | None, **options: Any) -> Iterator[LivePage]:
    """Open a page of this user; the browser's complaints, Content-Security-Policy included, fail the test."""
    options = {"viewport": {"width": 1440, "height": 900}} | options
    with opened(browser, site.url, site.profiles, options) as page:
        if username:
            page.context.add_cookies(site.cookies(username))  # type: ignore[arg-type]
        live = LivePage(page, site)
        yield live
        assert not live.complaints, live.complaints
