"""A log is turned into one with partitions while others write: nothing is lost, and it can be interrupted."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from io import StringIO

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction

import signal_log
from signal_log.errors import PartitionError
from signal_log.management.commands import signal_partition
from signal_log.models import SealTree, SignalEvent
from signal_log.seal.grow import begin_tree, checkpoint, grow
from signal_log.seal.settled import Horizon
from signal_log.store import schema
from signal_log.store.follow import Follower
from signal_log.store.own_connection import dedicated_connection
from signal_log.store.partitions import convert as converting
from signal_log.store.partitions.ahead import keep_ahead, make_ahead
from signal_log.store.partitions.briefly import alone
from signal_log.store.partitions.convert import convert, leftovers, plan
from signal_log.store.partitions.layout import DEFAULT, layout
from signal_log.store.row import TABLE
from signal_log.tail.reader import Tail
from tests.factories import make_event
from tests.shop.models import Category

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


def execute(*statements):
    """Run statements as the table's owner might; the last one's rows."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def run(*args):
    """Return what the command prints."""
    out = StringIO()
    call_command("signal_partition", *args, stdout=out)
    return out.getvalue()


def database_checks():
    """The ids of what `manage.py check --database` has to say of partitions and triggers."""
    return {message.id for message in run_checks(databases=["default"])} & {"signal_log.W014", "signal_log.W036"}


def test_a_converted_log_is_the_same_log_and_goes_on(converted):
    """Rows, rights and ids; both ways of writing; guarded as a whole and in each part; and complete for `migrate`."""
    role = f"reads_{os.getpid()}"
    execute(
        f"CREATE ROLE {role}",
        f"GRANT SELECT ON {TABLE} TO {role}",
        f"GRANT INSERT (path, signal) ON {TABLE} TO {role}",
        f"GRANT SELECT ON {TABLE}_id_seq TO {role}",
        f"ALTER TABLE {TABLE} SET (fillfactor = 90)",
        f"ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {role}",
    )
    try:
        Category.objects.create(name="before")
        before = list(SignalEvent.objects.order_by("pk").values())
        assert converted() < 5
        assert list(SignalEvent.objects.order_by("pk").values()) == before
        rights = (
            f"SELECT has_table_privilege('{role}', %s, 'SELECT'), has_column_privilege('{role}', %s, 'path', 'INSERT'),"
            f" has_column_privilege('{role}', %s, 'id', 'INSERT'), has_table_privilege('{role}', %s, 'DELETE')"
        )
        with connection.cursor() as cursor:
            cursor.execute(rights, [TABLE] * 4)
            assert cursor.fetchone() == (True, True, False, False)
            for one in layout(connection).ranges:
                cursor.execute(rights, [one.name] * 4)
                assert cursor.fetchone() == (False, False, False, False)
        assert execute(f"SELECT has_sequence_privilege('{role}', '{TABLE}_id_seq', 'SELECT')") == [(True,)]
        options = "SELECT DISTINCT reloptions FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = "
        assert execute(f"{options}'{TABLE}'::regclass") == [(["fillfactor=90"],)]
    finally:
        execute(
            f"ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM {role}", f"DROP OWNED BY {role}", f"DROP ROLE {role}"
        )
    Category.objects.create(name="one")
    with signal_log.batch():
        for number in range(20):  # by COPY
            Category.objects.create(name=str(number))
    last = before[-1]["id"]
    assert list(SignalEvent.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)) == list(
        range(last + 1, last + 43)
    )
    make_ahead(connection)
    assert (schema.missing(connection), schema.idle_triggers(connection), database_checks()) == ([], [], set())
    parts = layout(connection)
    for name in (TABLE, DEFAULT, *(one.name for one in parts.ranges)):
        for statement in (f"TRUNCATE {name}", f"UPDATE {name} SET path = 'x'", f"DELETE FROM {name}"):  # noqa: S608
            if statement.startswith("TRUNCATE") or name in (TABLE, parts.ranges[0].name):  # the others have no rows
                with pytest.raises(DatabaseError, match="append-only"):
                    execute(statement)
    with pytest.raises(DatabaseError, match="takes no such id"):
        execute(f"INSERT INTO {TABLE} SELECT (json_populate_record(l, '{{\"id\": 0}}')).* FROM {TABLE} l LIMIT 1")  # noqa: S608
    assert run("convert") == "The log has partitions already: signal_partition list shows them.\n"
    call_command("flush", interactive=False, verbosity=0)
    Category.objects.create(name="after")
    assert SignalEvent.objects.filter(sender="shop.Category").count() == 2


