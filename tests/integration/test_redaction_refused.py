"""What a redaction refuses, and what it leaves as it is."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from signal_log.audit import hold
from signal_log.audit.holds_in_force import in_force
from signal_log.audit.redaction.whom import find
from signal_log.audit.thing import thing
from signal_log.event import MASK
from signal_log.models import (
    SignalEvent,
)
from tests.factories import make_event
from tests.integration.redacting import REASON, assert_all_verify, life_of, run

pytestmark = pytest.mark.django_db(transaction=True)


def test_bad_input_is_one_sentence_and_writes_nothing():
    """Unknown label or key, no reason, a reason that names them, a hold."""
    user = life_of()
    number = SignalEvent.objects.count()
    for args, words in {
        ("auth.Usr", user.key, "--reason", REASON): "There is no model 'auth.Usr'",
        ("auth.User", "no such", "--reason", REASON): "no auth.User with the key 'no such'",
        ("auth.User", "99999", "--reason", REASON): "no auth.User with the key '99999'",
        ("auth.User", user.key): "needs a reason",
        ("auth.User", user.key, "--reason", f"account no. {user.key}"): "names whom it is about",
        ("auth.User", user.key, "--reason", "QUILLON asked"): "names whom it is about",
    }.items():
        with pytest.raises(CommandError, match=words) as caught:
            run(*args)
        assert caught.value.returncode == 2
        assert str(caught.value).count("\n") == 0
    assert SignalEvent.objects.count() == number
    held = hold.hold("a court", thing=thing("auth.User", user.key))
    with pytest.raises(CommandError, match=rf"hold {held.pk} on auth.User {user.key} \(a court\)") as caught:
        run("auth.User", user.key, "--reason", REASON)
    assert caught.value.returncode == 2
    assert not SignalEvent.objects.exclude(redacted_at=None).exists()


def test_what_a_hold_on_another_keeps_is_said_and_kept():
    """Their doings on an object that is held stay, and the exit status says that something was left."""
    make_event(sender="shop.Item", object_pk="5", actor_pk="77", actor_repr="quillon")
    make_event(sender="shop.Item", object_pk="6", actor_pk="77", actor_repr="quillon")
    hold.hold("a court", thing=thing("shop.Item", "5"))
    out = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("signal_redact", "auth.User", "77", "--reason", REASON, "--no-vacuum", stdout=out)
    assert caught.value.returncode == 1
    assert "Kept: 1 event by hold" in out.getvalue()
    assert SignalEvent.objects.get(sender="shop.Item", object_pk="5").actor_repr == "quillon"
    assert not SignalEvent.objects.filter(object_pk="6").exists()
    assert_all_verify()


def test_a_tampered_row_is_evidence_and_stays():
    """It is not given hashes that would make it look right."""
    event = make_event(object_pk="77", object_repr="quillon")
    with connection.cursor() as cursor, pytest.MonkeyPatch.context():
        disable = (
            "ALTER TABLE signal_log_signalevent DISABLE TRIGGER USER"
            if connection.vendor == "postgresql"
            else "DROP TRIGGER signal_log_signalevent_no_update"
        )
        cursor.execute(disable)
        cursor.execute("UPDATE signal_log_signalevent SET path = '/forged/' WHERE id = %s", [event.pk])
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE signal_log_signalevent ENABLE TRIGGER USER")
        else:
            from signal_log.store.schema import SQLITE_TRIGGERS

            cursor.execute(SQLITE_TRIGGERS["signal_log_signalevent_no_update"])
    out = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("signal_redact", "auth.User", "77", "--reason", REASON, "--no-vacuum", stdout=out)
    assert caught.value.returncode == 1
    assert f"not what was sealed: 1 event ({event.pk})" in out.getvalue()
    assert SignalEvent.objects.get(pk=event.pk).object_repr == "quillon"


def test_another_with_the_same_name_keeps_it():
    """An account that has the name now is somebody else's; two who are redacted in turn leave one row in order."""
    make_event(object_pk="77", object_repr="quillon")
    make_event(object_pk="78", object_repr="quillon", actor_pk="78", actor_repr="quillon", changes={})
    both = make_event(
        sender="shop.Item", object_pk="1", actor_pk="5", changes={"by": ["quillon", "mira"]}, object_repr="x"
    )
    make_event(object_pk="79", object_repr="mira")
    run("auth.User", "77", "--reason", REASON, "--no-vacuum")
    other = SignalEvent.objects.get(object_pk="78")
    assert (other.object_repr, other.actor_repr, other.redacted_at) == ("quillon", "quillon", None)
    run("auth.User", "79", "--reason", REASON, "--no-vacuum")
    assert SignalEvent.objects.get(pk=both.pk).changes == {"by": [MASK, MASK]}
    assert_all_verify()


def test_a_released_hold_names_nobody_any_more():
    """A hold in force keeps its texts, and blocks; a released one is masked with the rest, its events too."""
    make_event(object_pk="77", object_repr="quillon")
    whom = thing("auth.User", "77")
    hold.hold("quillon v. us", thing=whom)
    hold.release("settled", thing=whom)
    run("auth.User", "77", "--reason", REASON, "--no-vacuum")
    assert not in_force()
    for event in SignalEvent.objects.filter(signal__in=["signal_log.held", "signal_log.released"]):
        assert event.labels["object"] == MASK
        assert "quillon" not in event.labels["reason"]
    assert_all_verify()


def test_names_are_only_those_that_name():
    """A number, the text of a class, or one of two names, would be found in everything."""
    make_event(object_pk="77", object_repr="42", changes={"first_name": ["Ada", None], "last_name": ["Lovelace", None]})
    make_event(object_pk="77", object_repr="User object (77)", changes={})
    whom = find("auth.User", "77")
    assert whom.shown == ("Ada Lovelace",)
    assert whom.unsought == ("Ada", "Lovelace")
    assert find("auth.User", "77", ["Lovelace"]).unsought == ("Ada",)
    assert find("auth.User", "77", ["given"], names=False).shown == ("given",)
