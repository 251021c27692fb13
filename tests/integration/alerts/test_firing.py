"""Alerts fire once, whichever process sees it, and are events."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.db import connections, transaction
from django.test import override_settings

from signal_log import clock
from signal_log.audit.alerts import watch
from signal_log.audit.alerts.rule import SEALING_STOPPED, VERIFY_FAILED
from signal_log.audit.own_events import ALERTED
from signal_log.capture.transaction import held
from signal_log.checks.alerts import check_alerts
from signal_log.errors import LogUnavailable
from signal_log.models import AlertState, SealTree, SealWitness, SignalEvent, Verification
from signal_log.show.words.sealing import alarm
from tests.integration.alerts.process import STAFF, Process, fired, make_staff
from tests.settings import SIGNAL_LOG

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_happened_before_the_alert_existed_does_not_fire_it(start: Callable[..., Process]) -> None:
    """A new alert begins at the newest event; then it fires with an event and a mail, once for one operation."""
    make_staff("before")
    process = start(STAFF)
    assert fired() == []
    user = make_staff("ada")
    process.step()
    (labels,) = fired()
    event = SignalEvent.objects.get(signal="post_save", sender="auth.User", object_pk=user.pk, created=False)
    assert labels == {
        "name": "staff", "count": 1, "query": STAFF["query"], "seconds": 60, "first_event": event.pk,
        "last_event": event.pk, "to": ["root@example.org"],
    }  # fmt: skip
    (told,) = mail.outbox
    assert told.to == ["root@example.org"]
    assert told.subject == "[signal_log] staff: 1 event"
    assert f"see: /events/?{STAFF['query']}&after={event.pk - 1}\n" in told.body
    assert SignalEvent.objects.get(signal=ALERTED).source == "alerts"


def test_several_processes_and_a_restart_fire_once(start: Callable[..., Process]) -> None:
    """Compare-and-swap in the table: whoever comes second finds that it has fired."""
    processes = [start(STAFF), start(), start()]
    make_staff("ada")
    barrier = threading.Barrier(3)

    def look(process: Process) -> None:
        barrier.wait()
        process.step()

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(look, processes))
    for process in [*processes, start()]:
        process.step()
    assert len(fired()) == len(mail.outbox) == 1


def test_none_storms(start: Callable[..., Process], later: Callable[[float], None]) -> None:
    """One firing in its time, then one for all that came meanwhile, in whichever process."""
    process, other = start(STAFF), start()
    for name in "abc":
        make_staff(name)
        process.step()
        other.step()
    assert [labels["count"] for labels in fired()] == [1]
    later(61)
    for each in (other, process, start()):
        each.step()
    assert [labels["count"] for labels in fired()] == [1, 2]
    later(61)
    for each in (other, process, start()):
        each.step()
    assert len(fired()) == 2


def test_so_many_within_the_time(start: Callable[..., Process]) -> None:
    """Twenty deletions a minute: nineteen do not fire it, and what was counted before a restart is not lost."""
    many = {"name": "many", "query": "signal=post_delete&sender=auth.User", "count": 4, "seconds": 60, "to": "a@b.org"}
    people = [User.objects.create(username=f"user{n}") for n in range(4)]
    process = start(many)
    for user in people[:3]:
        user.delete()
    process.step()
    assert fired() == []
    AlertState.objects.update(last_id=AlertState.objects.get().last_id - 10)  # a process that died before it wrote
    people[3].delete()
    start().step()
    (labels,) = fired()
    assert labels["count"] == 4


def test_what_happens_while_no_server_runs_fires_when_one_does(start: Callable[..., Process]) -> None:
    """The table remembers how far was looked."""
    process = start(STAFF)
    make_staff("ada")
    process.step()
    later_on = make_staff("grace")
    AlertState.objects.update(fired_at=None)  # long ago
    start().step()
    assert [labels["count"] for labels in fired()] == [1, 1]
    assert fired()[1]["last_event"] >= SignalEvent.objects.filter(object_pk=later_on.pk).latest("pk").pk


@pytest.mark.postgresql
def test_an_event_that_is_committed_late_fires(
    start: Callable[..., Process], later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its id is below one that has fired: it is not taken for one of those, in no process."""
    monkeypatch.setattr(held, "MAX_UNWRITTEN", 1)  # events are written as they come, before the COMMIT
    process, other = start(STAFF), start()
    opened, goes_on = threading.Event(), threading.Event()

    def write() -> None:
        try:
            with transaction.atomic():
                make_staff("late")
                opened.set()
                goes_on.wait(60)
        finally:
            connections.close_all()

    thread = threading.Thread(target=write)
    thread.start()
    assert opened.wait(60)
    make_staff("early")
    process.step()
    other.step()
    assert len(fired()) == 1
    goes_on.set()
    thread.join()
    later(61)
    for each in (other, process):
        each.step()
    first, second = fired()
    assert second["last_event"] < first["first_event"]


