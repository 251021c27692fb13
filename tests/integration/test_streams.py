"""Rows that are written while a response is streamed belong to the request: its trace, its actor and its path."""

import asyncio
import gc

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth import get_user_model
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections, transaction
from django.http import StreamingHttpResponse
from django.middleware.gzip import GZipMiddleware
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.urls import path

from observatory.settings import MIDDLEWARE
from signal_log.capture.middleware import SignalLogMiddleware
from signal_log.capture.trace.trace import current_frame, current_trace
from signal_log.models import SignalEvent
from tests.shop.models import Category

pytestmark = pytest.mark.django_db(transaction=True)
User = get_user_model()
ended = []


def rows(count=2):
    """A stream that writes a row for each of its parts, and one when it is closed."""
    try:
        for number in range(count):
            Category.objects.create(name=f"part {number}")
            yield f"part {number}\n"
    finally:
        Category.objects.create(name="closed")
        ended.append("closed")


async def arows(count=2):
    try:
        for number in range(count):
            await Category.objects.acreate(name=f"part {number}")
            yield f"part {number}\n"
    finally:
        await Category.objects.acreate(name="closed")
        ended.append("closed")


def save(request):
    assert request.user.is_authenticated
    Category.objects.create(name="view")


def sync_view(request):
    save(request)
    return StreamingHttpResponse(rows())


@transaction.non_atomic_requests
async def async_view(request):
    assert (await request.auser()).is_authenticated
    await Category.objects.acreate(name="view")
    return StreamingHttpResponse(arows())


@transaction.non_atomic_requests
async def endless_view(request):
    assert (await request.auser()).is_authenticated
    await Category.objects.acreate(name="view")
    return StreamingHttpResponse(arows(1000))


@transaction.non_atomic_requests
async def waiting_view(request):
    """Waits within a part until the client is gone."""

    async def waiting():
        try:
            await Category.objects.acreate(name="part 0")
            yield "part 0"
            await asyncio.Event().wait()
        finally:
            await Category.objects.acreate(name="closed")
            ended.append("closed")

    assert (await request.auser()).is_authenticated
    await Category.objects.acreate(name="view")
    return StreamingHttpResponse(waiting())


urlpatterns = [
    path("sync/", sync_view),
    path("async/", async_view),
    path("endless/", endless_view),
    path("waiting/", waiting_view),
]


@pytest.fixture(autouse=True)
def site():
    """A site of these views, without middleware that is for synchronous servers alone."""
    ended.clear()
    with override_settings(
        ROOT_URLCONF=__name__, MIDDLEWARE=[m for m in MIDDLEWARE if "whitenoise" not in m and "csp" not in m]
    ):
        yield


@pytest.fixture
def ada():
    return User.objects.create_user("ada")


def cookie(account):
    client = Client()
    client.force_login(account)
    return f"sessionid={client.cookies['sessionid'].value}"


def of_the_request(url, *, closed=True, parts=2):
    """Check that everything that was saved belongs to one request of ada's."""
    events = list(SignalEvent.objects.filter(sender="shop.Category").order_by("trace_id", "position"))
    names = [e.object_repr for e in events if e.signal == "post_save"]
    assert names == ["view", *(f"part {number}" for number in range(parts)), *(["closed"] if closed else [])]
    assert {(e.source, e.path, e.method, e.actor_repr) for e in events} == {("http", url, "GET", "ada")}
    assert len({e.trace_id for e in events}) == 1
    assert [e.position for e in events] == list(range(1, len(events) + 1))
    assert current_trace.get() is current_frame.get() is None


def wsgi(url, account, **environ):
    """What a WSGI server gets."""
    request = RequestFactory(HTTP_COOKIE=cookie(account)).get(url)
    return WSGIHandler()({**request.environ, **environ}, lambda status, headers: None)


def test_a_sync_stream(ada):
    """A generator on a WSGI server."""
    response = wsgi("/sync/", ada)
    assert not Category.objects.filter(name="part 0").exists()  # nothing is read ahead
    assert b"".join(response) == b"part 0\npart 1\n"
    response.close()
    of_the_request("/sync/")


def test_a_client_that_goes_away(ada):
    """What a generator writes when it is closed halfway is the request's too, and it is closed once."""
    response = wsgi("/sync/", ada)
    assert next(iter(response)) == b"part 0\n"
    response.close()
    assert ended == ["closed"]
    of_the_request("/sync/", parts=1)


def test_a_response_that_nobody_closes(ada):
    """A generator that is only dropped ends within its request, too."""
    response = wsgi("/sync/", ada)
    next(iter(response))
    del response
    gc.collect()
    of_the_request("/sync/", parts=1)


def test_a_response_that_is_never_read(ada):
    """Nothing of a stream runs that the server does not read."""
    wsgi("/sync/", ada).close()
    of_the_request("/sync/", parts=0, closed=False)


def test_the_test_client(ada):
    """Django's own client reads streams in its own way."""
    client = Client()
    client.force_login(ada)
    assert client.get("/sync/").getvalue() == b"part 0\npart 1\n"
    of_the_request("/sync/")


