"""Each message that a Channels consumer handles is a trace of its own, with the socket's facts and account."""

import asyncio
import re

import pytest
from asgiref.sync import sync_to_async
from channels.auth import AuthMiddlewareStack, UserLazyObject
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.db import database_sync_to_async
from channels.exceptions import StopConsumer
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer, WebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ChannelNameRouter, URLRouter
from channels.testing import HttpCommunicator, WebsocketCommunicator
from channels.worker import Worker
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection, connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import path

import signal_log
from signal_log import pipeline
from signal_log.capture.trace.trace import Frame, current_frame, current_trace
from signal_log.capture.trace.websocket import message_context
from signal_log.models import SignalEvent
from tests.settings import SIGNAL_LOG
from tests.shop.models import Category

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.one_database]
MEMORY = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


def shown(event):
    """Return what a trace's page says about where it began."""
    return event.object_repr, event.source, event.method, event.path, event.actor_repr


async def recorded_posts():
    """Return the post signals of categories, in the order of the log."""
    events = [e async for e in SignalEvent.objects.filter(signal="post_save", sender="shop.Category").order_by("id")]
    await sync_to_async(connections.close_all)()
    return events


class Synchronous(WebsocketConsumer):
    """A consumer that saves at each kind of message."""

    groups = ("hall",)

    def connect(self):
        Category.objects.create(name="connect")
        self.accept()

    def receive(self, text_data=None, bytes_data=None):
        Category.objects.create(name=text_data)
        Category.objects.create(name=f"{text_data} again")
        self.send(text_data="done")

    def disconnect(self, code):
        Category.objects.create(name="disconnect")

    def chat_message(self, message):
        Category.objects.create(name=message["name"])
        self.send(text_data="done")


class Asynchronous(AsyncWebsocketConsumer):
    """The same as coroutines."""

    groups = ("hall",)

    async def connect(self):
        await Category.objects.acreate(name="connect")
        await self.accept()

    async def receive(self, text_data=None, bytes_data=None):
        await Category.objects.acreate(name=text_data)
        await Category.objects.acreate(name=f"{text_data} again")
        await self.send(text_data="done")

    async def disconnect(self, code):
        await Category.objects.acreate(name="disconnect")

    async def chat_close(self, message):
        await Category.objects.acreate(name="closed")

    async def chat_message(self, message):
        await Category.objects.acreate(name=message["name"])
        await self.send(text_data="done")


both = pytest.mark.parametrize("consumer", [Synchronous, Asynchronous], ids=lambda consumer: consumer.__name__)


def socket(consumer, **scope):
    """Return a client of the consumer behind a route."""
    client = WebsocketCommunicator(URLRouter([path("ws/<room>/", consumer.as_asgi())]), "/ws/hall/")
    client.scope |= {"client": ["198.51.100.7", 1234], **scope}
    return client


async def say(client, text):
    """Send a text and wait for the answer."""
    await client.send_to(text_data=text)
    assert await client.receive_from(timeout=30) == "done"


@both
async def test_each_message_is_a_trace(consumer):
    """Connecting, each text, a channel layer message and disconnecting are one trace each, whatever they do."""
    with override_settings(CHANNEL_LAYERS=MEMORY):  # no proxy is trusted, so the id is one of our own
        client = socket(consumer, headers=[(b"x-request-id", b"r-1")])
        await client.connect()
        await say(client, "first")
        await say(client, "second")
        await get_channel_layer().group_send("hall", {"type": "chat.message", "name": "of the layer"})
        assert await client.receive_from(timeout=30) == "done"
        await client.disconnect()
    events = await recorded_posts()
    assert [shown(e) for e in events] == [
        (name, "websocket", method, "/ws/hall/", "unknown")
        for name, method in (
            ("connect", "connect"),
            ("first", "receive"),
            ("first again", "receive"),
            ("second", "receive"),
            ("second again", "receive"),
            ("of the layer", "chat.message"),
            ("disconnect", "disconnect"),
        )
    ]
    [(address, request_id)] = {(e.remote_addr, e.request_id) for e in events}
    assert address == "198.51.100.7"
    assert re.fullmatch(r"[0-9a-f]{32}", request_id)
    traces = [e.trace_id for e in events]
    assert len(set(traces)) == 5
    assert traces[1] == traces[2] != traces[3] == traces[4]
    assert [e.position for e in events] == [2, 2, 4, 2, 4, 2, 2]


