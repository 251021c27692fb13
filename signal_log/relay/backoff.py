"""How long a relay waits before it tries again: longer each time, and never as long as another relay."""

from __future__ import annotations

import random
from typing import Final

FIRST: Final = 0.5
LONGEST: Final = 60.0
LONGEST_ASKED: Final = 3600.0
"""However long a receiver asks to be left alone."""


class Backoff:
    """The waits after failures that follow each other."""

    def __init__(self) -> None:
        self.failures = 0

    def next(self, asked: float = 0.0) -> float:
        """Seconds to wait after one more failure, at least as many as the receiver has asked for."""
        most = min(FIRST * 2 ** min(self.failures, 30), LONGEST)
        self.failures += 1
        return max(random.uniform(most / 2, most), min(asked, LONGEST_ASKED))  # noqa: S311  not a secret

    def over(self) -> None:
        """It went well."""
        self.failures = 0
