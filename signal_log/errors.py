"""Every error of signal_log, as one tree.

SignalLogError
├── ConfigurationError      a setting is wrong; the message names it and what is accepted
├── FilterError             a filter key or value that nobody can answer
├── SharedViewError         a view that cannot be shared, or not any more
├── CursorError             a cursor that is no cursor
├── SilentWriteRefused      a write that sends no signals, where SILENT_WRITES = "raise"
├── LogUnavailable          the database that holds the log does not answer
└── RecordingError          an event could not be stored (see ``signal_log.store.append``)
"""

from __future__ import annotations


class SignalLogError(Exception):
    """The root of every error this package raises on purpose."""


class ConfigurationError(SignalLogError):
    """A setting is wrong; the text says which one and what is accepted."""


class FilterError(SignalLogError, ValueError):
    """A filter has an unknown key or a value that cannot be understood."""


class SharedViewError(SignalLogError, ValueError):
    """A view cannot be shared as it is; the text says what is wrong with it."""


class CursorError(SignalLogError, ValueError):
    """A cursor is not of the form that this log hands out."""


class LogUnavailable(SignalLogError):
    """The database that holds the log does not answer; reading goes on where it was when it does again."""


class SilentWriteRefused(SignalLogError):
    """A write on an observed table that would send no signals; the text names the line and the remedy."""
