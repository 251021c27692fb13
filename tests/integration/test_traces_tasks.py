"""Each Celery or ``django.tasks`` task is a trace of its own, unless it runs within a request."""

import asyncio
import json
import os
import subprocess
import sys
from contextvars import Context
from importlib import import_module
from importlib.util import find_spec
from types import SimpleNamespace

import celery
import pytest
from asgiref.sync import sync_to_async
from celery.contrib.testing.worker import start_worker
from celery.signals import before_task_publish, setup_logging, task_postrun, task_prerun
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, call_command
from django.db import OperationalError, connection, connections
from django.db.models.signals import post_save
from django.http import HttpResponse
from django.test import RequestFactory, modify_settings

import signal_log
from signal_log import pipeline
from signal_log.capture.middleware import SignalLogMiddleware
from signal_log.capture.trace import tasks
from signal_log.capture.trace.gathered import in_use
from signal_log.capture.trace.membership import running
from signal_log.capture.trace.session_token import read_token
from signal_log.capture.trace.trace import Frame, current_frame, current_trace
from signal_log.models import SignalEvent
from signal_log.telemetry import keeper, session_tasks
from signal_log.telemetry import recorded as sessions
from signal_log.telemetry import sessions as sessions_of_all
from tests.log import recorded
from tests.shop.models import Category
from tests.shop.tasks import arestock, restock

pytestmark = pytest.mark.django_db(transaction=True)

application = celery.Celery("shop", broker="memory://", backend="cache+memory://", set_as_current=False)
application.conf.broker_transport_options = {"polling_interval": 0.02}
celery_restock = application.task(restock, name="shop.restock")


@setup_logging.connect
def _leave_logging_alone(**_):
    """Or a worker sets the level of this process's root logger to ERROR, for all tests after it."""


class InCelery:
    """Celery, whose eager mode raises nothing."""

    name = "shop.restock"

    def run(self, name):
        """Run a task within this call, and return its id."""
        return celery_restock.apply((name,)).id

    def handle_later(self, *names):
        """Let a worker run tasks, and return their ids."""
        with start_worker(application, pool="solo", perform_ping_check=False, shutdown_timeout=30):
            results = [celery_restock.delay(name) for name in names]
            for result in results:
                result.get(timeout=30, propagate=False)
        return [result.id for result in results]


class InDjango:
    """``django.tasks``, or its backport for Django 5.2."""

    name = "tests.shop.tasks.restock"

    def __init__(self, module):
        self.library = import_module(module)
        self.base = import_module(f"{module}.base")
        self.signals = import_module(f"{module}.signals")
        self.backends = import_module(f"{module}.backends.base")

        class Later(self.backends.BaseTaskBackend):
            def enqueue(self, *_):
                raise NotImplementedError

        self.backend = Later

    def run(self, name, function=restock):
        return self.library.task()(function).enqueue(name).id

    def result(self, name):
        return self.base.TaskResult(
            task=self.library.task()(restock), id=f"id-of-{name}", args=[name], kwargs={}, backend="later",
            status=self.base.TaskResultStatus.RUNNING, errors=[], worker_ids=[],
            enqueued_at=None, started_at=None, last_attempted_at=None, finished_at=None,
        )  # fmt: skip

    def enqueue_later(self, name):
        """Tell of an enqueued task as the backends of databases and queues do."""
        self.signals.task_enqueued.send(self.backend, task_result=self.result(name))

    def handle_later(self, *names):
        """Run the tasks as the workers of database and queue backends do, some of which send the backend itself."""
        sender = object.__new__(self.backend)
        for name in names:
            result = self.result(name)
            self.signals.task_started.send(sender, task_result=result)
            try:
                result.task.call(name)
            except KeyError:
                pass
            finally:
                self.signals.task_finished.send(sender, task_result=result)
        return [f"id-of-{name}" for name in names]


LIBRARIES = ["celery", "django_tasks", *(["django.tasks"] if find_spec("django.tasks") else [])]


@pytest.fixture(params=LIBRARIES)
def library(request):
    """A task library as a host has installed it."""
    with modify_settings(INSTALLED_APPS={"append": "django_tasks"}):
        tasks.connect()
        yield InCelery() if request.param == "celery" else InDjango(request.param)
        tasks.disconnect()
    pipeline.stop()
    pipeline.start()


