"""Telemetry: a row for each trace and each receiver's call, written when the host's work is done."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import unittest
from contextlib import suppress

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.db import connection, connections, transaction
from django.db.models.signals import post_delete, post_save
from django.test import Client, TestCase, override_settings
from django.test.testcases import _DatabaseFailure

import signal_log
from signal_log.capture.trace import tasks
from signal_log.models import ReceiverCall, SignalEvent, SignalTrace
from signal_log.telemetry import keeper
from signal_log.telemetry.waiting import waiting
from tests.integration.telemetry_views import calls, restock, restocking, traces
from tests.settings import SIGNAL_LOG
from tests.shop.models import Category, Item
from tests.tail import database_url

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.integration.telemetry_views"),
    pytest.mark.usefixtures("_nothing_waits"),
]

RESTOCK = "tests.integration.telemetry_views.restock"


@pytest.mark.usefixtures("_restocking")
def test_queries_count_nested_ones_and_no_savepoints():
    """A receiver's queries are those until it returns, also of what it caused; a savepoint is none."""

    def refill(instance, **_):
        if instance.name == "outer":
            with transaction.atomic():
                Category.objects.create(name="inner")

    post_save.connect(refill, sender=Category)
    try:
        with transaction.atomic():
            Category.objects.create(name="outer")
    finally:
        post_save.disconnect(refill, sender=Category)
    keeper.write_kept()
    found = [(name.rpartition(".")[2].partition(":")[0], queries) for name, queries in calls("receiver", "queries")]
    assert found == [("restock", 1), ("restock", 1), ("refill", 0), ("refill", 2)]


def test_a_lone_operation_without_receivers_leaves_nothing(written):
    """A script that saves in a loop pays for no telemetry."""
    Category.objects.create(name="toys")
    Item.objects.update(name="x")
    keeper.write_kept()
    assert (written, traces("id")) == ([], [])


@pytest.mark.usefixtures("_restocking")
def test_lone_operations_are_written_together(written, monkeypatch):
    """At most once a second; the rest waits for the next chance."""
    for number in range(5):
        Category.objects.create(name=f"toys {number}")
    assert written == [(1, 1)]
    monkeypatch.setattr(keeper, "LONE_EVERY", 0)
    Category.objects.create(name="a second later")
    assert written == [(1, 1), (5, 5)]
    assert set(traces("source", "name", "status")) == {("test", "test", "")}


@pytest.mark.parametrize("opened", [signal_log.batch, signal_log.observed_bulk])
def test_what_somebody_opened_is_written_at_its_end(written, opened):
    """A batch is no lone operation, however short after another; it has a row of its own without receivers, too."""
    for name in ("a", "b"):
        with opened():
            Category.objects.create(name=name)
    assert written == [(1, 0), (1, 0)]


@pytest.mark.usefixtures("_restocking")
def test_a_request_takes_along_what_waits(client, written):
    """The next chance is whatever trace ends next."""
    for name in ("a", "b"):
        Category.objects.create(name=name)
    client.get("/save/toys/")
    assert written == [(1, 1), (2, 2)]


@pytest.mark.usefixtures("_restocking")
def test_inside_a_block_it_waits_for_its_end(written):
    """A block of the host's is neither held nor joined: what ran in it is written after it, committed or not."""
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Category.objects.create(name="toys")
        keeper.write_kept()
        assert written == []
        raise ZeroDivisionError
    keeper.write_kept()
    assert written == [(1, 1)]
    assert not Category.objects.exists()


@pytest.mark.usefixtures("_restocking")
def test_a_test_case_takes_it_back():
    """Inside a TestCase it is written at once, readable, and rolled back with the rest."""
    seen = []

    class Inner(TestCase):
        def test_it(self):
            self.client.get("/save/toys/")
            with transaction.atomic():
                Category.objects.create(name="in a block of the test")
            seen.append((len(traces("id")), len(calls("id"))))

        def test_next(self):
            seen.append((len(traces("id")), len(calls("id"))))

    result = unittest.TestResult()
    unittest.TestSuite([Inner("test_it"), Inner("test_next")]).run(result)
    assert (result.errors, result.failures) == ([], [])
    assert seen == [(1, 1), (0, 0)]
    assert waiting
    connection.ensure_connection()
    keeper.write_kept()
    assert (traces("id"), calls("id")) == ([], [])