def test_pages_read_the_newest_partition_first_and_no_more(converted):
    """A page of the history, a reader of the tail and a trace: by index, in the order of ids, nothing is sorted.

    Only the newest page has to look at the start of each partition, for the default one could have newer events.
    """
    for _ in range(3):
        make_event()
    converted()
    high = layout(connection).ranges[1].low
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")  # the tables are small
        newest = SignalEvent.objects.order_by("-pk")[:50].explain()
        older = SignalEvent.objects.filter(pk__lt=high + 500).order_by("-pk")[:50].explain()
        above = SignalEvent.objects.filter(pk__gt=high + 500).order_by("pk")[:100].explain()
        trace = SignalEvent.objects.filter(trace_id=make_event().trace_id).order_by("position").explain()
    names = [one.name for one in layout(connection).ranges]
    assert "Sort  (" not in newest + older + above
    assert [name in above for name in names] == [False, True, True, True]
    assert [line.split(" on ")[1].split()[0] for line in older.splitlines() if " on " in line] == names[1::-1]
    assert older.splitlines()[1].lstrip().startswith("->  Append")
    assert DEFAULT in newest
    assert "Seq Scan" not in trace


def test_nothing_is_lost_while_others_write(converted):
    """Writers in autocommit and in blocks, a tail and a sealer, while it is converted and partitions are made (G2, G5).

    Seen to fail where the new sequence began at 1.
    """
    over, errors, saved, seen = threading.Event(), [], Counter(), []

    def write(number):
        at = 0
        while not over.is_set():
            at += 1
            with transaction.atomic() if at % 3 == 0 else threading.Lock():
                for item in range(1 + at % 4):
                    Category.objects.create(name=f"{number}-{at}-{item}")
                    saved[number] += 1

    def follow():
        log = Follower()
        tail = Tail(log)
        tail.start()
        ready.set()
        quiet = 0
        while quiet < 3:
            batch = tail.advance()
            assert batch.reset is None
            seen.extend(row.id for row in batch.events)
            quiet = quiet + 1 if over.is_set() and not batch.events else 0
            time.sleep(0.02)
        log.close()

    def seal():
        tree, horizon = begin_tree("here/log/1"), Horizon()
        while not over.is_set():
            grow(tree, horizon.settled(tree.last_id), 1_000)
            time.sleep(0.02)

    def work(task, *args):
        try:
            dedicated_connection("default", "test")  # the pool has few
            task(*args)
        except BaseException as error:  # noqa: BLE001  the test tells it
            errors.append(error)
        finally:
            connections.close_all()

    def wait_for(more):
        enough = sum(saved.values()) + more
        while sum(saved.values()) < enough and not errors:
            time.sleep(0.01)

    ready = threading.Event()
    first = make_event().pk
    tasks = [(follow,), (seal,), *((write, number) for number in range(3))]
    threads = [threading.Thread(target=work, args=task) for task in tasks]
    try:
        for thread in threads:
            thread.start()
            assert ready.wait(20)
        wait_for(30)
        held = converted()
        wait_for(60)
        execute(f"SELECT setval('{TABLE}_id_seq', {layout(connection).top + 5})")  # nobody has made the next one
        wait_for(30)
        made = make_ahead(connection, patience=20)
        wait_for(30)
    finally:
        over.set()
        for thread in threads:
            thread.join(30)
    assert errors == []
    assert held < 5
    assert made.emptied.startswith(f"{TABLE}_p")
    there = list(SignalEvent.objects.filter(pk__gt=first).order_by("pk").values_list("pk", flat=True))
    assert sorted(seen) == there
    assert Category.objects.count() == sum(saved.values()) == len(there) / 2
    tree = SealTree.objects.get()
    while grow(tree, 2**62, 1_000):
        pass
    checkpoint(tree)
    assert tree.size == len(there) + 1
    out = StringIO()
    call_command("signal_verify", stdout=out)
    assert f"Nothing is wrong with the {tree.size:,} events" in out.getvalue()
    assert execute(f"SELECT count(*) FROM {DEFAULT}") == [(0,)]  # noqa: S608


