"""A legal hold keeps events until it is released; both are events with their actor."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Q

from signal_log import context
from signal_log.audit import hold
from signal_log.audit.holds_in_force import in_force
from signal_log.audit.redaction.redact import redact
from signal_log.audit.redaction.whom import find
from signal_log.audit.thing import thing
from signal_log.errors import RedactionError
from signal_log.event import MASK
from signal_log.maintenance import maintenance
from signal_log.models import SignalEvent
from tests.factories import make_event
from tests.integration.redacting import assert_all_verify

pytestmark = pytest.mark.django_db


def run(*args: str) -> str:
    """Return what the command prints."""
    out = StringIO()
    call_command("signal_hold", *args, stdout=out)
    return out.getvalue()


def alter(event: SignalEvent, **values: object) -> None:
    """Change a row as its table's owner can."""
    with maintenance(connection, "a test", why="a test"):
        SignalEvent.objects.filter(pk=event.pk).update(**values)


def test_a_hold_and_its_release_are_events():
    """With who, on what and why; the list shows those in force."""
    make_event(object_pk="77")
    assert run("auth.User", "77", "--reason", "file 12 of the court").startswith("Held: 1 event so far")
    assert run("--actor", "7", "--reason", "file 13").startswith("Held: ")
    assert "auth.User 77" in run("--list")
    assert "everything by 7" in run("--list")
    run("auth.user", "77", "--release", "--reason", "settled")
    assert "auth.User 77" not in run("--list")
    told = SignalEvent.objects.filter(sender="signal_log.SignalEvent").order_by("pk")
    assert [(event.signal, event.labels) for event in told] == [
        ("signal_log.held", {"reason": "file 12 of the court", "object": "auth.User/77"}),
        ("signal_log.held", {"reason": "file 13", "account": "7"}),
        ("signal_log.released", {"hold": told[0].pk, "reason": "settled", "object": "auth.User/77"}),
    ]
    assert all(event.actor_repr.startswith("os:") for event in told)
    assert [(one.pk, one.held_by_repr) for one in in_force()] == [(told[1].pk, told[1].actor_repr)]
    assert run("--release", "--number", str(told[1].pk)).startswith("Released: hold ")
    assert run("--list") == "No holds.\n"


def test_what_it_keeps():
    """The events about the row under any of its labels, or by the actor, and no others."""
    about, by, other = make_event(object_pk="77"), make_event(object_pk="1", actor_pk="77"), make_event(object_pk="1")
    on_row = hold.hold("court", thing=thing("auth.User", "77"))
    assert [hold.current().on(one) for one in (about, by, other)] == [on_row, None, None]
    on_actor = hold.hold("court", actor="77")
    assert [hold.current().on(one) for one in (about, by, other)] == [on_row, on_actor, None]
    found = SignalEvent.objects.filter(hold.events_held(on_row) | hold.events_held(on_actor) | Q(pk=0))
    assert set(found) == {about, by}
    hold.release(thing=thing("auth.User", "77"))
    assert hold.current().on(about) is None


def test_an_operation_is_kept_as_a_whole():
    """The first event of a creation has no key, and is kept with the second; others of the trace are not."""
    user = User.objects.create_user("mira")
    User.objects.create_user("other")
    pre, post = SignalEvent.objects.filter(sender="auth.User").order_by("pk")[:2]
    assert (pre.object_pk, post.object_pk, pre.operation) == ("", str(user.pk), post.operation)
    trace = post.trace_id
    own = {"trace_id": trace, "sender": "shop.Item"}
    by = [make_event(**own, operation=91, position=at, actor_pk=key) for at, key in ((91, "77"), (92, ""))]
    make_event(**own, operation=93, position=93, actor_pk="")
    on_row, on_actor = hold.hold("court", thing=thing("auth.User", str(user.pk))), hold.hold("court", actor="77")
    kept = {pre.pk: on_row, post.pk: on_row, by[0].pk: on_actor, by[1].pk: on_actor}
    found = list(SignalEvent.objects.all())
    assert hold.current().among(found) == {**kept, on_row.pk: on_row, on_actor.pk: on_actor}
    for held in (on_row, on_actor):
        counted = SignalEvent.objects.filter(hold.events_held(held))
        assert {event.pk for event in counted} == {number for number, one in kept.items() if one == held}
    assert hold.Holds(()).among(found) == {}


