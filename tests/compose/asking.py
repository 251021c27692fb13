"""How the checks of a deployment ask it: as a visitor, as its administrator, and in its database."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from tests.servers.visitor import Visitor

if TYPE_CHECKING:
    from tests.compose.run import Deployment

SITE = "http://localhost:18080"
MAILS = "http://127.0.0.1:18025"
PASSWORD = "correct horse 77"


@cache  # a log-in a poll would be load of its own: passwords are hashed slowly
def boss() -> Visitor:
    """Return the administrator, logged in once."""
    visitor = Visitor(SITE)
    visitor.log_in("boss", PASSWORD)
    return visitor


def hears(name: str, do: Callable[[], object] = lambda: None) -> None:
    """A live page hears of somebody who registers after something was done."""
    with boss().listen() as page:
        do()
        Visitor(SITE).register(name)
        page.event("post_save", "users.Profile", name)


def status(path: str, host: str) -> int:
    """Return the status of a plain GET that asks for a host."""
    connection = http.client.HTTPConnection("127.0.0.1", 18080, timeout=20)
    connection.request("GET", path, headers={"Host": host})
    return connection.getresponse().status


@contextmanager
def editing(names: str) -> Iterator[None]:
    """Have two people edit their profiles again and again during the block; a refusal or a lost edit fails it."""
    over, errors, edits = threading.Event(), list[str](), list[int]()

    def keep(name: str) -> None:
        visitor, edit = Visitor(SITE), 0
        visitor.register(name)
        while not over.is_set():
            edit += 1
            try:
                fields = {"name": name, "email": f"{name}@example.org", "headline": f"edit {edit}"}
                page = visitor.submit("/accounts/profile/", **fields)
                assert f"edit {edit}" in page
            except Exception as error:  # noqa: BLE001  each is one that a visitor saw
                errors.append(f"{name}, edit {edit}: {error!r}")
            time.sleep(0.1)
        edits.append(edit)

    threads = [threading.Thread(target=keep, args=(f"{names}{who}",)) for who in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not errors, errors
    assert len(edits) == 2
    assert min(edits) > 5


def rows(site: Deployment, up_to: str = "9223372036854775807") -> str:
    """Return how many events there are up to an id, and the newest one's id."""
    return ask(site, f"select count(*), max(id) from signal_log_signalevent where id <= {up_to}")  # noqa: S608  our number


def ask(site: Deployment, sql: str) -> str:
    """Return what the database answers."""
    return site.inside("db", "psql", "-U", "observatory", "-d", "observatory", "-Atc", sql)


def answers() -> bool:
    """Return whether the site answers as it does to people."""
    try:
        return status("/accounts/login/", "localhost") == 200
    except OSError:
        return False


def ready(site: Deployment, service: str) -> bool:
    """Return whether a web process is ready."""
    code = "import urllib.request as u; print(u.urlopen('http://localhost:8000/readyz').status)"
    return site.inside(service, "python", "-c", code).strip() == "200"


def wait_for(what: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.5)