def test_the_log_itself(start: Callable[..., Process], later: Callable[[float], None]) -> None:
    """A verification that fails or cannot be done; sealing that has stopped, again every hour while it lasts."""
    Verification.objects.create(verdict="tampered", ended_at=clock.now(), begun_at=clock.now())
    process = start(
        {"name": "verify", "query": VERIFY_FAILED, "to": "a@b.org"},
        {"name": "seal", "query": SEALING_STOPPED, "to": "a@b.org"},
    )
    Verification.objects.create(verdict="intact", ended_at=clock.now(), begun_at=clock.now())
    tree = SealTree.objects.create(
        generation=1, origin="here/1", root=b"", begun_at=clock.now(), grown_at=clock.now(), state="growing"
    )
    process.step()
    assert fired() == []
    number = Verification.objects.create(verdict="tampered", ended_at=clock.now(), begun_at=clock.now()).pk
    SealTree.objects.filter(pk=tree.pk).update(state="stopped", problem="The log was rewound.")
    for each in (process, start(), process):
        each.step()
    assert {labels["name"]: labels["detail"] for labels in fired()} == {
        "verify": f"Verification {number} of the log: tampered with.",
        "seal": "The log was rewound.",
    }
    later(3601)
    process.step()
    assert [labels["name"] for labels in fired()][2:] == ["seal"]
    assert "see: /seals/" in mail.outbox[0].body


def test_signing_that_stops_and_a_witness_that_forgot(
    start: Callable[..., Process], later: Callable[[float], None], settings: Any
) -> None:
    """A signer that is started anew is away for a moment; one that is gone for a minute is told of, as is a witness."""
    now = clock.now()
    tree = SealTree.objects.create(generation=1, origin="here/1", root=b"", begun_at=now, grown_at=now)
    row = SealWitness.objects.create(tree=tree, name="w.example", url="https://w.example/", tried_at=now)
    process = start(
        {"name": "seal", "query": SEALING_STOPPED, "to": "a@b.org"},
        {"name": "forgot", "query": "witness=forgot", "to": "a@b.org"},
    )
    settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "SEAL_KEYS": ["unix:/nowhere"]}
    SealTree.objects.update(problem="The signer does not answer.")
    process.step()
    later(30)
    process.step()
    assert alarm().endswith("can rewrite them. The signer does not answer.")
    assert fired() == []
    later(31)
    SealWitness.objects.filter(pk=row.pk).update(forgot_at=1_796_000_000, forgot_size=1)
    for each in (process, start(), process):
        each.step()
    details = {labels["name"]: labels["detail"] for labels in fired()}
    assert details["seal"].endswith("can rewrite them. The signer does not answer.")
    assert "w.example: On 2026-11-30" in details["forgot"]
    SealTree.objects.update(problem="")
    later(3601)
    process.step()
    assert len(fired()) == 2


def test_a_worse_verdict_does_not_wait(start: Callable[..., Process], later: Callable[[float], None]) -> None:
    """That the log could not be checked never hides that it was tampered with, whichever came first."""
    process = start({"name": "verify", "query": VERIFY_FAILED, "to": "a@b.org"})
    numbers = []
    for verdict in ("unchecked", "unchecked", "tampered", "unchecked", "tampered"):
        row = Verification.objects.create(verdict=verdict, ended_at=clock.now(), begun_at=clock.now())
        numbers.append(row.pk)
        later(6)
        for each in (process, start()):
            each.step()
    said = [f"Verification {numbers[at]} of the log:" for at in (0, 2)]
    assert [labels["detail"].rpartition(":")[0] + ":" for labels in fired()] == said
    later(3601)
    process.step()
    assert fired()[-1]["detail"] == f"Verification {numbers[4]} of the log: tampered with."


def test_a_database_that_is_gone_is_waited_for(
    start: Callable[..., Process], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is raised, one line is logged, and what came meanwhile fires."""
    process = start(STAFF)

    def gone(*_: Any) -> None:
        raise LogUnavailable("the server closed the connection")

    with monkeypatch.context() as patched:
        patched.setattr(watch.Tail, "advance", gone)
        process.step()
        process.step()
    assert caplog.text.count("Alerts wait for the log's database") == 1
    make_staff("ada")
    process.step()
    assert len(fired()) == 1


def test_a_wrong_alert_is_a_check_error() -> None:
    """With its number and what is accepted."""
    wrong = [{**STAFF, "query": "colour=red"}, {**STAFF, "name": "other", "count": None}]
    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, "ALERTS": wrong}):
        found = check_alerts()
    assert [message.id for message in found] == ["signal_log.E021"] * 2
    assert "number 1: 'query' has an unknown filter 'colour'" in found[0].msg
    assert "sealing=stopped" in found[0].hint