def test_a_command_says_how_it_ended():
    """Its status is its exit code, or the class of what it raised."""

    class Command(BaseCommand):
        def handle(self, *args, **options):
            Category.objects.create(name=options["name"])
            if options["error"] is not None:
                raise options["error"]

    for number, error in enumerate((None, CommandError("no"), SystemExit(3))):
        command = Command(stdout=io.StringIO())
        with suppress(CommandError, SystemExit):
            command.execute(name=str(number), error=error, force_color=False, no_color=True, skip_checks=True)
    assert traces("status") == ["0", "CommandError", "3"]
    assert {name.partition(":")[0] for name in traces("name")} == {"command"}


def test_a_command_that_closes_its_connection_is_written_all_the_same():
    """As loaddata does; the connection is closed again, and none is opened for nothing."""

    class Command(BaseCommand):
        stealth_options = ("saves",)

        def handle(self, *args, **options):
            if options["saves"]:
                Category.objects.create(name="by a command")
            connections.close_all()

    def work():
        call_command(Command(), saves=True)
        found.append(connection.connection)
        connection.connect = lambda: found.append("opened for nothing")
        call_command(Command(), saves=False)

    found = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [None]
    assert traces("status") == ["0"]


def test_a_command_within_a_request_says_nothing_of_it(client, settings):
    """A command that a view calls belongs to the request, and its exit code is not the request's status."""
    with signal_log.context(source="job"):
        call_command("check", stdout=io.StringIO())
        Category.objects.create(name="toys")
    assert traces("source", "name", "status") == [("job", "job", "")]


def test_a_task_says_how_it_ended():
    """The trace of a task carries its name and state."""
    tasks._begin("id", "shop.tasks.restock", inline=False)
    Category.objects.create(name="toys")
    tasks._end("id", "FAILURE")
    assert traces("source", "name", "status", "events") == [("task", "shop.tasks.restock", "FAILURE", 2)]


@pytest.mark.usefixtures("_restocking")
def test_a_signal_sent_by_hand_is_a_trace():
    """Nobody opens its trace, so it ends when the signal has been sent."""
    post_save.send(Category, instance=Category(name="x"), created=False, update_fields=None, raw=False, using="default")
    assert calls("receiver", "position") == [(RESTOCK, 1)]
    assert len(traces("id")) == 1


def test_relations_changed_alone_are_one_trace(django_user_model):
    """Each signal of ``m2m_changed`` ends the trace of a lone change; its one row is brought up to date."""
    from django.contrib.auth.models import Group
    from django.db.models.signals import m2m_changed

    def noticed(**_):
        pass

    user, group = django_user_model.objects.create_user("ada"), Group.objects.create(name="staff")
    keeper.write_kept()
    before = len(traces("id"))
    m2m_changed.connect(noticed)
    try:
        user.groups.add(group)
    finally:
        m2m_changed.disconnect(noticed)
    keeper.write_kept()
    assert len(traces("id")) == before + 1
    assert traces("events", "operations")[-1] == (2, 1)
    assert len(set(calls("trace_id")[-2:])) == 1


@pytest.mark.usefixtures("_restocking")
@pytest.mark.parametrize(("off", "left"), [("TRACES", (0, 1)), ("RECEIVERS", (1, 0))])
def test_each_kind_can_be_switched_off(client, off, left):
    """With ``TRACES`` off no trace has a row, with ``RECEIVERS`` off no call."""
    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, off: False}):
        client.get("/save/toys/")
    assert (len(traces("id")), len(calls("id"))) == left