@both
async def test_concurrent_consumers_do_not_mix(consumer):
    """With twenty sockets of twenty people on one event loop, each event belongs to its own socket."""
    people = [await User.objects.acreate(username=f"p{number}") for number in range(20)]
    clients = [socket(consumer, user=person) for person in people]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(consumer, "connect", lambda self: self.accept())
        patch.setattr(consumer, "disconnect", AsyncWebsocketConsumer.disconnect)
        for client in clients:
            await client.connect()
        await asyncio.gather(*(say(client, f"of p{number}") for number, client in enumerate(clients)))
    events = await recorded_posts()
    assert len(events) == 40
    assert all(e.object_repr.removesuffix(" again") == f"of {e.actor_repr}" for e in events)
    assert len({e.trace_id for e in events}) == 20


class LogsIn(AsyncJsonWebsocketConsumer):
    """A consumer that sets the account as ``channels.auth.login`` does."""

    async def receive_json(self, content, **kwargs):
        await Category.objects.acreate(name="before")
        self.scope["user"] = await User.objects.acreate(username="late")
        await Category.objects.acreate(name="after")
        await self.send_json("done")


async def test_an_account_that_logs_in_on_the_socket():
    """Events after the log-in belong to the account."""
    client = socket(LogsIn)
    await client.connect()
    await client.send_json_to({})
    await client.receive_json_from()
    await client.disconnect()
    assert [(e.object_repr, e.actor_repr) for e in await recorded_posts()] == [
        ("before", "unknown"),
        ("after", "late"),
    ]


async def test_the_account_of_the_session(client):
    """Behind Channels' own middleware the account is known, and the recorder itself makes no query."""
    user = await User.objects.acreate(username="ada")
    await sync_to_async(client.force_login)(user)
    cookie = f"sessionid={client.cookies['sessionid'].value}".encode()
    application = AuthMiddlewareStack(URLRouter([path("ws/", Asynchronous.as_asgi())]))
    page = WebsocketCommunicator(application, "/ws/", headers=[(b"cookie", cookie)])
    await page.connect()
    await page.disconnect()
    assert {(e.actor_pk, e.actor_repr) for e in await recorded_posts()} == {(str(user.pk), "ada")}


@pytest.mark.parametrize(
    ("account", "name"),
    [
        ({}, "unknown"),
        ({"user": None}, "anonymous"),
        ({"user": AnonymousUser()}, "anonymous"),
        ({"user": UserLazyObject()}, "unknown"),
    ],
    ids=["none", "null", "anonymous", "lazy"],
)
def test_an_account_that_nobody_has_looked_at(account, name):
    """It is unknown and stays unevaluated; anonymous is who has been looked for and not found."""
    with CaptureQueriesContext(connection) as queries:
        actor = message_context({"type": "websocket", **account}, {"type": "websocket.receive"}).actor()
    assert (actor.pk, actor.name) == ("", name)
    assert len(queries) == 0


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [(0, [b"203.0.113.9"], "10.0.0.1"), (1, [b"6.6.6.6", b"203.0.113.9"], "203.0.113.9"), (1, [b"<script>"], "")],
)
def test_forwarded_addresses_are_believed_as_far_as_told(proxies, forwarded, expected):
    """`TRUSTED_PROXIES` counts for sockets as for requests, even with repeated headers."""
    scope = {
        "type": "websocket",
        "client": ["10.0.0.1", 1],
        "headers": [(b"x-forwarded-for", one) for one in forwarded],
    }
    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, "TRUSTED_PROXIES": proxies}):
        assert message_context(scope, {"type": "websocket.receive"}).remote_addr == expected


def test_scopes_without_an_address_and_with_secrets_in_the_path():
    """A unix socket has no address, and a part of the path that the route calls a token is masked."""
    route = {"args": (), "kwargs": {"token": "abc123"}}
    context = message_context(
        {"type": "websocket", "client": None, "path": "/ws/abc123/", "url_route": route}, {"type": "x" * 99}
    )
    assert (context.remote_addr, context.path(), len(context.method)) == ("", "/ws/••••••••/", 16)


