"""The walk of docs/debugging.md: its code does what it says, and what it shows is what one sees."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models.signals import post_save
from django.test import Client, override_settings

import users.signals
from scripts.debugging_walk import receivers
from signal_log.capture.trace import session_token
from signal_log.capture.trace.gathered import in_use
from signal_log.models import SignalTrace
from signal_log.telemetry import recorded
from tests.settings import SIGNAL_LOG

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "debugging.md").read_text()
SLEEP = "time.sleep(0.4)"


@pytest.fixture
def follow() -> Iterator[Callable[[int], None]]:
    """Connect the page's receiver as it stands first (0) or mended (1), in place of the other."""
    space = {"__name__": users.signals.__name__, "post_save": post_save}

    def change(number: int) -> None:
        if "sync_crm" in space:
            post_save.disconnect(space["sync_crm"], sender=User)
        code = receivers()[number]
        assert SLEEP in code
        quicker = code.replace(SLEEP, "time.sleep(0.11)")
        exec(compile(quicker, users.signals.__file__, "exec"), space)  # noqa: S102

    yield change
    post_save.disconnect(space["sync_crm"], sender=User)
    in_use[0] = False


@pytest.fixture
def client() -> Client:
    """The administrator's browser."""
    client = Client()
    client.force_login(User.objects.create_superuser("admin", "admin@example.org", "long enough for admin"))
    return client


def rename(client: Client, *names: str) -> None:
    for name in names:
        given = {"name": name, "email": "admin@example.org"}
        assert client.post("/accounts/profile/", given).status_code == 302


def record(client: Client, name: str, *names: str) -> None:
    session = recorded.start(name, "browser")
    client.cookies[session_token.COOKIE] = recorded.token(session)
    rename(client, *names)
    recorded.stop(session)


def told(*command: str) -> str:
    out = io.StringIO()
    call_command(*command, stdout=out, stderr=out)
    return out.getvalue()


def alike(text: str) -> str:
    """A text without what is another in every run, and on a busy machine: numbers, their units, the trace's key."""
    text = re.sub(r"\d+([.,]\d+)*", "0", re.sub(r"trace \w{8}", "trace", text))
    return re.sub(r"0 (?:µs|ms|s)\b", "0 ms", text).replace("0 ms of 0 ms", "0 of 0 ms")


def lines(block: str) -> list[str]:
    """The lines of a block of the page, to be found in what one sees; a sentence there may go on."""
    return [line.strip().removesuffix(".") for line in alike(block).splitlines() if line.strip()]


@override_settings(SIGNAL_LOG={**SIGNAL_LOG, "CALL_SITES": True})  # as in development
@pytest.mark.django_db(transaction=True)
def test_the_walk(client, follow):
    """Slow, the reason, the map, mended, compared: each as the page has it."""
    follow(0)
    rename(client, "Ada", "Ada L.")
    trace = SignalTrace.objects.filter(name="POST /accounts/profile/").last()
    blocks = [block for _, block in re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)]
    (tail,) = (block for block in blocks if "└ sync_user" in block)
    seen = alike(told("signal_tail", "--slow", "100ms", "--since", "10m", "--no-follow"))
    assert [line for line in lines(tail) if line not in seen] == [], seen
    (concluded,) = (block for block in blocks if block.startswith("users.signals.sync_crm took"))
    seen = alike(client.get(f"/traces/{trace.trace_id}/?format=text").content.decode())
    assert [line for line in lines(concluded) if line not in seen] == [], seen
    assert "! users.signals.sync_crm took" in told("signal_receivers")

    record(client, "before", "Ada M.", "Ada N.", "Ada O.")
    follow(1)
    record(client, "after", "Ada P.", "Ada Q.", "Ada R.")
    compared = told("signal_session", "compare", "before", "after")
    assert re.search(r"~ +users\.signals\.sync_crm +\d+ ms → [\d.]+ [µm]s", compared), compared
    trace = SignalTrace.objects.filter(name="POST /accounts/profile/").last()
    assert "sync_crm took" not in client.get(f"/traces/{trace.trace_id}/?format=text").content.decode()


def test_pictures_are_small_and_there():
    """Every picture of the page is light and dark, and quick to load."""
    folder = Path(__file__).resolve().parents[2] / "docs"
    pictures = re.findall(r'(?:src|srcset)="(images/debugging-[^"]+)"', PAGE)
    assert len(pictures) == 2 * PAGE.count("<picture>") >= 10
    assert [name for name in pictures if (folder / name).stat().st_size > 100_000] == []
