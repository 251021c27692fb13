"""``signal_tail``: what was, what is, what was slow; for people and for programs, whatever the database does."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction

from signal_log import clock
from signal_log.capture.trace.trace import TraceContext, new_trace
from signal_log.event import Event
from signal_log.filters import Filters
from signal_log.management.commands import signal_tail
from signal_log.models import SignalEvent, SignalTrace
from signal_log.show import whole_traces
from signal_log.show.terminal import Teller
from signal_log.show.whole_traces import WholeTraces
from signal_log.store.follow import APPLICATION_NAME
from signal_log.tail.following import Following, Read
from tests.factories import event_value, make_event
from tests.servers.daphne import ROOT, environment
from tests.shop.models import Category
from tests.tail import database_url

TRACE = uuid.UUID("0197c2b1-0000-7000-8000-00000000abcd")


def run(*arguments: str, **options) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("signal_tail", "--no-follow", *arguments, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def ended(trace=TRACE, **fields) -> SignalTrace:
    given = {
        "source": "http", "name": "POST /accounts/profile/", "started_at": clock.now(), "duration_us": 31_000,
        "status": "302", "events": 4, "operations": 2, "failed": 0, "silent": 0, "slowest_us": 0,
    }  # fmt: skip
    return SignalTrace.objects.create(trace_id=trace, **(given | fields))


def cascade(trace=TRACE) -> None:
    moment = datetime(2026, 3, 1, 14, 2, 31, 90_000, UTC)
    make_event(trace_id=trace, sender="users.Profile", object_pk="17", changes={"name": ["Ada", "Ada L."]},
               occurred_at=moment, call_site="users/forms.py:83 in save")  # fmt: skip
    make_event(trace_id=trace, position=4, operation=3, parent_position=2, caused_by="users.signals.sync_user",
               changes={"first_name": ["Ada", "Ada L."]}, occurred_at=moment)  # fmt: skip


@pytest.mark.django_db
def test_a_cascade_is_indented_below_its_cause_and_ends_with_the_trace(settings):
    settings.TIME_ZONE = "UTC"
    cascade()
    ended(failed=1)
    assert run()[0].splitlines() == [
        "14:02:31.090 POST /accounts/profile/ · grace · trace 0000abcd",
        '  ~  updated users.Profile 17 ada   name "Ada" → "Ada L."   users/forms.py:83 in save',
        '  ~  └ sync_user → updated auth.User 1 ada   first_name "Ada" → "Ada L."',
        "  =  302 in 31.0 ms · 2 operations · 1 failed",
    ]


@pytest.mark.django_db
def test_json_has_nothing_but_lines_of_json_each_an_event_of_the_log():
    event = make_event(object_repr="\x1b[31mred\x07\x9b\u202e", trace_id=TRACE)
    ended()
    out, _ = run("--json")
    (line,) = out.splitlines()
    assert not set(line) & {"\x1b", "\x9b", "\u202e"}
    told = json.loads(line)
    assert (told["id"], told["object_repr"], told["trace_id"]) == (
        event.pk,
        "\x1b[31mred\x07\x9b\u202e",
        str(TRACE),
    )


@pytest.mark.django_db
def test_hostile_text_does_not_reach_the_terminal():
    make_event(
        object_repr="\x1b[2J\x9b31m", path="/\x1b]0;x\x07", actor_repr="\u202eroot", changes={"a\x1b": ["\x1b", 1]}
    )
    out, _ = run()
    assert not set(out) & {"\x1b", "\x9b", "\x07", "\u202e"}


@pytest.mark.django_db
def test_filters_and_ages_select():
    old = make_event(occurred_at=clock.now() - timedelta(hours=3))
    new = make_event(sender="shop.Item", occurred_at=clock.now() - timedelta(minutes=5))
    ids = lambda *given: [json.loads(line)["id"] for line in run("--json", *given)[0].splitlines()]  # noqa: E731
    assert ids() == [old.pk, new.pk]
    assert ids("--since", "10m") == [new.pk]
    assert ids("--since", "1d", "--sender", "auth.User") == [old.pk]
    assert ids("--sender", "!auth.User") == [new.pk]
    out, err = run("--since", "1m")
    assert (out, err) == ("", "Nothing since 1m.\n")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "said"),
    [(["--since", "soon"], "'since' must be a date or a time"), (["--since", "999999w"], "'since' must be a date"),
     (["--took", "<721h"], "'took' is a time of 30 days at most"), (["--slow", "fast"], "'slow' must be a duration"),
     (["--outcome", "lost"], "Filter 'outcome' must be one of")],
)  # fmt: skip
def test_what_cannot_be_understood_is_said_in_a_sentence(given, said):
    with pytest.raises(CommandError, match=said) as raised:
        run(*given)
    assert raised.value.returncode == 2


@pytest.mark.django_db
def test_slow_tells_only_traces_that_took_long():
    other = uuid.uuid4()
    cascade()
    make_event(trace_id=other)
    ended()
    ended(other, duration_us=100_000)
    told = [json.loads(line)["trace_id"] for line in run("--json", "--slow", "100ms")[0].splitlines()]
    assert told == [str(other)]


def test_what_comes_later_of_a_trace_is_told_in_its_place():
    teller = Teller(narrow=True)
    one, other = (str(uuid.uuid4()) for _ in range(2))
    first = list(teller.events([event_value(trace_id=one, position=p, operation=1) for p in (1, 2)]))
    list(teller.events([event_value(trace_id=other)]))
    again = list(
        teller.events([event_value(trace_id=one, position=4, operation=3, parent_position=2, caused_by="a.sync")])
    )
    assert first[0].endswith("POST /accounts/profile/ grace")
    assert first[1] == ' ~ User ada  first_name → "Augusta"'
    assert again[0].endswith("(continued)")
    assert again[1] == ' ~ └ sync → User ada  first_name → "Augusta"'


def saves(numbers: Iterable[int], trace=TRACE, **fields) -> None:
    """Store creations, the operation of each at twice its number, in one trace."""
    rows = []
    for number in numbers:
        told = {"trace_id": trace, "sender": "shop.Item", "operation": 2 * number, "object_pk": str(number), **fields}
        pre = event_value(**told, signal="pre_save", created=None, position=2 * number)
        post = event_value(**told, signal="post_save", created=True, position=2 * number + 1)
        rows += [SignalEvent(**{**one._asdict(), "trace_id": uuid.UUID(one.trace_id)}) for one in (pre, post)]
    SignalEvent.objects.bulk_create(rows)


def signs(out: str) -> list[str]:
    """What each line is: a head's trace, with + if it goes on, or a line without what differs."""
    found = []
    for line in out.splitlines():
        head = line.rpartition(" · trace ")[2]
        found.append(head.replace(" (continued)", "+") if not line.startswith(" ") else " ".join(line.split()))
    return found


