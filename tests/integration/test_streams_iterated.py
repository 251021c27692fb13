"""What becomes of a stream that is read without a server: its context, its errors, and what is left alone."""

import io
from contextvars import ContextVar
from types import SimpleNamespace

import pytest
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

import signal_log
from signal_log.capture.middleware import SignalLogMiddleware
from signal_log.capture.trace.trace import current_trace
from signal_log.models import SignalEvent
from tests.shop.models import Category

pytestmark = pytest.mark.django_db(transaction=True)


def streamed(parts):
    """The response of a view that returns a stream of these parts."""
    return SignalLogMiddleware(lambda request: StreamingHttpResponse(parts))(RequestFactory().get("/x/"))


def test_context_within_a_stream():
    """What a generator has set is as it left it at each part, and does not leak to who reads it."""

    def parts():
        with signal_log.context(job="export"):
            for number in range(2):
                Category.objects.create(name=f"in {number}")
                yield b"x"
        Category.objects.create(name="out")
        yield b"x"

    for _ in streamed(parts()):
        assert current_trace.get() is None
    events = SignalEvent.objects.filter(signal="post_save").order_by("position")
    assert [(e.object_repr, e.labels) for e in events] == [
        ("in 0", {"job": "export"}),
        ("in 1", {"job": "export"}),
        ("out", None),
    ]


def test_the_hosts_own_context():
    """A variable of the host's that its stream sets is seen where it would be without the app."""
    var = ContextVar("of the host", default="unset")

    def parts():
        var.set("set")
        yield b"x"

    list(streamed(parts()))
    assert var.get() == "set"


@pytest.mark.parametrize("kind", [iter, map], ids=["iterator", "map"])
def test_what_is_no_generator(kind):
    """Any iterator can write."""

    class Parts:
        def __init__(self):
            self.left, self.closed = 2, 0

        def __iter__(self):
            return self

        def __next__(self):
            if not self.left:
                raise StopIteration
            self.left -= 1
            Category.objects.create(name=f"c{self.left}")
            return b"x"

        def close(self):
            self.closed += 1
            Category.objects.create(name="closed")

    parts = Parts()
    response = streamed(parts if kind is iter else map(bytes, parts))
    assert b"".join(response) == b"xx"
    response.close()
    assert parts.closed == (kind is iter)
    assert {e.source for e in SignalEvent.objects.all()} == {"http"}
    assert len({e.trace_id for e in SignalEvent.objects.all()}) == 1


def test_an_error_in_a_stream():
    """It reaches the server as it is, and the trace says what ended it."""

    traces = []

    def parts():
        traces.append(current_trace.get())
        yield b"x"
        raise LookupError("gone")

    response = streamed(parts())
    iterator = iter(response)
    next(iterator)
    with pytest.raises(LookupError, match="gone"):
        next(iterator)
    response.close()
    assert traces[0].gathered.status == "LookupError"


def test_files_are_left_to_the_server():
    """A file goes to ``wsgi.file_wrapper`` as it is, and nothing of its response is replaced."""
    file = io.BytesIO(b"content")
    given = {}

    def view(request):
        given["response"] = response = FileResponse(file)
        given["iterator"], given["closers"] = response._iterator, list(response._resource_closers)
        return response

    response = SignalLogMiddleware(view)(RequestFactory().get("/x/"))
    assert response is given["response"]
    assert response._iterator is given["iterator"]
    assert response._resource_closers == given["closers"]
    assert response.file_to_stream is file


@pytest.mark.parametrize(
    "response", [HttpResponse(b"x"), StreamingHttpResponse([b"x"]), SimpleNamespace(), None], ids=repr
)
def test_what_runs_no_code_is_left_alone(response):
    """Neither a body that is there already nor something that is no response of Django's is touched."""
    before = dict(getattr(response, "__dict__", {}))
    assert SignalLogMiddleware(lambda request: response)(RequestFactory().get("/x/")) is response
    assert getattr(response, "__dict__", {}) == before
