"""Telemetry: a row for each trace and each receiver's call, written when the host's work is done."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import threading
import unittest
from contextlib import suppress

import pytest
from asgiref.sync import markcoroutinefunction, sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.testing import WebsocketCommunicator
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.db import connection, connections, transaction
from django.db.models.signals import post_delete, post_save
from django.test import AsyncRequestFactory, Client, RequestFactory, TestCase, override_settings
from django.test.testcases import _DatabaseFailure
from django.test.utils import CaptureQueriesContext

import signal_log
from signal_log.capture.middleware import SignalLogMiddleware
from signal_log.capture.trace import tasks
from signal_log.models import ReceiverCall, SignalEvent, SignalTrace
from signal_log.telemetry import keeper, write
from signal_log.telemetry.waiting import waiting
from tests.integration.telemetry_views import calls, restock, restocking, traces
from tests.settings import SIGNAL_LOG
from tests.shop.models import Category, Item
from tests.tail import database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.integration.telemetry_views")]

RESTOCK = "tests.integration.telemetry_views.restock"


@pytest.fixture(autouse=True)
def _nothing_waits():
    waiting.forget()
    waiting.written_at = float("-inf")
    yield
    waiting.forget()


@pytest.fixture
def _restocking():
    with restocking():
        yield


@pytest.fixture
def written(monkeypatch):
    """Collect how many traces and calls each write has, while it is made."""
    sizes, real = [], write.write

    def counted(connection, traces, calls, **options):
        sizes.append((len(traces), len(calls)))
        real(connection, traces, calls, **options)

    monkeypatch.setattr(write, "write", counted)
    return sizes


def respond(path):
    """Return the response of the real WSGI handler, not closed yet, as a server gets it before sending it."""
    environ = RequestFactory().get(path).environ
    return WSGIHandler()(environ, lambda *_: None)


@pytest.mark.usefixtures("_restocking")
def test_a_request_is_written_after_its_response(written):
    """Nothing is written until the server has sent the response and closes it; then all of it at once."""
    response = respond("/save/toys/")
    assert (list(response), written, waiting._batches) == ([b"saved"], [], type(waiting._batches)())
    response.close()
    assert written == [(1, 1)]
    (trace,) = SignalTrace.objects.all()
    assert (trace.source, trace.name, trace.status) == ("http", "GET /save/toys/", "201")
    assert (trace.events, trace.operations, trace.failed, trace.silent) == (2, 1, 0, 0)
    assert trace.actor_repr == "anonymous"
    post = SignalEvent.objects.get(signal="post_save")
    assert trace.trace_id == post.trace_id
    assert trace.started_at <= post.occurred_at
    (call,) = ReceiverCall.objects.all()
    assert (call.trace_id, call.position, call.sender, call.signal) == (trace.trace_id, 2, "shop.Category", "post_save")
    assert (call.receiver, call.queries, call.error) == (RESTOCK, 1, "")
    assert 0 < call.started_us < call.started_us + call.duration_us < trace.duration_us
    assert (trace.slowest_receiver, trace.slowest_us) == (RESTOCK, call.duration_us)


def test_a_request_that_records_nothing_leaves_nothing(client, written):
    """No row, and no statement: most requests only read."""
    assert client.get("/look/").status_code == 200
    assert (written, traces("id")) == ([], [])


def test_a_request_without_receivers_is_a_trace(client):
    """What is slow need not be a receiver."""
    client.get("/save/toys/")
    assert traces("name", "slowest_receiver", "slowest_us") == [("GET /save/toys/", "", 0)]


@pytest.mark.usefixtures("_restocking")
def test_a_rolled_back_request_has_its_trace(client):
    """Telemetry is not rolled back with the work that it is about."""
    client.get("/undo/toys/")
    assert not Category.objects.exists()
    assert traces("name", "status", "events") == [("GET /undo/toys/", "409", 2)]
    assert calls("receiver") == [RESTOCK]
    assert set(SignalEvent.objects.values_list("outcome", flat=True)) == {"rolled_back"}


@pytest.mark.usefixtures("_restocking")
def test_what_a_receiver_raised_is_kept(client):
    """The error stands in the call, with the class as the log has it elsewhere."""
    client.raise_request_exception = False
    assert client.get("/save/broken/").status_code == 500
    assert calls("receiver", "error") == [(RESTOCK, "ValueError: the shelf is broken")]
    assert traces("status", "failed") == [("500", 0)]


@pytest.mark.urls("observatory.urls")
@pytest.mark.usefixtures("_restocking")
def test_a_receiver_that_raises_after_the_commit(root):
    """In autocommit the row is committed already: so is its event, the error is in the call, and the page says so."""
    with pytest.raises(ValueError, match="shelf"):
        Category.objects.create(name="broken")
    keeper.write_kept()
    assert Category.objects.filter(name="broken").exists()
    event = SignalEvent.objects.get(signal="post_save", sender="shop.Category")
    assert event.outcome == "committed"
    assert [(one["receiver"], one["error"]) for one in event.receivers] == [
        (RESTOCK, "ValueError: the shelf is broken")
    ]
    assert "The change stays committed" in root.get(f"/events/{event.pk}/").content.decode()


def test_a_secret_in_the_path_is_masked(client):
    """The name of a trace is a path, and is masked as the events' is."""
    client.get("/token/s3cr3t-s3cr3t/")
    assert traces("name") == ["GET /token/••••••••/"]


