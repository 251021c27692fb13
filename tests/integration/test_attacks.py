"""What somebody who owns the log's tables can do to them, with the triggers off, is found and named."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from signal_log.models import SealCheckpoint, SealTile, SealTree, SealWitness, SignalEvent, Verification
from signal_log.seal.checkpoint import Checkpoint
from signal_log.seal.keys.key import new_signer
from signal_log.seal.merkle import HASH_BYTES, leaf_hash
from signal_log.seal.note import ED25519
from signal_log.seal.ranges import Ranges
from tests.factories import event_value
from tests.sealed import (
    ORIGIN,
    Sealed,
    seal_again,
    sealed_log,
    shown_by_a_witness,
    sql,
    unguarded,
)
from tests.settings import SIGNAL_LOG as PROJECT

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def shared(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[Sealed]:
    """One log for all of these; each test's changes are undone."""
    with django_db_blocker.unblock(), transaction.atomic():
        sealed = sealed_log(tmp_path_factory.mktemp("keys"))
        unguarded()
        with shown_by_a_witness(sealed):
            yield sealed
        transaction.set_rollback(True)


@pytest.fixture
def log(shared, settings) -> Sealed:
    """The log, as it is configured."""
    sealed = copy.copy(shared)
    shown = dict(shared.shown)
    settings.SIGNAL_LOG = {**PROJECT, **sealed.settings()}
    yield sealed
    shared.shown.clear()
    shared.shown.update(shown)


def verified(**options: Any) -> tuple[int, dict[str, Any]]:
    """The exit code, and what is said as JSON."""
    out = StringIO()
    code = 0
    try:
        call_command("signal_verify", json=True, stdout=out, **options)
    except SystemExit as ended:
        code = int(ended.code)
    return code, json.loads(out.getvalue())


def rewritten(log: Sealed, place: int) -> None:
    """Change a row, and its digest with it."""
    event = SignalEvent.objects.get(pk=log.ids[place])
    value = event_value(object_repr="mallory", trace_id=event.trace_id, salt=bytes(event.salt))
    values = {**value._asdict(), "trace_id": event.trace_id}
    SignalEvent.objects.filter(pk=event.pk).update(**values)


