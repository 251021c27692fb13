"""G12: telemetry never delays, blocks, breaks or rolls back the host's work, and says how much of it was lost."""

from __future__ import annotations

import re
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, transaction
from django.db.models.signals import post_save
from django.test import RequestFactory, override_settings

import signal_log
from signal_log import clock
from signal_log.capture.trace import gathered
from signal_log.health.collector import measured
from signal_log.models import ReceiverCall, SignalEvent, SignalTrace
from signal_log.telemetry import keeper, prune, write
from signal_log.telemetry.lost import lost
from signal_log.telemetry.prune import pruning
from signal_log.telemetry.waiting import waiting
from tests.benchmarks.wire import watched
from tests.integration.telemetry_views import restocking, traces
from tests.settings import SIGNAL_LOG
from tests.shop.models import Category

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.integration.telemetry_views")]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    waiting.forget()
    waiting.written_at = float("-inf")
    monkeypatch.setattr(pruning, "next_at", float("inf"))
    monkeypatch.setattr(lost, "_next_line", float("-inf"))
    monkeypatch.setattr(lost, "_reported", (lost.traces, lost.calls))
    with restocking():
        yield
    waiting.forget()


@pytest.fixture
def losses():
    """A function that returns how many traces and calls were lost since the test began."""
    before = lost.traces, lost.calls
    return lambda: (lost.traces - before[0], lost.calls - before[1])


def respond(path: str) -> Any:
    """Return a response that the server has not closed yet."""
    return WSGIHandler()(RequestFactory().get(path).environ, lambda *_: None)


@contextmanager
def full_disk():
    """Let the database say that it is full as soon as a row of telemetry is written."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("VACUUM")  # no free pages are left
            cursor.execute("PRAGMA page_count")
            cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0]}")
        else:
            cursor.execute(
                "CREATE FUNCTION pg_temp.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
                "'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$"
            )
            cursor.execute(f"CREATE TRIGGER full_disk BEFORE INSERT ON {write.TRACES} EXECUTE FUNCTION pg_temp.full()")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("PRAGMA max_page_count = 1073741823")
            else:
                cursor.execute(f"DROP TRIGGER full_disk ON {write.TRACES}")


@contextmanager
def locked():
    """Have another connection hold the lock that writing telemetry needs."""
    other = connection.copy()
    other.settings_dict["OPTIONS"].pop("transaction_mode", None)
    other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("UPDATE shop_note SET text = 'x' WHERE 0")
            else:
                cursor.execute(f"LOCK TABLE {write.CALLS} IN ACCESS EXCLUSIVE MODE")
        yield
    finally:
        other.rollback()
        other.close()


def settings_now() -> list[Any]:
    """Return what the host's connection has set for locks and durability."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA busy_timeout")
            return [cursor.fetchone()[0]]
        found = []
        for name in ("lock_timeout", "statement_timeout", "synchronous_commit"):
            cursor.execute(f"SHOW {name}")
            found.append(cursor.fetchone()[0])
        return found


def test_a_full_disk(losses, caplog):
    """The response was sent, the row and its events stand, and the loss is counted and logged."""
    before = settings_now()
    response = respond("/save/toys/")
    filler = "x" * 200_000  # more than is left in the last page
    with full_disk():
        waiting_row = keeper._row
        keeper._row = lambda trace: waiting_row(trace)._replace(name=filler)
        try:
            response.close()
        finally:
            keeper._row = waiting_row
    assert losses() == (1, 1)
    assert re.search(r"1 trace\(s\) and 1 receiver call\(s\) was lost.*(full|No space)", caplog.text)
    assert Category.objects.exists()
    assert SignalEvent.objects.count() == 2
    assert (traces("id"), settings_now()) == ([], before)
    Category.objects.create(name="the connection can go on")
    assert not connection.in_atomic_block


def test_a_locked_table(losses):
    """It waits 50 ms for a lock at most, whatever the host has set; the connection is as it was."""
    before = settings_now()
    response = respond("/save/toys/")
    with locked():
        started = time.perf_counter()
        response.close()
        took = time.perf_counter() - started
    assert 0.045 < took < 2
    assert losses() == (1, 1)
    assert (traces("id"), settings_now()) == ([], before)
    respond("/save/games/").close()
    assert traces("name") == ["GET /save/games/"]


