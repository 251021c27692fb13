"""What is to be said of a tree's signatures as a whole: none, others', those of former keys, none for too long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from signal_log import clock
from signal_log.amounts import counted_are
from signal_log.errors import ProofError
from signal_log.models import SealTree
from signal_log.seal.note import VerifierKey
from signal_log.seal.ranges import Ranges
from signal_log.seal.verify.checkpoints import Checkpoints
from signal_log.seal.verify.findings import SIGNATURE, Report

UNSIGNED_FOR: Final = timedelta(minutes=10)
"""After so long the newest checkpoint should have its signature, where there is a key."""

Signed = tuple[SealTree, Checkpoints, Sequence[VerifierKey]]
"""A generation, its checkpoints, and the keys that are named."""


def check_signatures(generations: Iterable[Signed], report: Report, *, given: bool) -> None:
    """Tell it, once every tree is known.

    Raises ``ProofError`` if keys were ``given`` to this run, and are not this log's.
    """
    generations = list(generations)
    is_signed = any(table.signed for _, table, _ in generations)
    for tree, table, keys in generations:
        if given and not is_signed and table.others:
            raise ProofError(
                f"None of the checkpoints of {tree.origin} is signed by the key given ({_ids(keys)}); is it this log's?"
            )
        _check(tree, table, keys, report)


def _check(tree: SealTree, table: Checkpoints, keys: Sequence[VerifierKey], report: Report) -> None:
    if not keys:
        report.limits.append(
            f"The checkpoints of {tree.origin} are not signed with a key that is known here, so whoever may write the "
            "database could have rewritten log and tree together."
        )
        return
    _tell_retired(tree, table, report)
    if not (table.signed or table.others or table.retired):
        report.unchecked.append(
            f"No checkpoint of {tree.origin} has a signature, though a key is named ({_ids(keys)})."
        )
        return
    if table.others and not (table.signed or table.retired):
        report.find(
            SIGNATURE, f"None of the {table.number:,} checkpoints is signed by a key of this log ({_ids(keys)})."
        )
        return
    if table.others:
        report.find(
            SIGNATURE,
            f"Checkpoints are signed by keys that are not known here, such as {next(iter(table.others.values()))}: if "
            "this log has had another key, name it too.", checkpoints=Ranges.of(table.others),
        )  # fmt: skip
    since = table.unsigned_since
    if since is not None and clock.now() - since > UNSIGNED_FOR:
        report.unchecked.append(f"The newest checkpoint, of {since:%Y-%m-%d %H:%M} UTC, has no signature.")
    if table.signed_size < tree.size:
        report.notes.append(
            f"{counted_are(tree.size - table.signed_size, 'sealed event')} in no signed checkpoint of {tree.origin} "
            "yet." if table.signed else f"No checkpoint of {tree.origin} is signed by a key that is named."
        )  # fmt: skip


def _tell_retired(tree: SealTree, table: Checkpoints, report: Report) -> None:
    for key, numbers in table.retired.items():
        which = f"checkpoint {numbers} is" if numbers.count == 1 else f"checkpoints {numbers} are"
        report.unchecked.append(
            f"Of {tree.origin}, {which} signed by a key that SEAL_KEYS no longer names, {key.was} on {key.at:%Y-%m-%d} "
            f"as event {key.event} tells. If you know of that, add its file or verifier key to SEAL_KEYS: "
            f"{key.under(tree.origin)}"
        )


def _ids(keys: Sequence[VerifierKey]) -> str:
    return ", ".join(key.key_id.hex() for key in keys)
