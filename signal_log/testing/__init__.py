"""For tests: what fired in a block, and assertions about it; nothing here imports Django before a capture begins."""

from signal_log.testing.capturing import SignalLog
from signal_log.testing.mixin import SignalLogMixin
from signal_log.testing.snapshots import Snapshots

__all__ = ["SignalLog", "SignalLogMixin", "Snapshots"]