@pytest.mark.postgresql
def test_a_request_is_one_message_after_its_response(client, tmp_path: Path):
    """On PostgreSQL all of it is one message, which waits for no disk."""
    with watched(connection) as sent:
        client.get("/save/toys/")
        messages = sent()
    last = messages[-1]
    assert [message for message in messages if "receivercall" in message] == [last]
    for part in ("BEGIN; SET LOCAL synchronous_commit = off", write.TRACES, write.CALLS, "; COMMIT"):
        assert part in last


def test_a_broken_writer_reaches_nobody(losses, monkeypatch):
    """Whatever fails in our own code is counted; the host sees its result."""

    def broken(*_, **__):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(keeper, "_row", broken)
    respond("/save/toys/").close()
    with pytest.raises(ValueError, match="shelf"):
        Category.objects.create(name="broken")
    assert losses() == (2, 2)


def test_a_long_trace_is_written_in_parts(monkeypatch, losses):
    """Every 1,000 calls; in between the trace holds no more than that, and its row says what it has so far."""
    assert gathered.HAND_OVER == gathered.Gathered.due_at == 1_000
    monkeypatch.setattr(keeper, "HAND_OVER", 100)  # which takes a tenth of the time
    monkeypatch.setattr(gathered.Gathered, "due_at", 100)
    number = 300
    held, sizes, real = [], [], write.write

    def noted(connection, rows, calls, **options):
        sizes.append((rows[0].status, rows[0].events, len(calls)))
        real(connection, rows, calls, **options)

    monkeypatch.setattr(write, "write", noted)
    note = Category(name="n", pk=1)
    with signal_log.context(source="job"):
        for _ in range(number):
            post_save.send(Category, instance=note, created=False, update_fields=None, raw=False, using="default")
            held.append(len(signal_log.capture.trace.trace.current_trace.get().gathered.calls))
    assert max(held) < 100
    assert sizes == [("", n, 100) for n in range(100, number + 1, 100)] + [("", number, 0)]
    assert ReceiverCall.objects.count() == number
    assert traces("events") == [number]
    assert losses() == (0, 0)


def test_a_long_block_is_not_disturbed(losses, monkeypatch):
    """Inside a block nothing is written; what is more than we hold is dropped, counted, and nothing of the host's."""
    monkeypatch.setattr(gathered, "HAND_OVER", 20)
    monkeypatch.setattr(gathered.Gathered, "due_at", 20)
    monkeypatch.setattr(keeper, "LATER", 10)
    monkeypatch.setattr(keeper, "MAX_CALLS", 100)
    with signal_log.context(source="job"):
        with transaction.atomic():
            for number in range(150):
                Category.objects.create(name=f"{number}")
            assert traces("id") == []
        assert Category.objects.count() == 150
    assert ReceiverCall.objects.count() == 100
    assert traces("events", "operations") == [(300, 150)]
    assert losses() == (0, 50)


def test_lone_operations_in_a_long_block_are_bounded(losses, monkeypatch):
    """The oldest of them are dropped."""
    monkeypatch.setattr("signal_log.telemetry.waiting.MAX_CALLS", 10)
    with transaction.atomic():
        for number in range(15):
            Category.objects.create(name=f"{number}")
    keeper.write_kept()
    assert (len(traces("id")), losses()) == (10, (5, 5))


def test_a_transaction_of_the_driver_s_is_respected(losses):
    """A transaction that the host has opened past Django is not ended by us."""
    connection.ensure_connection()
    waiting.written_at = float("inf")
    Category.objects.create(name="toys")
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        keeper.write_kept()
        cursor.execute("INSERT INTO shop_note (text) VALUES ('x')")
        cursor.execute("ROLLBACK")
    assert traces("id") == []
    keeper.write_kept()
    assert (len(traces("id")), losses()) == (1, (0, 0))


