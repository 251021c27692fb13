"""Has this log's checkpoints countersigned by the witnesses in ``WITNESSES``, and keeps what each of them said.

A witness that is down, slow or wrong is told in its ``SealWitness`` and asked again later; nothing stops for it. One
that has countersigned what this tree cannot have grown from is another matter: that is returned, for the sealer to
stop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

from signal_log.clock import now
from signal_log.conf import conf
from signal_log.errors import ProofError
from signal_log.models import SealCheckpoint, SealTree, SealWitness
from signal_log.seal.http_call import SECONDS
from signal_log.seal.note import Note, VerifierKey, read_note, signed_by
from signal_log.seal.witness.call import Newest, Witness, newest_from, witness
from signal_log.seal.witness.timestamping import authority_name, is_stamp_due, stamp
from signal_log.seal.witness.visit import Contradiction, Visit, contradiction, is_beginning

__all__ = ["Contradiction", "cosign", "cosigned_by", "has_quorum", "is_due", "newest_from", "states", "witnesses"]

REFRESH: Final = 300
"""A checkpoint that stays the newest is countersigned again after so many seconds, so that a stopped sealer shows."""
LATELY: Final = 3 * REFRESH
"""Within how many seconds a witness that is up has countersigned again."""
FIRST_WAIT: Final = 5
LONGEST_WAIT: Final = 300
"""After a failure a witness is left alone for so many seconds; twice as many with each further one."""
ROUNDS: Final = 3
"""How often a witness is asked at once, with a proof from the size that it named."""
AT_ONCE: Final = 8

T = TypeVar("T")

_log: Final = logging.getLogger("signal_log")
_failures: Final[dict[tuple[int, str], int]] = {}
"""How often in a row each witness failed for a tree, in this process."""


def witnesses() -> list[Witness]:
    """Those in ``WITNESSES``, without any that the system checks refuse."""
    found = []
    for entry in conf.WITNESSES:
        try:
            found.append(witness(str(entry["url"]), str(entry["vkey"])))
        except ProofError as error:
            _log.error("SIGNAL_LOG['WITNESSES']: %s", error)
    return found


def states(tree: SealTree) -> list[SealWitness]:
    """What each of today's witnesses last said of a tree; one that was never asked has a row without a key.

    Last comes what the authority in ``TIMESTAMPS`` said.
    """
    rows = _rows(tree)
    found = [rows.get(one.name) or _new_row(tree, one) for one in witnesses()]
    return [*found, *(rows[name] for name in [authority_name()] if name in rows)]


def cosigned_by(checkpoint: SealCheckpoint) -> list[Witness]:
    """The witnesses in ``WITNESSES`` whose countersignature, verified, the checkpoint carries."""
    known = witnesses()
    if not (checkpoint.note and known):
        return []
    note = read_note(checkpoint.note.encode())
    return [one for one in known if _is_cosigned(note, one.key)]


def has_quorum(checkpoint: SealCheckpoint) -> bool:
    """Whether as many different witnesses as ``WITNESS_QUORUM`` asks for have countersigned the checkpoint."""
    return len({one.key.public for one in cosigned_by(checkpoint)}) >= conf.WITNESS_QUORUM


def countersigned_lately(rows: Iterable[SealWitness]) -> int:
    """How many of today's witnesses have countersigned in the last minutes, by their own clocks."""
    since = now().timestamp() - LATELY
    last = {row.name: row.cosigned_at for row in rows}
    return len({one.key.public for one in witnesses() if last.get(one.name, 0) >= since})


def is_due(tree: SealTree, checkpoint: SealCheckpoint) -> bool:
    """Whether any witness is to be asked now: for this checkpoint, for a fresh time, or again after a failure.

    Or the authority in ``TIMESTAMPS``; or whether what is kept is of a witness that is not in the settings any more.
    """
    if not checkpoint.note:
        return False
    rows = _rows(tree)
    due = _due(tree, read_note(checkpoint.note.encode()), rows)
    return bool(due or _of_others(rows)) or is_stamp_due(tree, checkpoint)


