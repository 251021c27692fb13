"""Two sealers beside writers, one of which is killed again and again: then the tree is judged against the rows.

Run as a module: `python -m tests.torture.sealers SECONDS SEED KEY`, with the database in DATABASE_URL. A sealer ends
with SIGKILL at a random moment and another follows at once, twelve times in all; writers, too, come and go.
"""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import django

from tests.torture.writers import die_with, end, forked, new_writer, prepare

if TYPE_CHECKING:
    from signal_log.models import SealTree

KILLS: Final = 12
WRITERS: Final = 2
SEALERS: Final = 2
ROUNDS: Final = 3
PATIENCE: Final = 40


def seal(progress: Path) -> NoReturn:
    """Seal without a pause until the process is killed; what two sealers do to each other is not an error."""
    from django.db import DatabaseError, connections

    from signal_log.seal import elected
    from signal_log.seal.sealer import Sealer
    from signal_log.store.own_connection import dedicated_connection

    told = os.open(progress, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    connection = dedicated_connection("default", "sealer")
    if connection.vendor == "sqlite":
        connection.settings_dict["OPTIONS"]["timeout"] = 1
        elected.stand = lambda: True  # as where no file can be locked, which is the harder case
    sealer = Sealer()
    while True:
        try:
            done = sealer.round()
        except DatabaseError as error:
            if "locked" not in str(error):
                raise
            connections["default"].close()
            continue
        if done.outcome == "stopped" or done.problem:
            raise SystemExit(f"{done.outcome}: {done.problem}")
        if done.grown:
            os.write(told, b".")
        else:
            time.sleep(0.005)


def torture(seconds: float, dice: random.Random, progress: Path) -> None:
    """Keep both at work, and kill them one by one; one that ends by itself is an error.

    It takes longer where that is needed for a few rounds between two kills.
    """
    progress.touch()
    writers = [new_writer(dice) for _ in range(WRITERS)]
    sealers = [forked(lambda: seal(progress)) for _ in range(SEALERS)]
    deadline = time.monotonic() + seconds + PATIENCE
    for number in range(1, KILLS + 1):
        time.sleep(dice.uniform(0.5, 1.5) * seconds / KILLS)
        while progress.stat().st_size < ROUNDS * number and time.monotonic() < deadline:
            time.sleep(0.01)
        sealers.append(forked(lambda: seal(progress)))
        end(sealers.pop(dice.randrange(SEALERS)))
        writers.append(new_writer(dice))
        end(writers.pop(dice.randrange(WRITERS)))
    for process in (*writers, *sealers):
        end(process)


def judge() -> None:
    """The tree is the one over all rows in order of id, and every checkpoint is a beginning of it, signed."""
    from signal_log.models import SealCheckpoint, SealTile, SealTree, SignalEvent
    from signal_log.seal.merkle import leaf_hash
    from signal_log.seal.sealer import Sealer
    from signal_log.seal.stored import hashes_of

    sealer, deadline = Sealer(), time.monotonic() + 20
    done = sealer.round()
    while (done.outcome != "sealed" or done.grown) and time.monotonic() < deadline:
        time.sleep(0.05)  # a killed session's lock may have to be noticed first
        done = sealer.round()
    rows = list(SignalEvent.objects.order_by("pk").values_list("pk", "digest"))
    tree = SealTree.objects.get()
    tiles = list(SealTile.objects.filter(level=0).order_by("index"))
    assert [tile.index for tile in tiles] == list(range(len(tiles)))
    leaves = [one for tile in tiles for one in hashes_of(tile.hashes)]
    assert leaves == [leaf_hash(bytes(digest)) for _, digest in rows]
    assert (tree.size, tree.last_id, tree.state, tree.problem) == (len(rows), rows[-1][0], "growing", "")
    assert bytes(tree.root) == root(leaves)
    made = list(SealCheckpoint.objects.order_by("number"))
    assert [one.number for one in made] == list(range(1, len(made) + 1))
    assert made[-1].size == len(rows)
    must_continue(tree, made)
    print(f"{len(rows)} events, {len(made)} checkpoints")


def must_continue(tree: SealTree, made: list) -> None:
    """Each checkpoint is signed, and has grown from the one before."""
    from signal_log.seal.checkpoint import read_checkpoint
    from signal_log.seal.keys.signing import log_vkeys
    from signal_log.seal.merkle import EMPTY_ROOT, consistency_proof, verify_consistency
    from signal_log.seal.note import read_note, signed_by
    from signal_log.seal.stored import node

    old, old_root = 0, EMPTY_ROOT
    for one in made:
        note = read_note(one.note.encode())
        stated = read_checkpoint(note.text)
        assert signed_by(note, log_vkeys(tree.origin))
        assert (stated.origin, stated.size, stated.root) == (tree.origin, one.size, bytes(one.root))
        proof = consistency_proof(old, one.size, node(tree))
        assert verify_consistency(old, one.size, old_root, stated.root, proof), one
        old, old_root = one.size, stated.root


def root(leaves: list[bytes]) -> bytes:
    """By the recursion of RFC 6962."""
    from signal_log.seal.merkle import node_hash

    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(root(leaves[:split]), root(leaves[split:]))


def make_key(path: Path) -> None:
    """For all sealers."""
    from signal_log.seal.keys.key import new_signer, write_key
    from signal_log.seal.note import ED25519

    write_key(path, new_signer("log.example/1", ED25519))


def main() -> None:
    """Set Django up once, connect to nothing, and fork."""
    die_with(os.getppid())
    seconds, seed, key = sys.argv[1:]
    os.environ |= {"SEAL_KEYS": key, "SEAL_ORIGIN": "log.example"}
    django.setup()
    make_key(Path(key))
    import signal_log.seal.sealer  # noqa: F401  once for all sealers

    dice, progress = random.Random(int(seed)), Path(f"{key}.progress")
    for work in (prepare, lambda: torture(float(seconds), dice, progress), judge):
        _, status = os.waitpid(forked(work), 0)
        if status:
            raise SystemExit("It failed; see above.")


if __name__ == "__main__":
    main()
