"""Each Celery or ``django.tasks`` task is a trace of its own, unless it runs within a request."""

import asyncio
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from asgiref.sync import sync_to_async
from celery.signals import task_postrun, task_prerun
from django.core.management import BaseCommand, call_command
from django.db import connections
from django.db.models.signals import post_save
from django.http import HttpResponse
from django.test import RequestFactory

import signal_log
from signal_log import pipeline
from signal_log.capture.middleware import SignalLogMiddleware
from signal_log.capture.trace import tasks
from signal_log.capture.trace.trace import Frame, current_frame, current_trace
from signal_log.models import SignalEvent
from tests.integration.task_libraries import LIBRARIES, installed
from tests.log import recorded
from tests.shop.models import Category
from tests.shop.tasks import arestock, restock

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.one_database]


@pytest.fixture(params=LIBRARIES)
def library(request):
    """A task library as a host has installed it."""
    with installed(request.param) as library:
        yield library


@pytest.mark.parametrize("library", LIBRARIES[1:2], indirect=True)
def test_a_library_that_sends_something_else_breaks_no_task(library, caplog):
    """What we cannot read is logged."""
    result = library.result("toys")
    result.errors.append(SimpleNamespace(traceback="no class"))
    library.signals.task_finished.send(library.backend, task_result=result)
    assert "not told apart in the log: AttributeError" in caplog.text


def as_tuples(events):
    """Return where each post event says it comes from."""
    return [(e.object_repr, e.source, e.request_id, e.path) for e in events if e.signal == "post_save"]


def test_a_task_is_a_trace(library):
    """Each task is one trace with its id and name, by the machine's user."""
    with recorded() as events:
        first, second = library.run("a"), library.run("b")
    assert as_tuples(events) == [
        ("a", "task", first, library.name),
        ("a again", "task", first, library.name),
        ("b", "task", second, library.name),
        ("b again", "task", second, library.name),
    ]
    assert [e.position for e in events] == [1, 2, 3, 4] * 2
    assert len({e.trace_id for e in events}) == 2
    assert all(e.actor_repr.startswith("os:") for e in events)
    assert (current_trace.get(), current_frame.get()) == (None, None)


def test_a_worker_s_tasks(library):
    """A worker gives each task a trace, even one that fails, and even inside a command with a trace of its own."""

    class Command(BaseCommand):
        def handle(self, *args, **options):
            self.ids = library.handle_later("a", "impossible", "b")
            Category.objects.create(name="of the command")

    command = Command()
    with recorded() as events:
        call_command(command)
    first, failed, second = command.ids
    assert as_tuples(events) == [
        ("a", "task", first, library.name),
        ("a again", "task", first, library.name),
        ("impossible", "task", failed, library.name),
        ("b", "task", second, library.name),
        ("b again", "task", second, library.name),
        ("of the command", "command:test_traces_tasks", "", ""),
    ]
    assert len({e.trace_id for e in events}) == 4
    assert not [e for e in events if e.parent_position]


def test_a_task_run_within_a_request(library):
    """The task stays in the request's trace and acts for its account; the request continues before and after it."""
    ids = []

    def view(request):
        Category.objects.create(name="before")
        ids.append(library.run("impossible"))
        Category.objects.create(name="after")
        return HttpResponse()

    request = RequestFactory().post("/checkout/", REMOTE_ADDR="198.51.100.7")
    with recorded() as events:
        SignalLogMiddleware(view)(request)
    (own,) = {event.request_id for event in events if event.source == "http"}
    assert own not in ("", ids[0])
    assert as_tuples(events) == [
        ("before", "http", own, "/checkout/"),
        ("impossible", "task", ids[0], library.name),
        ("after", "http", own, "/checkout/"),
    ]
    assert [e.position for e in events] == [1, 2, 3, 4, 5, 6]
    assert len({e.trace_id for e in events}) == 1
    assert {(e.actor_repr, e.remote_addr) for e in events} == {("unknown", "198.51.100.7")}
    assert [e.method for e in events] == ["POST", "POST", "", "", "POST", "POST"]


def test_a_task_run_within_a_receiver(library):
    """The receiver is the task's cause, as of everything the receiver does itself."""

    def receiver(instance, **_):
        if instance.name == "order":
            library.run("caused")

    post_save.connect(receiver, sender=Category)
    try:
        with recorded() as events:
            Category.objects.create(name="order")
    finally:
        post_save.disconnect(receiver, sender=Category)
    assert [(e.object_repr, e.source, e.parent_position) for e in events if e.signal == "post_save"] == [
        ("order", "test", None), ("caused", "task", 2), ("caused again", "task", 2),
    ]  # fmt: skip
    assert len({e.trace_id for e in events}) == 1