@pytest.mark.django_db
def test_a_trace_is_told_once_however_many_pages_it_takes(monkeypatch):
    """Its head, its operations together, and its end right after the last of them, beside others."""
    monkeypatch.setattr(signal_tail, "PAGE", 5)
    other = uuid.UUID(int=1)
    saves([1])
    saves([1], other)
    saves(range(2, 12))
    saves([2], other)
    ended(operations=11)
    ended(other, status="200")
    told = ["0000abcd", "+ created shop.Item × 11", "= 302 in 31.0 ms · 11 operations", "00000001"]
    lines = signs(run()[0])
    assert lines[:4] == told
    assert [line[:21] for line in lines[4:6]] == ["+ created shop.Item 1", "+ created shop.Item 2"]
    assert lines[6:] == ["= 200 in 31.0 ms · 2 operations"]
    ids = [json.loads(line)["id"] for line in run("--json", "--slow", "10ms")[0].splitlines()]
    assert (len(ids), len(set(ids))) == (26, 26)
    assert signs(run("--slow", "10ms")[0]) == lines


@pytest.mark.django_db
def test_what_does_not_wait_is_told_in_its_place(monkeypatch):
    """Of a trace that is too long to wait for, each operation is told once, below its cause, under one head."""
    monkeypatch.setattr(signal_tail, "PAGE", 5)
    monkeypatch.setattr(whole_traces, "MOST_HELD", 8)
    common = {"trace_id": TRACE, "sender": "shop.Item", "created": None}
    for number in range(1, 13):
        make_event(**common, signal="pre_delete", position=number, operation=number, object_pk=str(number))
    for number in range(1, 13):
        make_event(**common, signal="post_delete", position=number + 12, operation=number, object_pk=str(number))
    make_event(trace_id=TRACE, position=26, operation=25, parent_position=14, caused_by="a.sync")
    ended()
    lines = signs(run()[0])
    assert lines[0] == "0000abcd"
    assert lines[-1].startswith("= 302")
    assert sum(int(line.rpartition(" × ")[2]) if " × " in line else 1 for line in lines if line.startswith("-")) == 12
    assert [line.startswith("~ └ sync →") for line in lines[1:-1]].count(True) == 1
    assert len([line for line in lines if not line.startswith(("-", "~"))]) == 2


def reads_of(*events: Event, first: int, more: bool = False) -> Read:
    """As the tail reads them, with ids from ``first`` on."""
    rows = [
        {**one._asdict(), "id": number, "occurred_at": "2026-03-01T14:02:31.090000Z"}
        for number, one in enumerate(events, first)
    ]
    return Read(rows, first + len(events) - 1, more)


