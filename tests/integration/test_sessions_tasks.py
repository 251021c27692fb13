"""Tasks that a recorded request enqueues are recorded with it."""

import json
from contextvars import Context

import pytest
from celery.contrib.testing.worker import start_worker
from celery.signals import before_task_publish
from django.contrib.auth import get_user_model
from django.db import OperationalError, connection
from django.db.models.signals import post_save
from django.http import HttpResponse
from django.test import RequestFactory

from signal_log.capture.middleware import SignalLogMiddleware
from signal_log.capture.trace.gathered import in_use
from signal_log.capture.trace.membership import running
from signal_log.capture.trace.session_token import read_token
from signal_log.telemetry import keeper, session_tasks
from signal_log.telemetry import recorded as sessions
from signal_log.telemetry import sessions as sessions_of_all
from tests.integration.task_libraries import LIBRARIES, application, celery_restock, installed
from tests.shop.models import Category

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=LIBRARIES)
def library(request):
    """A task library as a host has installed it."""
    with installed(request.param) as library:
        yield library


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
