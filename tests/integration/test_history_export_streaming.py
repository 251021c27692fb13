"""How an export runs: who may continue it, how it ends, and how little memory it takes."""

from __future__ import annotations

import gc
import logging
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext

from signal_log.models import SignalEvent
from signal_log.show.export import answer as answering
from signal_log.store import export
from signal_log.store.read import as_mapping
from tests.exports import ADDRESS, add, fetch, parts, varied_log

pytestmark = pytest.mark.django_db
# What the formats share is asked of PostgreSQL once.
EACH_KIND = pytest.mark.parametrize("kind", ["csv", pytest.param("jsonl", marks=pytest.mark.one_database)])


@pytest.fixture
def log(mira: Client) -> list[int]:
    """Create events of all kinds and return their ids."""
    return varied_log()


def broken(answer: Any) -> bytes:
    """Return what was sent of a file before its error."""
    text = b""
    with pytest.raises(Exception, match=r"may no longer export|disk on fire"):
        for chunk in answer.streaming_content:
            text += chunk
    return text


@EACH_KIND
@pytest.mark.parametrize("ended", ["log-out", "permission", "permission to export", "deactivated"])
def test_a_permission_or_login_that_ends_ends_the_file(
    transactional_db: None,
    mira: Client,
    log: list[int],
    kind: str,
    ended: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: Any,
) -> None:
    """The file then has no end marker, as a socket would be closed, and the log says why."""
    monkeypatch.setattr(export, "PAGE", 2)
    monkeypatch.setattr(answering, "CHECK_EVERY", 0)
    answer = mira.get(ADDRESS, {"format": kind})
    content = answer.streaming_content
    next(content)
    if ended == "log-out":
        mira.logout()
    elif ended == "permission":
        User.objects.get(username="mira").user_permissions.clear()
    elif ended == "permission to export":
        permissions = User.objects.get(username="mira").user_permissions
        permissions.remove(permissions.get(codename="export_signalevent"))
    else:
        User.objects.filter(username="mira").update(is_active=False)
    text = broken(answer)
    assert b"sha256" not in text
    assert "may no longer export events" in caplog.text
    assert b"ada" not in text


@EACH_KIND
def test_an_error_on_the_way_leaves_no_end(
    mira: Client, log: list[int], kind: str, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """The file has no end marker; the log says after how many events it failed, and what to do."""
    monkeypatch.setattr(export, "PAGE", 3)

    def fails(event: SignalEvent) -> dict[str, Any]:
        if event.pk == log[4]:
            raise OSError("disk on fire")
        return as_mapping(event)

    monkeypatch.setattr(answering, "as_mapping", fails)
    text = broken(mira.get(ADDRESS, {"format": kind, "after": log[0] - 1}))
    assert b"ada" in text
    assert b"sha256" not in text
    assert "failed after 3 events: OSError: disk on fire" in caplog.text


async def test_under_asgi_it_streams_and_ends_with_its_reader(
    transactional_db: None, caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is sent piece by piece from a thread; a reader who leaves ends the work, and an error cuts the file."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(export, "PAGE", 2)
    client = AsyncClient()

    def prepare() -> list[int]:
        root = User.objects.create_superuser("root")
        client.force_login(root)
        return add(9)

    numbers = await sync_to_async(prepare)()
    answer = await client.get(ADDRESS, {"format": "jsonl", "after": numbers[0] - 1})
    assert answer.is_async
    pieces = [piece async for piece in answer.streaming_content]
    assert len(pieces) == 1 + 5 + 1
    assert [event["id"] for event in parts(b"".join(pieces))[1]] == numbers
    assert "root exported 9 events (jsonl)" in caplog.text

    answer = await client.get(ADDRESS, {"format": "jsonl", "after": numbers[0] - 1})
    content = answer.streaming_content
    await anext(content)
    await anext(content)
    await content.aclose()
    await sync_to_async(answer.close)()
    assert "root disconnected from an export (jsonl) after 2 events" in caplog.text


def peak_of(content: Iterator[bytes]) -> int:
    """Return the peak memory in bytes while a file is written."""
    gc.collect()
    tracemalloc.start()
    try:
        for _ in content:
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@EACH_KIND
def test_memory_does_not_grow_with_the_log(mira: Client, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight times the events take no more memory, and no page is read before it is requested."""
    monkeypatch.setattr(export, "PAGE", 100)
    numbers = add(2_000)
    fetch(mira, kind, after=numbers[-100])  # loads what is loaded on first use
    few = peak_of(mira.get(ADDRESS, {"format": kind, "after": numbers[-250]}).streaming_content)
    many = peak_of(mira.get(ADDRESS, {"format": kind, "after": numbers[0] - 1}).streaming_content)
    assert many < few + 1_000_000  # as lists, the events in between would take about 7 MB
    with CaptureQueriesContext(connection) as queries:
        content = iter(mira.get(ADDRESS, {"format": kind}).streaming_content)
        next(content)
        next(content)
    pages = [query["sql"] for query in queries if "call_site" in query["sql"]]
    assert len(pages) == 1
    assert pages[0].endswith("LIMIT 100")


def test_no_transaction_stays_open_and_no_connection_is_kept(transactional_db: None, client: Client) -> None:
    """Between two pages, while the reader pauses, no transaction is open and no connection is held."""
    client.force_login(User.objects.create_superuser("root"))
    add(1_500)
    content = iter(client.get(ADDRESS, {"format": "jsonl"}).streaming_content)
    next(content)
    next(content)
    assert not connection.in_atomic_block
    assert connection.connection is None
    assert sum(chunk.count(b"\n") for chunk in content) > 500
