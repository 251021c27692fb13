"""Recorded sessions of what nobody opened a trace for: scripts, shells, threads, signals sent by hand."""

from __future__ import annotations

import json
from threading import Thread

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.db import connections
from django.db.models.signals import post_save

import signal_log
from signal_log.capture.trace.context import source_override
from signal_log.capture.trace.membership import running
from signal_log.models import DebugSession, SignalTrace
from signal_log.telemetry import keeper, recorded, sessions
from tests.integration.test_sessions import names
from tests.shop.models import Category

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_nothing_waits", "_nothing_runs")]


def work() -> None:
    """What a script may do, one trace each; the last one's thread ends before the process does."""
    Category.objects.create(name="saved")
    Category.objects.update(name="updated")
    post_save.send(Category, instance=Category.objects.get(), created=False)
    post_save.send_robust(Category, instance=Category.objects.get(), created=False)
    async_to_sync(post_save.asend)(Category, instance=Category.objects.get(), created=False)
    with connections["default"].cursor() as cursor:
        cursor.execute("UPDATE shop_category SET name = 'by hand'")
    token = source_override.set("shell")
    Category.objects.get().delete()
    source_override.reset(token)
    thread = Thread(target=in_thread)
    thread.start()
    thread.join()
    connections.close_all()
    keeper.write_last()


def in_thread() -> None:
    """A thread has a context of its own."""
    Category.objects.create(name="in a thread")
    connections.close_all()


WORK = [*["test"] * 6, "shell", "test"]


@pytest.fixture
def run() -> DebugSession:
    """A session as ``signal_session run`` starts it, in the process that it runs."""
    session = recorded.start("import", "command")
    running.process = (session.pk,)
    return session


def test_a_scripts_work_is_recorded(run):
    """Each operation is a trace, with its statements; nothing of it is lost when the process exits."""
    work()
    assert names(run) == WORK
    for caught in recorded.caught(run):
        kept = json.loads(caught.data)
        assert caught.events
        assert "operations" in kept
    assert any("INSERT" in text for text in json.loads(recorded.caught(run)[0].data)["texts"])


def test_a_process_that_has_not_heard_of_a_session_of_everything_looks():
    """At the end of its first operation, which belongs to it."""
    session = recorded.start("all", "everything")
    running.forget()
    work()
    assert names(session) == WORK


def test_blocks_of_the_programs_own_are_recorded(run):
    """``context`` and ``batch`` open a trace; a command's is one."""
    with signal_log.context(source="task"):
        Category.objects.create(name="toys")
    with signal_log.batch():
        Category.objects.create(name="books")
    call_command("createsuperuser", "--noinput", username="root", email="root@example.org")
    assert names(run) == ["task", "test", "command:createsuperuser"]


def test_without_a_session_lone_operations_leave_nothing():
    """They are looked at once a second at most, and no query counts."""
    looks = []
    original = sessions.look
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sessions, "look", lambda *args, **given: looks.append(1) or original(*args, **given))
        for number in range(20):
            Category.objects.create(name=str(number))
    assert len(looks) <= 2
    assert not SignalTrace.objects.exists()
