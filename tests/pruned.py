"""Prunes a log for tests, as the command does: what is older than a moment, once it is sealed."""

from __future__ import annotations

from datetime import datetime

from signal_log.audit.pruning.prune import prune
from signal_log.audit.pruning.retention import Retention
from signal_log.models import SealTree
from signal_log.seal.grow import begin_tree, checkpoint, grow


def prune_before(moment: datetime) -> int:
    """Seal all events and remove those from before the moment; returns how many went."""
    tree = SealTree.objects.first() or begin_tree("here/log/1")
    while grow(tree, 2**62, 300):
        pass
    checkpoint(tree)
    return prune(Retention(moment), why="too old").events