@pytest.mark.usefixtures("_restocking")
def test_no_query_log_shows_it(client):
    """Neither the query log, which assertNumQueries reads, nor an execute wrapper of the host's."""
    seen = []

    def wrapper(execute, sql, params, many, context):
        seen.append(sql)
        return execute(sql, params, many, context)

    with CaptureQueriesContext(connection) as queries, connection.execute_wrapper(wrapper):
        client.get("/save/toys/")
    assert len(calls("id")) == 1
    assert not [text for text in [*seen, *(query["sql"] for query in queries)] if "receivercall" in text]


@pytest.mark.usefixtures("_restocking")
def test_a_streamed_response_ends_with_its_stream():
    """The trace ends when the stream is closed, so that what is saved meanwhile belongs to it."""
    response = respond("/stream/")
    assert traces("id") == []
    assert list(response) == [b"one", b"two"]
    response.close()
    assert traces("name", "status") == [("GET /stream/", "200")]


@pytest.mark.usefixtures("_restocking")
async def test_an_async_request():
    """Django closes the response in a thread, which has the request's connection."""
    scope = AsyncRequestFactory().get("/asave/toys/").scope | {"headers": [(b"host", b"testserver")]}
    application = ApplicationCommunicator(ASGIHandler(), scope)
    await application.send_input({"type": "http.request"})
    assert (await application.receive_output())["status"] == 200
    await application.receive_output()
    await application.wait()
    rows = [row async for row in SignalTrace.objects.values_list("name", "status", "events")]
    await sync_to_async(connections.close_all)()
    assert rows == [("GET /asave/toys/", "200", 2)]


class Saving(AsyncWebsocketConsumer):
    """A consumer that saves what it is sent."""

    async def receive(self, text_data=None, bytes_data=None):
        await Category.objects.acreate(name=text_data)
        await self.send("saved")


@pytest.mark.usefixtures("_restocking")
async def test_a_message_of_a_consumer():
    """Its trace ends in the event loop, where no query can be made, so it is written in the thread for queries."""
    socket = WebsocketCommunicator(Saving.as_asgi(), "/ws/")
    await socket.connect()
    await socket.send_to("toys")
    assert await socket.receive_from() == "saved"
    await socket.disconnect()
    rows = [row async for row in SignalTrace.objects.values_list("source", "name", "events", "slowest_receiver")]
    await sync_to_async(connections.close_all)()
    assert rows == [("websocket", "receive /ws/", 2, RESTOCK)]


@pytest.mark.usefixtures("_restocking")
async def test_a_request_that_is_cancelled():
    """The client has gone, and Django closes no response: its trace ends in the event loop, and is written later."""
    began = asyncio.Event()

    async def view(request):
        await Category.objects.acreate(name="toys")
        began.set()
        await asyncio.sleep(60)

    markcoroutinefunction(view)
    request = AsyncRequestFactory().get("/slow/")
    task = asyncio.create_task(SignalLogMiddleware(view)(request))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(waiting._batches) == 1
    await sync_to_async(keeper.write_kept)(connect=True)
    rows = [row async for row in SignalTrace.objects.values_list("name", "status", "events")]
    await sync_to_async(connections.close_all)()
    assert rows == [("GET /slow/", "CancelledError", 2)]


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