def test_a_task_within_a_task(library):
    """A task run within the same call stays in the outer one's trace, which continues after it."""
    inner = []

    def receiver(instance, **_):
        if instance.name == "outer":
            inner.append(library.run("inner"))

    post_save.connect(receiver, sender=Category)
    try:
        with recorded() as events:
            outer = library.run("outer")
    finally:
        post_save.disconnect(receiver, sender=Category)
    assert [(name, task) for name, _, task, _ in as_tuples(events)] == [
        ("outer", outer), ("inner", inner[0]), ("inner again", inner[0]), ("outer again", outer),
    ]  # fmt: skip
    assert len({e.trace_id for e in events}) == 1


def test_context_inside_a_task_names_the_actor(library):
    """`context()` inside the task names the account that requested it."""

    def receiver(instance, **_):
        if instance.name == "asked":
            with signal_log.context(actor="ada"):
                Category.objects.create(name="for ada")

    post_save.connect(receiver, sender=Category)
    try:
        with recorded() as events:
            task = library.run("asked")
    finally:
        post_save.disconnect(receiver, sender=Category)
    [event] = [e for e in events if e.object_repr == "for ada" and e.signal == "post_save"]
    assert (event.actor_repr, event.source, event.request_id) == ("ada", "task", task)


@pytest.mark.parametrize("library", LIBRARIES[1:], indirect=True)
async def test_coroutines_at_once(library):
    """Async tasks enqueued together on one event loop do not mix."""

    async def enqueue(name):
        return (await library.library.task()(arestock).aenqueue(name)).id

    ids = await asyncio.gather(*(enqueue(f"c{number}") for number in range(5)))
    events = [event async for event in SignalEvent.objects.filter(sender="shop.Category")]
    await sync_to_async(connections.close_all)()
    assert sorted((name, task) for name, _, task, _ in as_tuples(events)) == [(f"c{n}", ids[n]) for n in range(5)]
    assert len({e.trace_id for e in events}) == 5


def test_an_end_that_never_came():
    """What a lost task left behind ends with the one around it; the end of an unknown task changes nothing."""
    current_frame.set(Frame(7, "shop.signals.other"))
    before = current_trace.get(), current_frame.get()
    tasks._begin("outer", "shop.outer", inline=False)
    assert current_frame.get() is None
    tasks._begin("lost", "shop.lost", inline=False)
    under_way = current_trace.get()
    tasks._end("nobody's")
    assert current_trace.get() is under_way
    tasks._end("outer")
    assert (current_trace.get(), current_frame.get()) == before
    tasks._end("lost")
    assert (current_trace.get(), current_frame.get()) == before
    current_frame.set(None)


def test_jobs_of_a_worker_command():
    """RQ, Dramatiq and Huey send no signals; with `context()` each job in their worker commands is a trace."""

    class Command(BaseCommand):
        __module__ = "somewhere.rqworker"

        def handle(self, *args, **options):
            for name in ("a", "b"):
                with signal_log.context(source="task", job=name):
                    restock(name)

    with recorded() as events:
        call_command(Command())
    assert [source for _, source, _, _ in as_tuples(events)] == ["task"] * 4
    assert len({e.trace_id for e in events}) == 2


def test_stop_and_start():
    """`stop` disconnects what `start` connected, and starting twice connects once."""

    def ours():
        return [len([r for r in signal._live_receivers(None) if r.__module__ == tasks.__name__]) for signal in both]

    both = task_prerun, task_postrun
    pipeline.start()
    pipeline.start()
    assert ours() == [1, 1]
    pipeline.stop()
    try:
        assert ours() == [0, 0]
    finally:
        pipeline.start()


@pytest.mark.parametrize("uses_it", [True, False])
def test_celery_is_not_imported_for_our_sake(uses_it):
    """Only a process that imported it before Django's setup, as a Celery worker does, listens to it."""
    program = f"""
import sys, django
{"import celery.signals" if uses_it else ""}
django.setup()
print([r.__module__ for r in sys.modules["celery.signals"].task_prerun._live_receivers(None)]
      if "celery" in sys.modules else "not imported")
"""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == (f"['{tasks.__name__}']" if uses_it else "not imported")
