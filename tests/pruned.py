"""Logs with old events for tests, sealed, and pruned as the command does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from signal_log.audit.pruning.prune import prune
from signal_log.audit.pruning.retention import Retention
from signal_log.models import SealCheckpoint, SealTree, SignalEvent
from signal_log.seal.grow import begin_tree, checkpoint, grow
from signal_log.store.append import append
from tests.factories import event_value

OLD = datetime(2026, 1, 1, tzinfo=UTC)


def store(number: int, **fields: Any) -> list[SignalEvent]:
    """Append so many events, a year old, and return them."""
    before = SignalEvent.objects.count()
    values = [event_value(**{"occurred_at": OLD, "object_pk": str(at), **fields}) for at in range(number)]
    with transaction.atomic():
        append(values, connection)
    return list(SignalEvent.objects.order_by("pk")[before:])


def seal(*, signed: bool = True) -> SealTree:
    """Let the tree take in all rows, with a checkpoint."""
    tree = SealTree.objects.first() or begin_tree("here/log/1")
    while grow(tree, 2**62, 300):
        pass
    checkpoint(tree)
    if signed:
        SealCheckpoint.objects.update(note="signed")
    return tree


def prune_before(moment: datetime) -> int:
    """Seal all events and remove those from before the moment; returns how many went."""
    seal(signed=False)
    return prune(Retention(moment), why="too old").events