class Page(AsyncHttpConsumer):
    """A consumer that answers a request without Django's middleware."""

    async def handle(self, body):
        await Category.objects.acreate(name="page")
        await self.send_response(200, b"done")


async def test_an_http_consumer():
    """It is a request, though Django does not handle it."""
    await HttpCommunicator(Page.as_asgi(), "PUT", "/page/?token=geheim").get_response()
    assert [shown(e) for e in await recorded_posts()] == [("page", "http", "PUT", "/page/", "unknown")]


class Background(AsyncConsumer):
    """A background task of Channels, run by ``runworker``."""

    async def resize(self, message):
        await Category.objects.acreate(name="resized")
        raise StopConsumer


async def test_a_worker_of_the_channel_layer():
    """What ``runworker`` handles is a task named after its channel, without a logged-in account."""
    with override_settings(CHANNEL_LAYERS=MEMORY):
        layer = get_channel_layer()
        worker = Worker(ChannelNameRouter({"pictures": Background.as_asgi()}), ["pictures"], layer)
        listening = asyncio.create_task(worker.handle())
        await layer.send("pictures", {"type": "resize"})
        while not worker.application_instances:  # noqa: ASYNC110  Channels' own class, which tells nobody
            await asyncio.sleep(0.01)
        await asyncio.wait_for(worker.application_instances["pictures"]["future"], 10)
        listening.cancel()
    [event] = await recorded_posts()
    assert shown(event)[:4] == ("resized", "task", "resize", "pictures")
    assert event.actor_repr.startswith("os:")


class Overridden(AsyncConsumer):
    """A consumer whose own dispatch calls Channels', and raises."""

    async def dispatch(self, message):
        await super().dispatch(message)

    async def test_save(self, message):
        await Category.objects.acreate(name="once")
        raise KeyError("the consumer's own")


async def test_a_consumer_s_own_dispatch_and_its_exceptions():
    """There is one trace, the exception propagates, and nothing stays open; an outer trace is not the message's."""

    async def run():
        inbox = asyncio.Queue()
        inbox.put_nowait({"type": "test.save"})
        with pytest.raises(KeyError, match="the consumer's own"):
            await Overridden.as_asgi()({"type": "websocket", "path": "/own/"}, inbox.get, None)

    frame = Frame(7, "shop.signals.other")
    with signal_log.context(source="test"):
        outer = current_trace.get()
        token = current_frame.set(frame)
        await run()
        assert (current_trace.get(), current_frame.get()) == (outer, frame)
        current_frame.reset(token)
    [event] = await recorded_posts()
    assert shown(event)[1:4] == ("websocket", "test.save", "/own/")
    assert event.trace_id != outer.trace_id
    assert (event.position, event.parent_position) == (2, None)


async def test_a_consumer_that_a_unit_test_calls_by_hand():
    """Without a scope, or with a message that Channels refuses, it behaves as without the app."""
    with pytest.raises(ValueError, match="no 'type'"):
        await Asynchronous().dispatch({})
    await Asynchronous().dispatch({"type": "chat.close"})
    [event] = await recorded_posts()
    assert shown(event) == ("closed", "websocket", "chat.close", "", "unknown")


def test_stop_and_start():
    """`stop` restores Channels' own methods, and starting twice wraps once."""
    ours = AsyncConsumer.dispatch, SyncConsumer.dispatch
    assert isinstance(SyncConsumer.__dict__["dispatch"].__wrapped__, database_sync_to_async)
    pipeline.stop()
    try:
        assert AsyncConsumer.dispatch.__module__ == SyncConsumer.dispatch.__module__ == "channels.consumer"
        assert not hasattr(AsyncConsumer.dispatch, "__wrapped__")
        assert isinstance(SyncConsumer.__dict__["dispatch"], database_sync_to_async)
    finally:
        pipeline.start()
        pipeline.start()
    for consumer, before in zip((AsyncConsumer, SyncConsumer), ours, strict=True):
        assert consumer.dispatch.__wrapped__ is before.__wrapped__