@pytest.mark.parametrize("library", ["celery"], indirect=True)
@pytest.mark.usefixtures("library")
def test_a_task_belongs_to_the_session_of_what_enqueued_it():
    """Celery's message carries it; the worker's other tasks are not recorded."""
    session = sessions.start("enqueued", "client")
    client = {"X-Signal-Session": sessions.token(session)}
    request = RequestFactory().get("/enqueue/", headers=client)
    with start_worker(application, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        answer = SignalLogMiddleware(lambda _: HttpResponse(celery_restock.delay("toys").get(timeout=30)))(request)
        celery_restock.delay("books").get(timeout=30)
        answer.close()
    keeper.write_kept(connect=True)
    assert list(sessions.caught(session).values_list("source", "operations")) == [("task", 2)]


def test_what_could_not_be_written_of_tasks_waits(monkeypatch):
    """For the next time that this process looks."""

    def busy(*_, **__):
        raise OperationalError("database is locked")

    connection.ensure_connection()
    session_tasks.waiting.clear()
    session_tasks.note("abc-1", [7, 8])
    monkeypatch.setattr(session_tasks, "_write", busy)
    with pytest.raises(OperationalError):
        session_tasks.write(connection, within=False)
    assert list(session_tasks.waiting) == [(7, "abc-1"), (8, "abc-1")]
    monkeypatch.undo()
    session_tasks.write(connection, within=False)
    assert not session_tasks.waiting


@pytest.fixture
def another_process():
    """Forget what this process knows of sessions, as a worker does that has not looked for them."""

    def forget():
        running.forget()
        session_tasks.waiting.clear()
        sessions_of_all.looks.next_at = float("-inf")

    forget()
    yield forget
    forget()
    in_use[0] = False


def enqueue_in_request(library, session, *names):
    """Enqueue tasks in a request that the session records."""

    def view(request):
        for name in names:
            library.enqueue_later(name)
        return HttpResponse()

    request = RequestFactory().get("/enqueue/", headers={"X-Signal-Session": sessions.token(session)})
    SignalLogMiddleware(view)(request).close()


@pytest.mark.parametrize("library", LIBRARIES[1:], indirect=True)
def test_a_django_task_belongs_to_the_session_of_what_enqueued_it(library, another_process):
    """Its message has no room for that, so the worker asks the database, before the task: statements are kept, too."""
    session = sessions.start("enqueued", "client")
    enqueue_in_request(library, session, "toys-2", "x' OR 1=1 --", "it")
    another_process()
    library.handle_later("toys", "toys-2", "books")  # the first one's id is the beginning of another
    keeper.write_kept(connect=True)
    (caught,) = sessions.caught(session)
    assert (caught.source, caught.operations) == ("task", 2)
    assert any("INSERT" in text for text in json.loads(caught.data)["texts"])
    sessions.stop(session)
    another_process()
    library.handle_later("it")
    assert sessions.caught(session).count() == 1
    assert not running.enqueuing


@pytest.mark.parametrize("library", LIBRARIES[1:2], indirect=True)
@pytest.mark.usefixtures("another_process")
def test_a_task_that_begins_too_early_finds_its_session_in_the_end(library):
    """A queue hands it on before the request that enqueued it has written; it is recorded without statements."""
    session = sessions.start("early", "client")

    def receiver(**_):
        if not running.enqueuing:
            Context().run(enqueue_in_request, library, session, "toys")

    post_save.connect(receiver, sender=Category)
    try:
        library.handle_later("toys")
    finally:
        post_save.disconnect(receiver, sender=Category)
    assert [caught.source for caught in sessions.caught(session)] == ["task"]


@pytest.mark.parametrize("library", LIBRARIES[1:2], indirect=True)
@pytest.mark.usefixtures("another_process")
def test_what_a_recorded_user_enqueues_is_recorded(library):
    """Whose request it is becomes known while it runs; others' tasks are not recorded."""
    ada = get_user_model().objects.create_user("ada")
    session = sessions.start("ada's", "user", target="ada")
    headers = {}

    def view(_):
        library.enqueue_later("toys")
        before_task_publish.send("shop.restock", headers=headers)
        return HttpResponse()

    request = RequestFactory().get("/")
    request.user = ada
    SignalLogMiddleware(view)(request).close()
    assert [read_token("task", token).session for token in headers.pop("signal_session")] == [session.pk]
    library.handle_later("toys", "books")
    keeper.write_kept(connect=True)
    assert [(caught.source, caught.operations) for caught in sessions.caught(session)] == [("task", 2)]
    request.user = get_user_model().objects.create_user("eve")
    SignalLogMiddleware(view)(request).close()
    assert headers == {}


@pytest.mark.parametrize("library", LIBRARIES[1:2], indirect=True)
def test_a_library_that_sends_something_else_breaks_no_task(library, caplog):
    """What we cannot read is logged."""
    result = library.result("toys")
    result.errors.append(SimpleNamespace(traceback="no class"))
    library.signals.task_finished.send(library.backend, task_result=result)
    assert "not told apart in the log: AttributeError" in caplog.text


@pytest.mark.parametrize("library", LIBRARIES[1:2], indirect=True)
@pytest.mark.usefixtures("another_process")
def test_nobody_asks_for_tasks_while_no_session_has_any(library, monkeypatch):
    """Unrecorded work pays for the look that every trace pays for, once a second."""
    asked = []
    monkeypatch.setattr(session_tasks, "select", lambda *given, **_: asked.append(given) or [])
    sessions.start("other", "client")
    SignalLogMiddleware(lambda _: library.enqueue_later("toys") or HttpResponse())(RequestFactory().get("/")).close()
    library.handle_later("toys")
    assert asked == []
    assert not session_tasks.waiting


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
