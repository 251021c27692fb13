"""How the app's commands end: the exit codes they share, and one sentence instead of a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.core.management.base import CommandError
from django.db import Error

from signal_log.errors import SignalLogError
from signal_log.store.tables import not_migrated

INCOMPLETE: Final = 1
REFUSED: Final = 2
INTERRUPTED: Final = 130
"""What a shell makes of Ctrl-C."""


@contextmanager
def ending(*refusals: type[SignalLogError], interrupted: str = "") -> Iterator[None]:
    """Turn these errors, and the database's, into a ``CommandError`` with ``REFUSED``.

    ``interrupted`` is the sentence for Ctrl-C, and the exit code is ``INTERRUPTED`` then.
    """
    try:
        yield
    except refusals as error:
        raise CommandError(str(error), returncode=REFUSED) from error
    except Error as error:
        raise CommandError(not_migrated() or str(error).strip(), returncode=REFUSED) from error
    except KeyboardInterrupt as error:
        if not interrupted:
            raise
        raise CommandError(interrupted, returncode=INTERRUPTED) from error
