"""The tree as a directory: what a tlog-tiles reader finds there is the tree that the checkpoint signs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from signal_log.errors import ProofError
from signal_log.models import SealCheckpoint, SealTile, SealTree, SignalEvent
from signal_log.seal import merkle
from signal_log.seal.checkpoint import Checkpoint, read_checkpoint
from signal_log.seal.grow import begin_tree, checkpoint, grow
from signal_log.seal.note import Note, Signature, read_note
from signal_log.seal.publish import publish
from signal_log.seal.published import content_of
from signal_log.seal.tiles import WIDTH, Tile, bundle_path, entries_in, hashes_in, node_in
from tests.integration.test_tree_in_database import store

pytestmark = pytest.mark.django_db


@pytest.fixture
def tree() -> SealTree:
    """Before anything was sealed."""
    return begin_tree("here/log/1")


@pytest.fixture
def sealed(tree: SealTree) -> Callable[[int], list[SignalEvent]]:
    """Let the log grow by so many events, and state that in a signed checkpoint."""

    def seal(number: int) -> list[SignalEvent]:
        events = store(number)
        while grow(tree, 2**62):
            pass
        made = checkpoint(tree)
        assert made is not None
        text = Checkpoint(tree.origin, made.size, bytes(made.root)).text
        made.note = Note(text, (Signature("here/log/1", b"abcd", b"x" * 64),)).encode().decode()
        made.save()
        return events

    return seal


def read_whole(directory: Path) -> tuple[Checkpoint, list[bytes]]:
    """As a reader does: the checkpoint, then the tiles and bundles that a tree of its size has."""
    stated = read_checkpoint(read_note((directory / "checkpoint").read_bytes()).text)

    def hashes(level: int, index: int) -> list[bytes]:
        width = min(WIDTH, (stated.size >> 8 * level) - index * WIDTH)
        return hashes_in((directory / Tile(level, index, width).path).read_bytes())

    assert merkle.root_of(stated.size, node_in(hashes)) == stated.root
    entries = []
    for first in range(0, stated.size, WIDTH):
        width = min(WIDTH, stated.size - first)
        entries += entries_in((directory / bundle_path(first // WIDTH, width)).read_bytes())
        leaves = [merkle.leaf_hash(entry) for entry in entries[first:]]
        assert leaves == hashes(0, first // WIDTH)
    return stated, entries


def test_a_directory_holds_the_tree_and_grows_with_it(tree, sealed, tmp_path):
    """From any size to any other; partial tiles go once there is the full one."""
    for number in (3, 250, 3, 1, 600):
        events = sealed(number)
        assert publish(tree, tmp_path) > 0
        stated, entries = read_whole(tmp_path)
        assert stated.size == len(events)
        assert entries == [bytes(event.digest) for event in events]
        assert publish(tree, tmp_path) == 0
    assert not list(tmp_path.glob("tile/**/000.p/2*"))
    assert {path.name for path in tmp_path.glob("tile/0/*")} == {"000", "001", "002", "003.p"}
    assert not list(tmp_path.rglob(".*"))


def test_what_is_served_is_what_is_written(tree, sealed, tmp_path):
    """Every file, and partial tiles of the time when the tree was smaller."""
    sealed(300)
    publish(tree, tmp_path)
    for file in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert content_of(tree, str(file.relative_to(tmp_path))) == file.read_bytes()
    whole = content_of(tree, "tile/0/000")
    assert whole is not None
    assert content_of(tree, "tile/0/000.p/7") == whole[: 7 * 32]
    for path in ("tile/0/001", "tile/0/002.p/1", "tile/9/000", "tile/entries/001.p/45", "checkpoints", "", "../x"):
        assert content_of(tree, path) is None


def test_entries_of_pruned_events_stay_as_they_were(tree, sealed, tmp_path):
    """The bundle is served no more, but is not taken away from those who have it; hashes stay."""
    sealed(300)
    publish(tree, tmp_path)
    first = tmp_path / "tile/entries/000"
    held = first.read_bytes()
    SealTile.objects.filter(level=0, index=0).update(first_id=2**40)  # as if their rows were gone
    assert content_of(tree, "tile/entries/000") is None
    assert content_of(tree, "tile/0/000") is not None
    sealed(10)
    publish(tree, tmp_path)
    assert first.read_bytes() == held


@pytest.mark.parametrize("damage", ["digest", "tile", "unsigned", "rewound", "forked", "foreign", "not a checkpoint"])
def test_refused_with_nothing_written(tree, sealed, tmp_path, damage):
    """One sentence each."""
    sealed(20)
    if damage == "unsigned":
        SealCheckpoint.objects.update(note="")
    else:
        publish(tree, tmp_path)
        sealed(20)
    checkpoint_file = tmp_path / "checkpoint"
    if damage == "digest":
        SealTile.objects.filter(level=0).update(hashes=b"".join(bytes([n]) * 32 for n in range(40)))
    elif damage == "tile":
        SealTile.objects.all().delete()
    elif damage == "rewound":
        last = SealCheckpoint.objects.latest("number")
        checkpoint_file.write_text(last.note.replace("\n40\n", "\n41\n"))
    elif damage == "forked":
        SealCheckpoint.objects.filter(number=2).update(root=bytes(32))
    elif damage == "foreign":
        checkpoint_file.write_text(checkpoint_file.read_text().replace("here/log/1\n", "there/log/1\n", 1))
    elif damage == "not a checkpoint":
        checkpoint_file.write_text("hello")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises((ProofError, ValueError)) as refused:
        publish(tree, tmp_path)
    assert "\n" not in str(refused.value)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_it_is_served_to_those_who_may_see_events(tree, sealed, client, admin_client):
    """The newest generation, and each by its number; a sentence where there is nothing."""
    assert client.get("/seals/log/checkpoint").status_code == 302
    assert b"no key" in admin_client.get("/seals/log/checkpoint").content
    sealed(300)
    answer = admin_client.get("/seals/log/checkpoint")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert answer.content == content_of(tree, "checkpoint")
    for path in ("tile/0/000", "tile/entries/001.p/44", "tile/1/000.p/1"):
        for address in (f"/seals/log/{path}", f"/seals/log/1/{path}"):
            answer = admin_client.get(address)
            assert (answer.status_code, answer["Content-Type"]) == (200, "application/octet-stream")
            assert answer.content == content_of(tree, path)
    for path in ("tile/0/009", "2/checkpoint", "x", "0/checkpoint", "99999999999999999999/checkpoint"):
        assert admin_client.get(f"/seals/log/{path}").status_code == 404
    SealTile.objects.update(hashes=bytes(256 * 32))
    answer = admin_client.get("/seals/log/tile/entries/000")
    assert answer.status_code == 500
    assert b"signal_verify" in answer.content
