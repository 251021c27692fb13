"""A redaction reaches receivers: the same id, that it was redacted, and none of the text."""

from __future__ import annotations

import json

import pytest

from signal_log import clock
from signal_log.event import HEADER_FIELDS, MASK
from signal_log.models import DeadLetter, SignalEvent
from signal_log.relay import letters
from signal_log.relay.message import Delivery
from tests.integration.redacting import REASON, life_of, run

pytestmark = pytest.mark.django_db
NAMES = ("quillon", "Zdenka", "Quillonov")


def redacted():
    """The ids of the events of which something was erased."""
    return {*SignalEvent.objects.filter(redacted_at__isnull=False).values_list("pk", flat=True)}


def test_what_was_sent_gets_a_tombstone(relayed):
    """It says which event it is about, by the header alone, and follows the event of the redaction."""
    user = life_of()
    sent = {*relayed()}
    assert any(name.encode() in message.body for message in relayed.receiver.got for name in NAMES)
    run("auth.User", user.key, "--no-vacuum", "--reason", REASON)
    before = len(relayed.receiver.got)
    relayed()
    tombstones = [message for message in relayed.receiver.got[before:] if message.is_tombstone]
    assert {message.id for message in tombstones} == redacted() & sent
    assert not any(name.encode() in message.body for message in relayed.receiver.got[before:] for name in NAMES)
    first = json.loads(tombstones[0].body)
    assert {*first} == {"uid", "redacted", "redacted_at", "id", *HEADER_FIELDS}
    assert (first["redacted"], first["uid"]) == (True, tombstones[0].uid)
    assert tombstones[0].delivery == f"{tombstones[0].uid}/redacted"


def test_what_was_not_sent_yet_comes_as_a_tombstone(relayed):
    """Nothing of a redacted event is sent later, whatever is left of it; filters that it cannot answer let it pass."""
    user = life_of()
    run("auth.User", user.key, "--no-vacuum", "--reason", REASON)
    relayed(filters="model:auth.User actor:nobody")
    assert {message.id for message in relayed.receiver.got} == {
        *SignalEvent.objects.filter(redacted_at__isnull=False, sender="auth.User").values_list("pk", flat=True)
    }
    assert all(message.is_tombstone for message in relayed.receiver.got)


@pytest.mark.parametrize("kind", ["cloudevents", "ocsf"])
def test_in_every_format(relayed, kind):
    """With the id of the event, and the word that it was redacted where that format has its place."""
    user = life_of()
    run("auth.User", user.key, "--no-vacuum", "--reason", REASON)
    relayed(format=kind)
    bodies = [json.loads(message.body) for message in relayed.receiver.got if message.is_tombstone]
    assert bodies
    for told in bodies:
        assert not any(name in json.dumps(told, ensure_ascii=False) for name in NAMES)
        if kind == "cloudevents":
            assert (told["type"], told["id"]) == ("signal_log.redacted", str(told["data"]["id"]))
            assert told["data"]["redacted"] is True
        else:
            assert told["metadata"]["uid"].rpartition("/")[2] == str(told["unmapped"]["id"])
            assert told["message"] == "The event was redacted."
            assert not {"user", "entity_result"} & {*told}


def test_a_dead_letter_of_a_redacted_event(relayed):
    """What is sent again is the tombstone; what the receiver said of the event may quote it, and goes."""
    user = life_of()
    said = "It answered 400.\nno such user: 7"
    relayed.receiver.answer = lambda batch: Delivery(refused=[(message, said) for message in batch])
    relayed(filters=f"object:auth.User/{user.key} signal:post_save")
    about_others = DeadLetter.objects.create(
        relay="siem", event=0, reason=f"It answered 400.\n{NAMES[0]}: 7", refused_at=clock.now()
    )
    run("auth.User", user.key, "--no-vacuum", "--reason", REASON)
    assert {letter.reason for letter in DeadLetter.objects.exclude(pk=about_others.pk)} == {"It answered 400."}
    about_others.refresh_from_db()
    assert about_others.reason == f"It answered 400.\n{MASK}: 7"
    about_others.delete()
    relayed.receiver.answer = lambda _: None
    letters.send_again(letters.of_relay("siem"))
    relayed(filters="model:nothing.Atall")
    assert relayed.receiver.got
    assert all(message.is_tombstone for message in relayed.receiver.got)