def set_leaf(place: int, digest: bytes) -> None:
    """Put another hash into the lowest tile."""
    tile = SealTile.objects.get(level=0, index=place // 256)
    at = place % 256 * HASH_BYTES
    hashes = bytes(tile.hashes)
    tile.hashes = hashes[:at] + leaf_hash(digest) + hashes[at + HASH_BYTES :]
    tile.save()


def swap(log: Sealed, one: int, other: int) -> None:
    """Exchange the ids of two rows."""
    first, second = log.ids[one], log.ids[other]
    for old, new in ((first, -1), (second, first), (-1, second)):
        sql("UPDATE {log} SET id = %s WHERE id = %s", new, old)


def copy_row(log: Sealed, place: int, number: int) -> None:
    """Insert a copy of a row under another id."""
    event = SignalEvent.objects.get(pk=log.ids[place])
    event.pk = number
    SignalEvent.objects.bulk_create([event])


def cut_tail(log: Sealed, number: int) -> None:
    """Remove the last events, and set tree and checkpoints back as if they had never been."""
    sql("DELETE FROM {log} WHERE id >= %s", log.ids[600 - number])
    tree = SealTree.objects.get()
    checkpoints = list(SealCheckpoint.objects.values())
    seal_again(log)
    kept = [one for one in checkpoints if one["size"] <= 600 - number]
    SealCheckpoint.objects.all().delete()
    now = SealTree.objects.get()
    SealCheckpoint.objects.bulk_create([SealCheckpoint(**{**one, "tree_id": now.pk}) for one in kept])
    assert now.size < tree.size


def fake_redaction(log: Sealed, place: int) -> None:
    """Erase a row's payload as a redaction does, keeping its hashes, without an event of it."""
    from hashlib import sha256

    from signal_log.seal.canonical import parts

    event = SignalEvent.objects.get(pk=log.ids[place])
    _, subject, payload = parts({field.attname: getattr(event, field.attname) for field in event._meta.concrete_fields})
    salt = bytes(event.salt)
    kept = sha256(salt[:16] + subject).digest() + sha256(salt[16:] + payload).digest()
    SignalEvent.objects.filter(pk=event.pk).update(
        object_repr="nobody", changes={}, salt=salt[:16] + bytes(16), kept_hashes=kept, redacted_at=event.occurred_at
    )


def sign_by_another(log: Sealed) -> None:
    """Rewrite a row and everything above it, and sign that with a key of one's own."""
    rewritten(log, 300)
    seal_again(log, signed_by=new_signer(ORIGIN, ED25519))


def edit(column: str, value: Any) -> Callable[[Sealed], None]:
    """Change one column of one row."""
    return lambda log: sql(f"UPDATE {{log}} SET {column} = %s WHERE id = %s", value, log.ids[300])  # noqa: S608


def delete(first: int, last: int) -> Callable[[Sealed], None]:
    """Delete rows."""
    return lambda log: sql("DELETE FROM {log} WHERE id BETWEEN %s AND %s", log.ids[first], log.ids[last])


def tiles(**wanted: Any) -> Any:
    """Some of the tiles."""
    return SealTile.objects.filter(**wanted)


def one_checkpoint(number: int) -> Any:
    """One of the checkpoints."""
    return SealCheckpoint.objects.filter(number=number)


def swap_up(log: Sealed) -> None:
    """Move the copy between two sealed rows: those above make room."""
    copied = log.ids[-1] + 5
    place = log.ids[300]
    sql("UPDATE {log} SET id = -id WHERE id >= %s", place)
    sql("UPDATE {log} SET id = 1 - id WHERE id < 0 AND id <> %s", -copied)
    sql("UPDATE {log} SET id = %s WHERE id = %s", place, -copied)


def spoil_cosignature(log: Sealed) -> None:
    """Put the signature of one checkpoint below another."""
    note = log.note(Checkpoint(ORIGIN, 400, bytes(one_checkpoint(2).get().root)), cosigned=False)
    other = log.note(Checkpoint(ORIGIN, 1, bytes(32)))
    one_checkpoint(2).update(note=note.signed(other.signatures[1]).encode().decode())


def keep_notes(log: Sealed) -> None:
    """Rewrite a row and the tree, and leave the checkpoints, which cannot be signed again."""
    checkpoints = list(SealCheckpoint.objects.values())
    rewritten(log, 300)
    seal_again(log)
    SealCheckpoint.objects.all().delete()
    tree = SealTree.objects.get()
    SealCheckpoint.objects.bulk_create([SealCheckpoint(**{**one, "tree_id": tree.pk}) for one in checkpoints])


ATTACKS: dict[str, tuple[Callable[[Sealed], Any], str, tuple[int, int] | None, tuple[int, int] | None]] = {
    # what is done: how, the kind of the finding, the places of its events, its indexes
    "text changed": (edit("object_repr", "eve"), "modified", (300, 300), (300, 300)),
    "values changed": (edit("changes", '{"is_staff": [true, false]}'), "modified", (300, 300), (300, 300)),
    "actor changed": (edit("actor_pk", "8"), "modified", (300, 300), (300, 300)),
    "time changed": (edit("occurred_at", "2020-01-01 00:00:00"), "modified", (300, 300), (300, 300)),
    "text of a value changed": (edit("labels", "null"), "modified", (300, 300), (300, 300)),
    "outcome changed": (edit("outcome", "rolled_back"), "modified", (300, 300), (300, 300)),
    "salt changed": (edit("salt", b"x" * 32), "modified", (300, 300), (300, 300)),
    "row and digest changed": (lambda log: rewritten(log, 300), "modified", (300, 300), (300, 300)),
    "digest changed": (edit("digest", b"x" * 32), "digest", (300, 300), None),
    "unsealed row changed": (
        lambda log: sql("UPDATE {log} SET path = '/' WHERE id = %s", log.ids[603]), "modified", (603, 603), None,
    ),
    "one deleted": (delete(300, 300), "missing", (300, 300), (300, 300)),
    "several deleted": (delete(250, 260), "missing", (250, 260), (250, 260)),
    "a tile's rows deleted": (delete(256, 511), "missing", (256, 511), (256, 511)),
    "head cut off": (delete(0, 9), "missing", (0, 9), (0, 9)),
    "tail's rows cut off": (delete(590, 604), "missing", (590, 599), (590, 599)),
    "one copied in": (lambda log: copy_row(log, 10, log.ids[-1] + 5) or swap_up(log), "inserted", None, None),
    "one with an id below all": (
        lambda log: sql("UPDATE {log} SET id = -3 WHERE id = %s", log.ids[604]), "inserted", None, None,
    ),
    "two exchanged in a tile": (lambda log: swap(log, 300, 301), "reordered", (300, 301), (300, 301)),
    "two exchanged far apart": (lambda log: swap(log, 10, 550), "reordered", None, None),
    "row and leaf changed": (
        lambda log: (rewritten(log, 300), set_leaf(300, bytes(SignalEvent.objects.get(pk=log.ids[300]).digest))),
        "tile", (256, 511), (256, 511),
    ),
    "row and leaf changed in the last tile": (
        lambda log: (rewritten(log, 520), set_leaf(520, bytes(SignalEvent.objects.get(pk=log.ids[520]).digest))),
        "rewritten", (512, 599), (512, 599),
    ),
    "leaf changed": (lambda log: set_leaf(300, b"x" * 32), "tile", None, (256, 511)),
    "tile of leaves deleted": (lambda log: tiles(level=0, index=1).delete(), "tile", (256, 511), (256, 511)),
    "last tile deleted": (lambda log: tiles(level=0, index=2).delete(), "tile", (512, 599), (512, 599)),
    "tile above deleted": (lambda log: tiles(level=1).delete(), "tile", None, None),
    "tile above changed": (lambda log: tiles(level=1).update(hashes=bytes(64)), "tile", (0, 511), (0, 511)),
    "tile above made longer": (lambda log: tiles(level=1).update(hashes=tiles(level=1).get().hashes + b"x"),
                               "tile", None, None),
    "tile names other rows": (
        lambda log: tiles(level=0, index=1).update(last_id=log.ids[500]), "tile", (501, 511), (501, 511),
    ),
    "tile names an id below its own": (
        lambda log: tiles(level=0, index=0).update(first_id=log.ids[0] - 1), "tile", (0, 0), (0, 0),
    ),
    "tile added": (
        lambda log: SealTile.objects.create(tree=SealTree.objects.get(), level=0, index=3, width=1, hashes=bytes(32)),
        "tree", None, None,
    ),
    "tree's root changed": (lambda log: SealTree.objects.update(root=bytes(32)), "tree", None, None),
    "tree set back alone": (lambda log: SealTree.objects.update(size=512), "rewound", None, None),
    "checkpoint deleted": (lambda log: one_checkpoint(2).delete(), "checkpoint", None, None),
    "checkpoint replaced": (lambda log: one_checkpoint(2).update(root=bytes(32)), "checkpoint", None, None),
    "checkpoint's note replaced": (
        lambda log: one_checkpoint(2).update(note=one_checkpoint(1).get().note), "checkpoint", None, None,
    ),
    "checkpoint's note altered": (
        lambda log: one_checkpoint(2).update(note=one_checkpoint(2).get().note.replace("\n400\n", "\n401\n")),
        "signature", None, None,
    ),
    "signature removed": (lambda log: one_checkpoint(2).update(note=""), "signature", None, None),
    "countersignature altered": (spoil_cosignature, "cosignature", None, None),
    "everything rewritten, not signed": (
        lambda log: (rewritten(log, 300), seal_again(log)), "fork", (0, 599), (0, 599),
    ),
    "everything rewritten, signed by another key": (sign_by_another, "signature", None, None),
    "everything rewritten, old notes kept": (keep_notes, "rewritten", (200, 399), (200, 399)),
    "tail cut off, tree and checkpoints too": (lambda log: cut_tail(log, 88), "rewound", None, None),
    "noted witness ahead": (
        lambda log: SealWitness.objects.create(
            tree=SealTree.objects.get(), name="w", url="http://w", size=700, tried_at=SealTree.objects.get().grown_at
        ), "rewound", None, None,
    ),
    "redaction faked": (lambda log: fake_redaction(log, 300), "redacted", (300, 300), None),
    "only marked as redacted": (edit("redacted_at", "2026-01-01 00:00:00"), "redacted", (300, 300), None),
    "tree thrown away": (lambda log: SealTree.objects.all().delete(), "rewound", None, None),
}  # fmt: skip


def test_an_untouched_log_is_intact(log):
    """Nothing is found, and that is said and kept."""
    out = StringIO()
    call_command("signal_verify", stdout=out)
    assert out.getvalue().splitlines()[-1] == "Intact: 600 events are exactly what was sealed."
    assert "The 5 newest events are not sealed yet" in out.getvalue()
    kept = Verification.objects.get()
    assert (kept.verdict, kept.size, kept.findings) == ("intact", 600, [])
    assert kept.ended_at is not None
    assert verified()[0] == 0


@pytest.mark.parametrize("attack", ATTACKS)
def test_it_is_found_and_named(log, attack):
    """With the exit code that says so, and the ids and indexes that it is about."""
    do, kind, events, indexes = ATTACKS[attack]
    do(log)
    code, told = verified()
    found = [one for one in told["findings"] if one["kind"] == kind]
    assert code == 1, told
    assert found, told["findings"]
    assert told["verdict"] == "tampered"
    if events is not None:
        assert str(Ranges([(log.ids[events[0]], log.ids[events[1]])])) in [one.get("events") for one in found], found
    if indexes is not None:
        assert f"g1:{Ranges([indexes])}" in [one.get("indexes") for one in found], found
    assert Verification.objects.get().verdict == "tampered"


@pytest.mark.parametrize("index", [0, 1, 2])
def test_an_altered_tile_accuses_neither_rows_nor_witnesses(log, index):
    """Rows, checkpoints, key and witness agree: it is the tile that was altered, whole or the last."""
    tile = tiles(level=0, index=index)
    tile.update(hashes=bytes(tile.get().width * HASH_BYTES))
    last = min(index * 256 + 255, 599)
    assert [(one["kind"], one["indexes"]) for one in verified()[1]["findings"]] == [
        ("tile", f"g1:{index * 256}-{last}")
    ]
    assert verified(shard=(2, 2))[1]["findings"] == []