def test_the_actor_is_who_asked_for_it():
    """In a request it is the account that is logged in."""
    make_event(object_pk="77")
    user = User.objects.create_user("mira")
    with context(actor=user):
        held = hold.hold("court", thing=thing("auth.User", "77"))
    assert (held.held_by_pk, held.held_by_repr) == (str(user.pk), "mira")
    assert SignalEvent.objects.get(signal="signal_log.held").actor_pk == str(user.pk)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("auth.Usr", "77", "--reason", "court"), "There is no model 'auth.Usr'"),
        (("auth.User", "78", "--reason", "court"), "There is no auth.User with the key '78'"),
        (("auth.User", "77"), "A hold needs a reason"),
        (("auth.User", "77", "--reason", " \u200b."), "A hold needs a reason"),
        (("auth.User", "77", "--release"), "There is no hold on auth.User 77"),
        (("auth.User",), "Say what is meant"),
        (("auth.User", "77", "--actor", "7", "--reason", "x"), "Say what is meant"),
        ((), "Say what is meant"),
        (("--release", "--number", "99"), "There is no hold 99"),
        (("--actor", "no such", "--reason", "x"), "There is no account with the key 'no such'"),
        (("auth.User", "77", "--reason", "x" * 2001), "longer than 2,000"),
    ],
)
def test_bad_input(args, words):
    """One sentence, status 2, and nothing written."""
    make_event(object_pk="77")
    with pytest.raises(CommandError, match=words) as caught:
        run(*args)
    assert caught.value.returncode == 2
    assert not in_force()
    assert SignalEvent.objects.count() == 1


def test_a_second_hold_on_the_same_is_refused():
    """It would be released unnoticed with the first."""
    make_event(object_pk="77")
    run("auth.User", "77", "--reason", "court")
    with pytest.raises(CommandError, match=r"There already is hold \d+ on auth.User 77 \(court\)"):
        run("auth.User", "77", "--reason", "another court")


def test_an_altered_event_releases_nothing_and_holds_all():
    """Only what is as it was written counts: a release that was forged, and a hold that was made unreadable."""
    make_event(object_pk="77")
    held = hold.hold("court", thing=thing("auth.User", "77"))
    hold.hold("another", actor="7")
    hold.release("settled", actor="7")
    forged = SignalEvent.objects.get(signal="signal_log.released")
    alter(forged, labels={**forged.labels, "hold": held.pk})
    assert [one.reason for one in in_force()] == ["court", "another"]
    alter(SignalEvent.objects.get(pk=held.pk), labels={"reason": "court", "object": "auth.User/1"})
    with pytest.raises(RedactionError, match=rf"Event {held.pk} tells of a legal hold that nobody has released"):
        hold.current()
    hold.release("looked into", number=held.pk)
    assert [one.reason for one in hold.current()._held] == ["another"]


def test_one_that_released_is_erased_and_the_release_stays():
    """Its event keeps which hold it was, and no more of the person; a hold in force is kept with its event."""
    make_event(object_pk="5")
    user = User.objects.create_user("mira")
    with context(actor=user):
        over = hold.hold("a court", thing=thing("auth.User", "5"))
        hold.release("mira says so", thing=thing("auth.User", "5"))
        hold.hold("of mira's", thing=thing("auth.User", "5"))
    report = redact(find("auth.User", str(user.pk)), "request 12")
    assert [one.reason for one in in_force()] == ["of mira's"]
    assert sum(report.held.values()) == 1
    told = SignalEvent.objects.get(signal="signal_log.released")
    assert (told.actor_pk, told.actor_repr, told.labels["hold"], told.labels["reason"]) == ("", MASK, over.pk, MASK)
    assert_all_verify()
    redacted = SignalEvent.objects.get(pk=told.pk)
    alter(redacted, labels={**told.labels, "hold": in_force()[0].pk})
    assert len(in_force()) == 2
