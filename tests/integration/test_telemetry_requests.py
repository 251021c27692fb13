"""Telemetry of requests and messages: written once, when the response has been sent."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import markcoroutinefunction, sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.testing import WebsocketCommunicator
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, connections
from django.test import AsyncRequestFactory, RequestFactory
from django.test.utils import CaptureQueriesContext

from signal_log.capture.middleware import SignalLogMiddleware
from signal_log.models import ReceiverCall, SignalEvent, SignalTrace
from signal_log.telemetry import keeper
from signal_log.telemetry.waiting import waiting
from tests.integration.telemetry_views import calls, traces
from tests.shop.models import Category

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.integration.telemetry_views"),
    pytest.mark.usefixtures("_nothing_waits"),
]

RESTOCK = "tests.integration.telemetry_views.restock"


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
    assert await socket.receive_from(timeout=30) == "saved"
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