@pytest.mark.usefixtures("_restocking")
def test_failed_and_silent_are_counted(client):
    """An operation that raised, and a statement without signals."""
    with signal_log.context(source="job"):
        Category.objects.create(name="toys")
        with pytest.raises(Exception, match=r"(?i)unique"), transaction.atomic():
            Category.objects.create(name="toys")
        Category.objects.filter(name="toys").update(name="games")
        Category.objects.filter(name="nothing").update(name="games")
    assert traces("events", "operations", "failed", "silent") == [(4, 3, 1, 1)]


def test_a_delete_and_its_cascade(django_user_model):
    """Calls carry the position of their own event, whatever ran in between."""

    def noticed(**_):
        pass

    category = Category.objects.create(name="toys")
    Item.objects.create(category=category)
    post_delete.connect(noticed, sender=Item)
    try:
        category.delete()
    finally:
        post_delete.disconnect(noticed, sender=Item)
    (call,) = ReceiverCall.objects.all()
    event = SignalEvent.objects.get(signal="post_delete", sender="shop.Item")
    assert (call.trace_id, call.position) == (event.trace_id, event.position)


@pytest.mark.usefixtures("_restocking")
def test_a_connection_that_the_host_has_closed_is_not_opened():
    """What a thread cannot write waits for another thread that can."""

    def work():
        Category.objects.create(name="toys")
        waiting.written_at = float("-inf")
        connections.close_all()
        keeper.write_kept()

    waiting.written_at = float("inf")
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(waiting._batches) == 1
    waiting.written_at = float("-inf")
    Category.objects.create(name="games")
    assert len(calls("id")) == 2


def test_a_forbidden_database_is_left_alone(monkeypatch):
    """Django's test cases forbid the databases that they do not name; nothing is kept for them, nor counted."""
    connection.ensure_connection()
    own = connections["default"].__dict__
    with signal_log.context(source="job"), restocking():
        Category.objects.create(name="toys")
        monkeypatch.setitem(own, "cursor", _DatabaseFailure(connection.cursor, "it is forbidden"))
    monkeypatch.delitem(own, "cursor")
    keeper.write_kept()
    assert traces("id") == []


@pytest.mark.usefixtures("_restocking")
def test_what_waits_for_an_emptied_database_goes_with_it():
    """A test's last operations are not written into the database of the next one."""
    for name in ("a", "b"):
        Category.objects.create(name=name)
    assert waiting
    call_command("flush", interactive=False, verbosity=0)
    keeper.write_kept()
    assert traces("id") == []


def test_statements_of_a_shell_are_traces_and_none_is_lost_at_its_end():
    """Each statement typed in a shell leaves a row, without receivers too; the last ones are written at exit."""
    code = "from tests.shop.models import Category\nfor n in 'abc': Category.objects.create(name=n)"
    env = {**os.environ, "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "tests.settings", "DEBUG": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "django", "shell", "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert traces("source", "name", "events") == [("shell", "shell", 2)] * 3


def test_the_receiver_of_a_view_is_named(client):
    """The helper's receiver is the one that the tests expect."""
    with restocking():
        Client().get("/save/toys/")
    assert calls("receiver") == [f"{restock.__module__}.{restock.__qualname__}"]


@pytest.mark.urls("observatory.urls")
def test_the_page_of_a_trace_says_how_it_went(root, rf):
    """How long all of it took and how it ended; without telemetry the page says neither."""
    with signal_log.context(source="job"):
        Category.objects.create(name="toys")
    event = SignalEvent.objects.get(signal="post_save", sender="shop.Category")
    SignalTrace.objects.filter(trace_id=event.trace_id).update(duration_us=31_000, status="exit <3>")
    page = root.get(f"/traces/{event.trace_id}/").content.decode()
    assert "31.0 ms" in page
    assert "ended with exit &lt;3&gt;" in page
    SignalTrace.objects.all().delete()
    assert "ended with" not in root.get(f"/traces/{event.trace_id}/").content.decode()
