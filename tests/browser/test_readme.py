"""The README's "Add it to your own project", followed to the letter: from `startproject` to the first event."""

from __future__ import annotations

import re
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.newcomer import Newcomer, build_wheel, commands
from tests.servers.process import Server, free_port

pytestmark = pytest.mark.long

NAME, PASSWORD = "root", "a long enough one"
SUPERUSER = {"DJANGO_SUPERUSER_USERNAME": NAME, "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
SUPERUSER["DJANGO_SUPERUSER_EMAIL"] = "root@example.org"
# Somebody who has worked in the admin, and will be deleted.
COLLEAGUE = """
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
bob = User.objects.create_user("bob")
LogEntry.objects.log_actions(bob.pk, User.objects.filter(username="root"), action_flag=2)
print(bob.pk)
"""


class Runserver(Server):
    """`manage.py runserver` in the newcomer's project, with its reloader, as it is typed."""

    def __init__(self, project: Newcomer, command: list[str]) -> None:
        super().__init__("runserver")
        self.project, self.command = project, command
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.begin()

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        command = [sys.executable, *self.command, str(self.port)]
        self.launch(command, env=self.project.env, cwd=self.project.folder)
        self.wait_until(self._accepts, 60)

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def project(tmp_path: Path) -> Newcomer:
    """A project just made, with the README's code in it."""
    made = Newcomer(tmp_path, build_wheel(tmp_path / "wheel"))
    made.follow_the_readme()
    return made


@pytest.fixture
def pages(browser: Browser) -> Iterator[tuple[Page, Page]]:
    """Two tabs of one browser."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context.new_page(), context.new_page()
    context.close()


def test_the_first_minute(project: Newcomer, pages: tuple[Page, Page]) -> None:
    """What is done in the admin is on the live page at once, by websocket, and so is what a delete takes along."""
    started = time.monotonic()
    migrate, createsuperuser, runserver = commands()
    project.succeed(*migrate)
    project.succeed(*createsuperuser, "--no-input", **SUPERUSER)
    bob = project.succeed("manage.py", "shell", "--no-imports", "--command", COLLEAGUE).strip()
    with Runserver(project, runserver) as server:
        admin, live = pages
        admin.goto(f"{server.url}/admin/")
        admin.fill("[name=username]", NAME)
        admin.fill("[name=password]", PASSWORD)
        admin.click("[type=submit]")
        live.goto(f"{server.url}/signals/")
        expect(live.locator("#state-words")).to_have_text(re.compile("^Live"), timeout=15_000)
        rows = live.locator("#rows .row:not([hidden])")

        admin.goto(f"{server.url}/admin/auth/user/add/")
        admin.fill("[name=username]", "ada")
        admin.fill("[name=password1]", "a rather long one")
        admin.fill("[name=password2]", "a rather long one")
        admin.click("[name=_save]")
        expect(rows.filter(has_text=re.compile(r"created\s*User\s*ada"))).to_have_count(1, timeout=15_000)
        expect(rows.filter(has_text=re.compile(r"created\s*LogEntry\s*Added “ada”"))).to_have_count(1, timeout=15_000)
        print(f"first event after {time.monotonic() - started:.1f} s")  # of commands and clicks, without pip

        admin.goto(f"{server.url}/admin/auth/user/{bob}/delete/")
        admin.click("#content [type=submit]")
        expect(rows.filter(has_text=re.compile(r"deleted\s*User\s*bob"))).to_have_count(1, timeout=15_000)
        expect(rows.filter(has_text=re.compile(r"deleted\s*LogEntry\s*Changed “root”[^“]+cascade"))).to_have_count(
            1, timeout=15_000
        )
        assert "WARNING" not in server.log_text()
