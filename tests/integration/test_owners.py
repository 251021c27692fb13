"""What somebody can do who owns the table, or the whole server, and what tells afterwards: docs/security.md."""

import pytest
from django.db import connection, transaction

from signal_log.models import SignalEvent
from signal_log.seal.canonical import event_digest
from signal_log.store.read import as_mapping
from signal_log.store.schema import idle_triggers
from tests.factories import make_event

pytestmark = pytest.mark.django_db

WAYS = {
    "sqlite": [["DROP TRIGGER signal_log_signalevent_no_update"]],
    "postgresql": [
        ["ALTER TABLE signal_log_signalevent DISABLE TRIGGER signal_log_signalevent_no_change"],
        ["DROP FUNCTION signal_log_signalevent_refuse() CASCADE"],
    ],
}


def keeps_its_digest(*statements):
    """Whether a row changed by the owner after these statements still has the digest that it should have."""
    event = make_event(object_repr="ada")
    with connection.cursor() as cursor:
        for statement in (*statements, "UPDATE signal_log_signalevent SET object_repr = 'someone else'"):
            cursor.execute(statement)
    event = SignalEvent.objects.get(pk=event.pk)
    assert event.object_repr == "someone else"
    return event_digest(as_mapping(event), bytes(event.salt)) == bytes(event.digest)


def test_an_owner_who_switches_the_triggers_off_is_told_by_digests_and_by_the_check():
    """The row changes, which nothing prevents; its digest is not its own any more, and the trigger is named."""
    for way in WAYS[connection.vendor]:
        with transaction.atomic():
            assert not keeps_its_digest(*way)
            assert idle_triggers(connection)
            transaction.set_rollback(True)


@pytest.mark.postgresql
def test_a_superuser_who_lets_a_session_pass_the_triggers_is_told_by_digests_alone():
    """`session_replication_role` leaves the triggers as they are; only a superuser may set it."""
    assert not keeps_its_digest("SET LOCAL session_replication_role = 'replica'")
    assert idle_triggers(connection) == []