def test_compressed(ada):
    """Middleware further out may wrap the stream again."""
    with override_settings(MIDDLEWARE=["django.middleware.gzip.GZipMiddleware", *MIDDLEWARE[3:]]):
        client = Client()
        client.force_login(ada)
        assert client.get("/sync/", headers={"accept-encoding": "gzip"}).getvalue()[:2] == b"\x1f\x8b"
    of_the_request("/sync/")


def test_compressed_further_in():
    """Middleware further in is part of the stream."""
    view = GZipMiddleware(lambda request: StreamingHttpResponse(rows()))
    response = SignalLogMiddleware(view)(RequestFactory().get("/x/", headers={"accept-encoding": "gzip"}))
    assert b"".join(response)[:2] == b"\x1f\x8b"
    response.close()
    assert {e.source for e in SignalEvent.objects.all()} == {"http"}


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous iterators")
def test_an_async_stream_on_a_sync_server(ada):
    """Django reads it at once, with a warning."""
    response = wsgi("/async/", ada)
    assert b"".join(response) == b"part 0\npart 1\n"
    response.close()
    of_the_request("/async/")


async def asgi(url, account):
    """An ASGI server's side of a request."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": url,
        "query_string": b"",
        "headers": [(b"cookie", (await sync_to_async(cookie)(account)).encode())],
        "client": ["198.51.100.7", 1],
        "server": ["testserver", 80],
    }
    server = ApplicationCommunicator(ASGIHandler(), scope)
    await server.send_input({"type": "http.request"})
    assert (await server.receive_output(10))["type"] == "http.response.start"
    return server


async def check(*args, **kwargs):
    """Check the rows from a coroutine, when what is left of the response has been collected."""
    for _ in range(200):
        gc.collect()
        await asyncio.sleep(0.01)
        if ended:
            break
    await sync_to_async(of_the_request)(*args, **kwargs)
    await sync_to_async(connections.close_all)()


async def test_an_async_stream(ada):
    """An asynchronous generator on an ASGI server."""
    server = await asgi("/async/", ada)
    body = b""
    while (message := await server.receive_output(10)).get("more_body"):
        body += message["body"]
    await server.wait(10)
    assert body == b"part 0\npart 1\n"
    await check("/async/")


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators")
async def test_a_sync_stream_on_an_async_server(ada):
    """Django reads it at once in a thread, with a warning."""
    client = AsyncClient()
    await client.aforce_login(ada)
    response = await client.get("/sync/")
    assert [part async for part in response] == [b"part 0\n", b"part 1\n"]
    await check("/sync/")


async def test_a_client_that_goes_away_while_a_part_is_made(ada):
    """Django cancels the stream, which may clean up."""
    server = await asgi("/waiting/", ada)
    assert (await server.receive_output(10))["body"] == b"part 0"
    await server.send_input({"type": "http.disconnect"})
    await server.wait(10)
    await check("/waiting/", parts=1)


async def test_a_client_that_goes_away_between_two_parts(ada):
    """The event loop ends the generator once the response is gone, in a task of its own."""
    server = await asgi("/endless/", ada)
    await server.receive_output(10)
    await server.send_input({"type": "http.disconnect"})
    await server.wait(10)
    del server
    gc.collect()
    for _ in range(200):
        if ended:
            break
        await asyncio.sleep(0.01)
    events = [e async for e in SignalEvent.objects.filter(sender="shop.Category")]
    await sync_to_async(connections.close_all)()
    assert {(e.source, e.path, e.actor_repr) for e in events} == {("http", "/endless/", "ada")}
    assert len({e.trace_id for e in events}) == 1
    assert events[0].object_repr == "closed" or events[-1].object_repr == "closed"


async def test_an_async_stream_that_is_dropped():
    """The event loop ends what nobody holds any more within its request."""

    async def view(request):
        return StreamingHttpResponse(arows())

    response = await SignalLogMiddleware(view)(RequestFactory().get("/x/"))
    stream = aiter(response)
    assert await anext(stream) == b"part 0\n"
    await stream.aclose()
    del response, stream
    while not ended:  # noqa: ASYNC110  set by a generator in a task of the loop
        await asyncio.sleep(0.01)
    events = [e async for e in SignalEvent.objects.filter(signal="post_save", sender="shop.Category")]
    await sync_to_async(connections.close_all)()
    assert {(e.object_repr, e.source, e.path) for e in events} == {
        ("part 0", "http", "/x/"),
        ("closed", "http", "/x/"),
    }
    assert len({e.trace_id for e in events}) == 1


async def test_many_streams_on_one_loop(ada):
    """Streams that take turns do not mix."""

    async def view(request):
        async def parts():
            for number in range(5):
                await Category.objects.acreate(name=f"{request.path} {number}")
                yield b"x"
                await asyncio.sleep(0)

        return StreamingHttpResponse(parts())

    async def one(number):
        response = await SignalLogMiddleware(view)(RequestFactory().get(f"/{number}/"))
        return [part async for part in response]

    await asyncio.gather(*(one(number) for number in range(10)))
    events = [e async for e in SignalEvent.objects.filter(signal="post_save", sender="shop.Category")]
    await sync_to_async(connections.close_all)()
    assert len(events) == 50
    assert all(e.object_repr.startswith(f"{e.path} ") for e in events)
    assert len({e.trace_id for e in events}) == 10