def test_metrics_count_what_was_lost(losses):
    """`/metrics` has both counts."""
    lost.add(3, 4, "a test")
    page = measured().decode()
    assert float(re.search(r"^signal_log_lost_traces_total ([\d.e+]+)$", page, re.MULTILINE)[1]) == lost.traces
    assert float(re.search(r"^signal_log_lost_receiver_calls_total ([\d.e+]+)$", page, re.MULTILINE)[1]) == lost.calls


def old(days: float) -> uuid.UUID:
    """Return the id of a trace of so many days ago."""
    return uuid.UUID(int=(clock.time_ns() // 1_000_000 - int(days * 86_400_000)) << 80 | uuid.uuid4().int >> 48)


def store_old(days: float, number: int) -> None:
    """Store traces of that age, each with one call."""
    ids = [old(days) for _ in range(number)]
    numbers = dict.fromkeys(("duration_us", "events", "operations", "failed", "silent", "slowest_us"), 1)
    SignalTrace.objects.bulk_create(
        SignalTrace(trace_id=one, name="old", started_at=clock.now(), **numbers) for one in ids
    )
    ReceiverCall.objects.bulk_create(
        ReceiverCall(trace_id=one, position=1, receiver="old", started_us=1, duration_us=1, queries=0) for one in ids
    )


def test_old_rows_are_pruned_a_few_with_each_write(monkeypatch, client):
    """Only what is older than ``TRACE_DAYS``, at most so many a write, until nothing is left; then an hour of rest."""
    monkeypatch.setattr(pruning, "next_at", float("-inf"))
    store_old(13, 3)
    store_old(15, prune.FEW + 5)
    client.get("/save/a/")
    assert SignalTrace.objects.filter(name="old").count() == 3 + 5
    assert ReceiverCall.objects.filter(receiver="old").count() == 3 + 5
    client.get("/save/b/")
    assert SignalTrace.objects.filter(name="old").count() == 3
    assert clock.monotonic() < pruning.next_at < clock.monotonic() + prune.EVERY + 1
    store_old(15, 1)
    client.get("/save/c/")
    assert SignalTrace.objects.filter(name="old").count() == 4
    monkeypatch.setattr(pruning, "next_at", 0)
    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, "TRACE_DAYS": 5}):
        client.get("/save/d/")
    assert not ReceiverCall.objects.filter(receiver="old").exists()


def test_a_project_without_the_tables_yet(losses):
    """Data migrations that run before this app's leave no telemetry, and nothing is reported as lost."""
    connection.ensure_connection()
    assert write.has_tables(connection)
    for model in (ReceiverCall, SignalTrace):
        with connection.schema_editor() as editor:
            editor.alter_db_table(model, model._meta.db_table, f"{model._meta.db_table}_away")
    try:
        assert not write.has_tables(connection)
        with signal_log.context(source="migration"):
            Category.objects.create(name="toys")
    finally:
        for model in (ReceiverCall, SignalTrace):
            with connection.schema_editor() as editor:
                editor.alter_db_table(model, f"{model._meta.db_table}_away", model._meta.db_table)
    assert (traces("id"), losses()) == ([], (0, 0))


def test_the_rows_of_a_receiver_are_found_by_an_index():
    """Percentiles read the newest calls of one receiver in order, and a trace's calls by its id."""
    conditions = {
        "receiver = 'a' AND signal = 'b' AND sender = 'c' ORDER BY id DESC LIMIT 500": "signal_log_call_kind",
        f"trace_id = '{uuid.uuid4()}' AND position <= 5": "signal_log_call",
        f"trace_id < '{uuid.uuid4()}' ORDER BY trace_id LIMIT 5": "signal_log_call",
    }
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for way in ("seqscan", "bitmapscan", "sort"):  # the table is tiny here
                cursor.execute(f"SET LOCAL enable_{way} = off")
        for condition, index in conditions.items():
            cursor.execute(f"{explain} SELECT id FROM {write.CALLS} WHERE {condition}")  # noqa: S608
            plan = " ".join(str(row[-1]) for row in cursor.fetchall())
            assert index in plan
            assert "Sort" not in plan
            assert "TEMP B-TREE" not in plan
