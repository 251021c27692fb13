"""A log that was put back or altered is not sealed on, and a tree that is not what was signed never signed."""

from __future__ import annotations

import pytest
from django.db import transaction

from signal_log.errors import ProofError
from signal_log.models import SealTile, SealTree
from signal_log.seal.keys.remembered import memory_path
from signal_log.seal.sealer import Sealer
from signal_log.store.row import TABLE
from tests.integration.sealer.log import by_owner, events, stopped

pytestmark = pytest.mark.django_db


def test_a_log_that_lost_its_newest_events_stops(key):
    """As after a restore of an older table: it is said how many are missing, and nothing is signed any more."""
    rows = events(700)
    Sealer().round()
    by_owner(f"DELETE FROM {TABLE} WHERE id > %s", rows[299].pk)  # noqa: S608
    assert stopped().startswith(
        f"The log was rewound: 400 sealed events are missing. The last was event {rows[-1].pk}; "
        f"the newest that is there is event {rows[299].pk}."
    )


def test_a_last_event_that_is_another_stops_it(key):
    """As after a restore when new events have taken the old ones' ids."""
    rows = events(4)
    Sealer().round()
    by_owner(f"UPDATE {TABLE} SET digest = %s WHERE id >= %s", bytes(32), rows[2].pk)  # noqa: S608
    assert stopped().startswith("The log was rewound, or rewritten: 2 sealed events are missing. Event")


def test_a_database_that_was_put_back_stops(key):
    """The key remembers what it signed last, also if the restored log has grown on since, or has lost its tree."""
    with pytest.raises(ProofError):
        with transaction.atomic():
            events(5)
            Sealer().round()
            raise ProofError
    events(2)
    problem = stopped()
    assert problem.startswith(
        "The log was rewound: 5 sealed events are missing of the 5 in the checkpoint that its key remembers."
    )
    with transaction.atomic():
        SealTree.objects.all().delete()
        events(7)
        assert stopped().startswith("The log was rewound, or rewritten: it did not grow from the 5 events in the")
        transaction.set_rollback(True)


def test_a_generation_that_is_missing_stops_it(key):
    """The key has signed a later one."""
    events(1)
    other = Sealer().round().checkpoint.note.replace("log.example/1\n", "log.example/3\n")
    memory_path(key, "log.example/1").write_text(other)
    SealTree.objects.all().delete()
    assert stopped().startswith("The log was rewound: its generation 3, of which its key has signed 1 events, is")


@pytest.mark.parametrize(
    ("tampering", "complaint"),
    [
        (lambda: SealTile.objects.filter(level=0).update(hashes=bytes(8192)), "300 sealed events are missing. Event"),
        (lambda: SealTile.objects.filter(index=1).delete(), "The tree was altered: its last tile is missing"),
        (lambda: SealTile.objects.filter(level=1).delete(), "The tree was altered: Tile 0 of level 1 has fewer hashes"),
        (lambda: SealTile.objects.filter(level=1).update(hashes=bytes(32)), "The tree was altered: its root is not"),
        (lambda: SealTree.objects.update(subtrees=bytes(128)), "The tree was altered: its root is not that of its"),
    ],
)
def test_a_tree_that_is_not_what_was_signed_is_never_signed(key, tampering, complaint):
    """Whatever of it was altered."""
    events(300)
    Sealer().round()
    tampering()
    events(1)
    assert complaint in stopped()


def test_a_tree_that_a_fixture_has_put_back_takes_in_what_it_lacks(key):
    """An older dump of the seal's tables, loaded beside the events."""
    events(3)
    Sealer().round()
    old = SealTree.objects.values().get()
    events(3)
    Sealer().round()
    SealTree.objects.update(**{name: old[name] for name in ("size", "root", "subtrees", "last_id")})
    events(1)
    assert Sealer().round().checkpoint.size == 7
