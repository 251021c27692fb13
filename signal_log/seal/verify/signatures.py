"""What is to be said of a tree's signatures as a whole: none, others', or none for too long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from signal_log import clock
from signal_log.errors import ProofError
from signal_log.models import SealTree
from signal_log.seal.note import VerifierKey
from signal_log.seal.ranges import Ranges
from signal_log.seal.verify.checkpoints import Checkpoints
from signal_log.seal.verify.findings import SIGNATURE, Report

UNSIGNED_FOR: Final = timedelta(minutes=10)
"""After so long the newest checkpoint should have its signature, where there is a key."""


def check_signatures(
    tree: SealTree, table: Checkpoints, keys: Sequence[VerifierKey], report: Report, *, given: bool
) -> None:
    """Tell it; raises ``ProofError`` for keys that were ``given`` to this run, and are not this log's."""
    if not keys:
        report.limits.append(
            f"The checkpoints of {tree.origin} are not signed with a key that is known here, so whoever may write the "
            "database could have rewritten log and tree together."
        )
        return
    ids = ", ".join(key.key_id.hex() for key in keys)
    if not table.signed:
        if given and table.others:
            raise ProofError(
                f"None of the checkpoints of {tree.origin} is signed by the key given ({ids}); is it this log's?"
            )
        if table.others:
            report.find(SIGNATURE, f"None of the {table.number:,} checkpoints is signed by a key of this log ({ids}).")
        else:
            report.unchecked.append(f"No checkpoint of {tree.origin} has a signature, though a key is named ({ids}).")
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
            f"{tree.size - table.signed_size:,} sealed events are in no signed checkpoint of {tree.origin} yet."
        )
