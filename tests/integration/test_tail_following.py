"""``signal_tail`` follows the log, whatever the database and the reader of its output do."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction

from signal_log import clock
from signal_log.capture.trace.trace import TraceContext, new_trace
from signal_log.filters import Filters
from signal_log.management.commands import signal_tail
from signal_log.show.terminal import Teller
from signal_log.show.whole_traces import WholeTraces
from signal_log.store.follow import APPLICATION_NAME
from signal_log.tail.following import Following
from tests.integration.tail_told import signs
from tests.servers.daphne import ROOT, environment
from tests.shop.models import Category
from tests.tail import database_url


@contextmanager
def following(said: list[str]) -> Iterator[Callable[[int], list[str]]]:
    """Follow committed saves, on a thread; ``until(n)`` reads on until there are so many, and once more."""
    follow = Following(Filters.parse({"signal": "post_save"}), clock.now() - timedelta(hours=1), said.append)
    batches, seen = iter(follow), []

    def read(number: int) -> list[str]:
        deadline = time.monotonic() + 20
        while len(seen) < number and time.monotonic() < deadline:
            seen.extend(next(batches).rows)
        seen.extend(next(batches).rows)
        return [row["object_repr"] for row in seen]

    with ThreadPoolExecutor(max_workers=1) as thread:
        try:
            yield lambda number: thread.submit(read, number).result()
        finally:
            thread.submit(follow.close).result()


@pytest.mark.django_db(transaction=True)
def test_following_yields_what_was_and_what_comes_each_once():
    Category.objects.create(name="before")
    said: list[str] = []
    with following(said) as until:
        assert until(1) == ["before"]
        Category.objects.create(name="after")
        assert until(2) == ["before", "after"]
    assert said == []


@pytest.mark.django_db(transaction=True)
def test_a_block_that_takes_several_reads_is_told_at_once():
    """What a real transaction brings, by the tail's own reads."""
    follow, by_trace = Following(Filters.parse({}), clock.now() - timedelta(hours=1), pytest.fail), WholeTraces()
    told, reads = signal_tail._Text(Teller()), iter(follow)

    def read_until(end: str) -> list[str]:
        lines: list[str] = []
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not any(line.startswith(end) for line in lines):
            lines += [line for part in by_trace.add(next(reads)) for line in told.lines(part)]
        return signs("\n".join(lines))

    with ThreadPoolExecutor(max_workers=1) as thread:
        try:
            assert thread.submit(next, reads).result().rows == []
            with new_trace(TraceContext("task")) as trace, transaction.atomic():
                trace.gathered.status = "SUCCESS"
                for number in range(70):
                    Category.objects.create(name=str(number))
            head, line, end = thread.submit(read_until, "  =").result()
        finally:
            thread.submit(follow.close).result()
    assert (head, line) == (trace.trace_id[-8:], "+ created shop.Category × 70")
    assert end.startswith("= SUCCESS")


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_following_goes_on_after_its_connection_is_lost():
    said: list[str] = []
    Category.objects.create(name="before")
    with following(said) as until:
        until(1)
        with connection.cursor() as cursor:
            ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
            elsewhere = "AND datname = current_database() AND pid <> pg_backend_pid()"  # tests run side by side
            cursor.execute(f"{ours} {elsewhere}", [APPLICATION_NAME])
        Category.objects.create(name="meanwhile")
        assert until(2) == ["before", "meanwhile"]
    gone, back = said
    assert gone.startswith("The log's database is gone (")
    assert back.endswith("nothing was missed.")


@pytest.fixture
def tailing():
    """Starts ``signal_tail`` in a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-u", "manage.py", "signal_tail", *arguments], cwd=ROOT, text=True,
            env=environment({"DATABASE_URL": database_url()}), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        with process:  # closes its pipes
            pass


@pytest.mark.django_db(transaction=True)
def test_another_process_follows_until_it_is_interrupted(tailing):
    process = tailing("--json", "--signal", "post_save", "--since", "1h")
    Category.objects.create(name="first")
    first = json.loads(process.stdout.readline())
    Category.objects.create(name="second")
    second = json.loads(process.stdout.readline())
    assert (first["object_repr"], second["object_repr"]) == ("first", "second")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, "", "")


@pytest.mark.one_database
@pytest.mark.django_db(transaction=True)
def test_a_reader_that_has_enough_ends_it_quietly(tailing):
    Category.objects.create(name="first")
    process = tailing("--json", "--since", "1h")
    process.stdout.readline()
    process.stdout.close()
    for number in range(400):
        if process.poll() is not None:
            break
        Category.objects.create(name=f"more {number}")
        time.sleep(0.05)
    assert (process.returncode, process.stderr.read()) == (0, "")
