"""The tree in the database: it grows by the rows of the log, is the one of RFC 6962, and proves each event."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection, transaction

from signal_log import clock
from signal_log.event import Event
from signal_log.models import SealCheckpoint, SealTile, SealTree, SignalEvent
from signal_log.seal import merkle
from signal_log.seal.grow import OvertakenError, begin_tree, checkpoint, grow
from signal_log.seal.stored import hashes_of, inclusion, node, place_of
from signal_log.store.append import append

pytestmark = pytest.mark.django_db


def store(number: int) -> list[SignalEvent]:
    """Append events, and read the whole log, oldest first."""
    events = [
        Event("odd", "crew.Person", "default", str(uuid.uuid4()), 1, 1, "test", clock.now(), "host:1", salt=bytes(32))
        for _ in range(number)
    ]
    with transaction.atomic():
        append(events, connection)
    return list(SignalEvent.objects.order_by("pk"))


def grown(tree: SealTree, rows: int = 300) -> None:
    """Let it take in all rows, in steps."""
    while grow(tree, 2**62, rows):
        pass


def root(leaves: list[bytes]) -> bytes:
    """By the recursion of RFC 6962."""
    if len(leaves) < 2:
        return leaves[0] if leaves else merkle.EMPTY_ROOT
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return merkle.node_hash(root(leaves[:split]), root(leaves[split:]))


def test_it_is_the_tree_over_the_digests_in_order_of_id():
    """Whatever the steps, and where they end."""
    tree = begin_tree("here/log/1")
    for number in (3, 252, 1, 1, 700):
        events = store(number)
        grown(tree)
        leaves = [merkle.leaf_hash(bytes(event.digest)) for event in events]
        stored = SealTree.objects.get()
        assert (stored.size, bytes(stored.root)) == (len(events), root(leaves))
        assert merkle.root_of(len(events), node(stored)) == root(leaves)
        assert stored.last_id == events[-1].pk
        tiles = SealTile.objects.filter(level=0).order_by("index")
        assert [one for tile in tiles for one in hashes_of(tile.hashes)] == leaves
        assert [tile.last_id for tile in tiles] == [part[-1].pk for part in parted(events)]
        assert [tile.first_id for tile in tiles] == [part[0].pk for part in parted(events)]


def parted(events: list[SignalEvent]) -> list[list[SignalEvent]]:
    """As tiles have them."""
    return [events[at : at + 256] for at in range(0, len(events), 256)]


def test_each_event_has_its_proof():
    """Against the newest signed checkpoint, also after the tree has grown on."""
    tree = begin_tree("here/log/1")
    events = store(520)
    grown(tree)
    made = checkpoint(tree)
    assert made is not None
    assert made.size == 520
    assert checkpoint(tree) == made  # nothing is signed
    assert inclusion(events[0]) is None
    SealCheckpoint.objects.update(note="signed")
    assert checkpoint(tree) is None
    later = store(30)
    grown(tree)
    for index in (0, 255, 256, 511, 519):
        found = inclusion(events[index])
        assert found is not None
        assert found.place.leaf == index
        leaf = merkle.leaf_hash(bytes(events[index].digest))
        assert merkle.verify_inclusion(index, 520, leaf, found.proof, bytes(made.root))
    assert inclusion(later[-1]) is None
    assert place_of(later[-1]) == (tree, 549)
    events[3].digest = bytes(32)
    assert place_of(events[3]) is None


def test_a_generation_begins_with_what_was_known_of_the_one_before():
    """Its rows come after that leaf, and those of the old one are not leaves again."""
    before = store(5)
    old = begin_tree("here/log/1")
    grown(old)
    new = begin_tree("here/log/2", 2, after_id=old.last_id, previous=bytes(range(32)))
    events = store(2)[len(before) :]
    grown(new)
    leaves = [merkle.leaf_hash(one) for one in (bytes(range(32)), *(bytes(event.digest) for event in events))]
    assert (new.size, bytes(new.root)) == (3, root(leaves))
    assert [place_of(event) for event in (before[4], events[0])] == [(old, 4), (new, 1)]


def test_of_two_sealers_one_wins():
    """What the other computed is discarded, tiles and all; a stopped tree does not grow."""
    tree = begin_tree("here/log/1")
    other = SealTree.objects.get()
    store(3)
    grow(tree, 2**62, 2)
    tiles = list(SealTile.objects.values_list("level", "index", "hashes"))
    with pytest.raises(OvertakenError):
        grow(other, 2**62)
    with pytest.raises(OvertakenError):
        checkpoint(other)
    assert list(SealTile.objects.values_list("level", "index", "hashes")) == tiles
    SealTree.objects.update(state=SealTree.State.STOPPED)
    with pytest.raises(OvertakenError):
        grow(tree, 2**62)