def cosign(
    tree: SealTree, checkpoint: SealCheckpoint, keys: Iterable[VerifierKey] = (), *, seconds: float = SECONDS
) -> Contradiction | None:
    """Ask every witness that is due, side by side, and add what they sign to the checkpoint's note.

    ``keys`` are the log's own, by which a checkpoint is verified that a witness holds against this tree. If anything
    is returned, nothing must be signed any more. Takes at most ``seconds`` for each of a few rounds.
    """
    if not checkpoint.note:
        return None
    rows = _rows(tree)
    for row in _of_others(rows):
        row.delete(using=conf.DATABASE)
    note = read_note(checkpoint.note.encode())
    visits = waiting = [Visit(one, row, tree, note) for one, row in _due(tree, note, rows)]
    for _ in range(ROUNDS):
        calls = [visit.call(seconds) for visit in waiting]
        for visit, answered in zip(waiting, _at_once(calls), strict=True):
            visit.take(answered)
        waiting = [visit for visit in waiting if visit.again]
    log_keys = list(keys)
    for visit in visits:
        visit.conclude(log_keys, seconds)
        visit.keep(checkpoint)
        _count(visit)
    found = next((visit.contradiction for visit in visits if visit.contradiction), None)
    if found is None and is_stamp_due(tree, checkpoint):
        stamp(tree, checkpoint, seconds=seconds)
    return found


def shown_against(
    tree: SealTree, keys: Iterable[VerifierKey], waiting: int = 0, *, seconds: float = SECONDS
) -> Contradiction | None:
    """What a witness shows that this tree cannot have grown from, asked before anything is signed.

    ``waiting`` is how many events the tree may still take in. A witness that shows nothing, or does not answer, is no
    reason to wait; ``cosign`` tells of it.
    """
    log_keys = list(keys)
    known = witnesses()
    rows = _rows(tree) if known else {}
    calls = [partial(_shown, one, tree.origin, log_keys, seconds) for one in known]
    for one, shown in zip(known, _at_once(calls), strict=True):
        if shown is None or is_beginning(shown.checkpoint, tree):
            continue
        if tree.size < shown.checkpoint.size <= tree.size + waiting:
            continue
        row = rows.get(one.name)
        return contradiction(one, tree, row.size if row else 0, shown.checkpoint.size, shown)
    return None


def _shown(one: Witness, origin: str, keys: Sequence[VerifierKey], seconds: float) -> Newest | None:
    try:
        return newest_from(one.url, one.key, origin, keys, seconds=seconds)
    except ProofError:
        return None


def _rows(tree: SealTree) -> dict[str, SealWitness]:
    return {row.name: row for row in SealWitness.objects.filter(tree=tree)}


def _of_others(rows: dict[str, SealWitness]) -> list[SealWitness]:
    """What was said by those that nobody asks any more, and that would be shown for ever."""
    known = {one.name for one in witnesses()} | {authority_name()}
    return [row for name, row in rows.items() if name not in known]


def _due(tree: SealTree, note: Note, rows: dict[str, SealWitness]) -> list[tuple[Witness, SealWitness]]:
    moment = now()
    found = []
    for one in witnesses():
        row = rows.get(one.name)
        if row is None:
            found.append((one, _new_row(tree, one)))
        elif _has_waited(row.tried_at, moment, _wait(tree, one, _is_cosigned(note, one.key))):
            found.append((one, row))
    return found


def _new_row(tree: SealTree, one: Witness) -> SealWitness:
    return SealWitness(tree=tree, name=one.name, url=one.url, tried_at=now())


def _wait(tree: SealTree, one: Witness, is_cosigned: bool) -> float:
    """How many seconds there are between two calls."""
    failures = _failures.get((tree.pk, one.name), 0)
    if failures:
        return min(FIRST_WAIT * 2.0 ** min(failures - 1, 30), LONGEST_WAIT)
    return REFRESH if is_cosigned else 0


def _has_waited(since: datetime, moment: datetime, wait: float) -> bool:
    # A clock that was turned back must not put off a witness for hours.
    return not 0 <= (moment - since).total_seconds() < wait


def _is_cosigned(note: Note, key: VerifierKey) -> bool:
    try:
        return key in signed_by(note, [key])
    except ProofError:
        return False


def _count(visit: Visit) -> None:
    key = visit.tree.pk, visit.witness.name
    if visit.problem and not visit.contradiction:
        _failures[key] = _failures.get(key, 0) + 1
    else:
        _failures.pop(key, None)
    if visit.row.problem:
        _log.warning("The witness %s: %s", visit.witness.name, visit.row.problem)


def _at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make all calls side by side: one that hangs delays none of the others."""
    if len(calls) <= 1:
        return [call() for call in calls]
    with ThreadPoolExecutor(min(len(calls), AT_ONCE), thread_name_prefix="signal_log-witness") as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]