@pytest.mark.django_db
def test_a_running_trace_is_told_as_it_goes_and_its_end_once(monkeypatch):
    """(continued) stands where another came between; an early row without a status is no end; late events come too."""
    one, other = TRACE, uuid.uuid4()
    by_trace, teller = WholeTraces(), signal_tail._Text(Teller())
    tell = lambda read: signs("\n".join(line for part in by_trace.add(read) for line in teller.lines(part)))  # noqa: E731

    def saved(number: int, trace=one, **fields) -> list[Event]:
        told = {"trace_id": trace, "sender": "shop.Item", "operation": 2 * number, "created": True, **fields}
        return [
            event_value(**told, signal=f"{when}_save", position=2 * number + at)
            for at, when in enumerate(("pre", "post"))
        ]

    assert tell(reads_of(*(event for n in range(1, 6) for event in saved(n)), first=1)) == [
        "0000abcd", "+ created shop.Item × 5"]  # fmt: skip
    row = ended(events=1_000, status="")
    assert tell(Read([], 10)) == []
    (line,) = tell(reads_of(*saved(7, parent_position=7, caused_by="a.sync"), first=11))
    assert line.startswith("+ └ sync → created shop.Item")
    assert len(tell(reads_of(*saved(1, other), first=13))) == 2
    SignalTrace.objects.filter(pk=row.pk).update(status="302")
    head, line, end = tell(reads_of(*saved(8), first=15))
    assert (head, end[:5]) == ("0000abcd+", "= 302")
    late = tell(reads_of(*saved(9), first=17))
    assert (late[0], len(late)) == ("0000abcd+", 2)
    assert tell(Read([], 18)) == []


@pytest.mark.django_db
def test_a_database_that_goes_while_ends_are_asked_for_loses_nothing(monkeypatch):
    """The next read tells it; where the log can be read and this cannot, the command ends with the error."""
    by_trace, event, command = WholeTraces(), event_value(), signal_tail.Command(stdout=io.StringIO())
    reads = mock.MagicMock(spec=Following)
    reads.__iter__.return_value = iter([reads_of(event, first=1), Read([], 1), Read([], 1)])
    asked = mock.Mock(side_effect=[OperationalError, [], OperationalError])
    monkeypatch.setattr(whole_traces, "trace_rows", asked)
    command._tell(reads, signal_tail._Text(Teller()), by_trace)
    assert len(command.stdout.getvalue().splitlines()) == 2
    asked.side_effect = OperationalError
    reads.__iter__.return_value = iter([Read([], 1)] * 3)
    with pytest.raises(OperationalError):
        command._tell(reads, signal_tail._Text(Teller()), by_trace)


def test_colour_never_stands_alone():
    (head, line) = Teller(colour=True).events([event_value(outcome="failed", error="ValueError: no")])
    assert head.startswith("\x1b[1m")
    assert line == "  \x1b[1;31m!\x1b[0m  \x1b[1;31mfailed to save auth.User 1 ada   ValueError: no\x1b[0m"


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
            cursor.execute(f"{ours} AND datname = current_database()", [APPLICATION_NAME])  # tests run side by side
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


@pytest.mark.django_db
def test_a_filter_that_can_match_nothing_is_told_with_what_was_meant():
    """On standard error, beside what is told; names that events or observed models have are none of them."""
    make_event(sender="shop.Gone", source="my-import")
    _, said = run("--sender", "shop.item", "--sender", "!Nope", "--signal", "post_sav", "--source", "bananas")
    no_model = "no observed model has this label, and no event does."
    assert [line for line in said.splitlines() if line.startswith("Nothing ") and ": " in line] == [
        f"Nothing can match --sender shop.item: {no_model} Did you mean 'shop.Item'?",
        f"Nothing is excluded by --sender !Nope: {no_model}",
        "Nothing can match --signal post_sav: no recent event has it, and nothing makes one. Did you mean 'post_save'?",
        "Nothing can match --source bananas: no recent event has it, and nothing makes one.",
    ]
    assert "--sender shop.Note: that model is not observed." in run("--sender", "shop.Note")[1]
    good = (
        "--sender",
        "shop.Item",
        "--sender",
        "shop.Gone",
        "--signal",
        "silent_update",
        "--source",
        "command:loaddata",
    )
    assert "can match" not in run(*good, "--source", "my-import", "--source", "task")[1]
    err = io.StringIO()
    call_command("signal_export", "--sender", "shop.item", "--output", os.devnull, "--overwrite", stderr=err)
    assert "Did you mean 'shop.Item'?" in err.getvalue()