class Killed(BaseException):
    """Nothing of ours catches it."""


def test_it_can_be_interrupted_anywhere_and_run_again(monkeypatch):
    """What an interruption leaves is undone, and what a kill leaves by the next run or by a server."""
    make_event()
    ran = converting.run
    for step in range(1, 4):
        left = iter(range(step - 1))

        def stop(on, statements, left=left):
            if next(left, None) is None:
                monkeypatch.setattr(converting, "run", ran)
                raise KeyboardInterrupt
            ran(on, statements)

        monkeypatch.setattr(converting, "run", stop)
        with pytest.raises(KeyboardInterrupt):
            convert(connection, 1_000, lambda _: None, patience=5)
        assert layout(connection) is None
        assert leftovers(connection)[0] == []
        Category.objects.create(name=str(step))
    planned = plan(connection, 1_000)
    execute(*planned.prepare, planned.prove, planned.read)  # and killed
    (warning,) = [one for one in run_checks(databases=["default"]) if one.id == "signal_log.W036"]
    assert "interrupted" in warning.msg
    keep_ahead(connection)
    assert leftovers(connection) == ([], False)
    execute(*planned.prepare, planned.prove)
    assert "The log has 5 partitions now." in run("convert", "--rows", "1000")
    assert SignalEvent.objects.filter(sender="shop.Category").count() == 6
    assert database_checks() == set()


def test_who_interrupts_is_told_how_the_log_is(monkeypatch):
    """As it was, or converted; so that nobody has to look."""
    make_event()
    for before, said in ((True, "The log is as it was: run it again"), (False, "the log is converted")):

        def stop(*args, before=before, **options):
            if not before:
                convert(*args, **options)
            raise KeyboardInterrupt

        monkeypatch.setattr(signal_partition, "convert", stop)
        with pytest.raises(CommandError, match=said) as interrupted:
            run("convert", "--rows", "1000")
        assert interrupted.value.returncode == 130


def test_a_dry_run_prints_all_of_it(other_connection):
    """Nothing is done, and what it prints can be run instead."""
    made = make_event().pk
    high = plan(connection, 2_000).high
    printed = run("convert", "--rows", "2000", "--dry-run")
    assert layout(connection) is None
    assert leftovers(connection) == ([], False)
    with other_connection() as by_hand:
        by_hand.execute(printed)
    assert [one.low for one in layout(connection).ranges] == [1, high, high + 2_000, high + 4_000]
    assert schema.missing(connection) == []
    assert make_event().pk == made + 1


def test_what_stands_in_the_way_is_named(other_connection):
    """Nothing is changed, writers are not kept waiting for it, and the message says what to do."""
    make_event()
    execute(f"CREATE VIEW of_the_log AS SELECT id FROM {TABLE}")  # noqa: S608
    with pytest.raises(CommandError, match="the view of_the_log") as refused:
        run("convert")
    execute("DROP VIEW of_the_log")
    assert refused.value.returncode == 2
    reader = other_connection()
    reader.execute(f"SELECT count(*) FROM {TABLE}")  # noqa: S608
    began = time.monotonic()
    with pytest.raises(PartitionError, match=r"waited for 1 s: process \d+ \(postgres ") as waited:
        convert(connection, 1_000, lambda _: None, patience=1)
    assert "run it again when they are done" in str(waited.value)
    assert time.monotonic() - began < 15
    reader.rollback()
    with alone(connection):  # on the same session, too: a pooler hands one to several
        with pytest.raises(CommandError, match="Another process is changing the log's partitions"):
            run("convert")
        with pytest.raises(CommandError, match="'999' is no number of events from 1,000 on"):
            run("convert", "--rows", "999")
    with pytest.raises(CommandError, match="The log has no partitions: `signal_partition convert` makes them"):
        run("ahead")
    assert run("list") == "The log has no partitions. Make them: python manage.py signal_partition convert\n"
    assert layout(connection) is None
