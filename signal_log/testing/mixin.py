"""``self.signal_log`` for tests written with unittest, whichever program runs them."""

from __future__ import annotations

import inspect
import os
import shlex
from pathlib import Path
from typing import Final

from signal_log.testing.capturing import SignalLog
from signal_log.testing.snapshots import Snapshots

UPDATE: Final = "SIGNAL_LOG_UPDATE"
"""The variable that rewrites snapshots where pytest and its option do not run the tests."""


class SignalLogMixin:
    """Mix into a ``TestCase``: ``with self.signal_log.capture() as seen:``."""

    @property
    def signal_log(self) -> SignalLog:
        """What the fixture of the same name is in pytest."""
        name = getattr(self, "id", lambda: type(self).__qualname__)()
        node = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]
        accept = f"{UPDATE}=1 python manage.py test {name}"
        if node:
            accept = f"pytest --signal-log-update {shlex.quote(node)}"
        return SignalLog(Snapshots(Path(inspect.getfile(type(self))), accept, update=bool(os.environ.get(UPDATE))))
