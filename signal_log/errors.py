"""Every error of signal_log, as one tree.

SignalLogError
├── ConfigurationError      a setting is wrong; the message names it and what is accepted
├── FilterError             an unknown filter key or an invalid value
├── SharedViewError         a view that cannot be shared, or no longer
├── SessionError            a recorded session that cannot be started, found or read
├── NoteError               a note that says nothing, or is too long
├── RedactionError          events that cannot be redacted, held or pruned as asked; the message says why
├── CursorError             a malformed cursor
├── RelayError              a relay that cannot be run, or not any further; the message says why and what to do
├── SilentWriteRefused      a write that sends no signals, where SILENT_WRITES = "raise"
├── LogUnavailable          the log's database is unreachable
├── GuardError              a table that cannot be guarded, or is not
└── RecordingError          an event could not be stored (see ``signal_log.store.append``)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

LIKELY_CAUSES: Final = (
    "Likely causes: `python manage.py migrate signal_log` has not run there, or the database is read-only or full."
)
"""Why a database does not take events, for a reader of its message."""


class SignalLogError(Exception):
    """The base class of all errors that this package raises."""


class ConfigurationError(SignalLogError):
    """A setting is wrong; the message names it and what is accepted."""


class FilterError(SignalLogError, ValueError):
    """A filter has an unknown key or an invalid value.

    Of a query (``q``), ``text`` is the query and ``places`` are its problems, each with ``at``, ``length`` and
    ``message``.
    """

    def __init__(self, message: str, *, text: str = "", places: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.text = text
        self.places = tuple(places)


class SharedViewError(SignalLogError, ValueError):
    """A view cannot be shared; the message says why."""


class SessionError(SignalLogError, ValueError):
    """A recorded session cannot be started, found or read; the message says why."""


class NoteError(SignalLogError, ValueError):
    """A note on an event or a session says nothing, or is too long."""


class RedactionError(SignalLogError, ValueError):
    """Events cannot be redacted, held or pruned as asked; the message says why."""


class GuardError(SignalLogError, ValueError):
    """A table cannot be guarded, or is not; the message says why."""


class PartitionError(SignalLogError, ValueError):
    """The log cannot be partitioned, or its partitions not be maintained, as asked; the message says why."""


class CursorError(SignalLogError, ValueError):
    """A cursor does not have the format that this log issues."""


class RelayError(SignalLogError):
    """A relay cannot be run, or not any further; the message says why, and what to do."""


class LogUnavailable(SignalLogError):
    """The log's database is unreachable; reading resumes where it was once the database is back."""


class SilentWriteRefused(SignalLogError):
    """A write to an observed table that would send no signals; the message names the line and the remedy."""


class ProofError(SignalLogError, ValueError):
    """A note, checkpoint, tile or proof that is damaged, of another log, or not signed by the key that it should be."""
