"""A silent write in autocommit: our transaction around the driver's call alone, so that nothing of the host's is in it.

The wrapper that recognises the write is the outermost one. Those of the host's, which run between it and the driver,
must find no transaction, and the row committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from signal_log.capture.trace.draft import Draft
from signal_log.capture.transaction.recording import record
from signal_log.capture.transaction.state import may_begin
from signal_log.capture.transaction.window import open_window, window_of


class DriverCall:
    """Stands for the driver's cursor while a statement runs, and commits its events with it.

    ``prepare`` opens the statement's events; ``close`` closes them afterwards, and returns those to record.
    """

    def __init__(
        self, context: dict[str, Any], sql: Any, text: str,
        prepare: Callable[[], list[Draft]], close: Callable[[Sequence[Draft]], list[Draft]],
    ) -> None:  # fmt: skip
        self.drafts = prepare()
        self.is_recorded = False
        self.error: BaseException | None = None
        """How the statement has failed, unless it was tried again with success."""
        self._connection = context["connection"]
        self._wrapper = context["cursor"]
        self._cursor = self._wrapper.cursor
        self._sql, self._text = sql, text
        self._prepare, self._close = prepare, close

    def close(self) -> list[Draft]:
        """Close the events, and return those to record."""
        return self._close(self.drafts)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Be the driver's cursor."""
        self._wrapper.cursor = self
        try:
            yield
        finally:
            if self._wrapper.cursor is self:
                self._wrapper.cursor = self._cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)

    def execute(self, sql: Any, *args: Any, **kwargs: Any) -> Any:
        """Run a statement; with its events, if it is the one that was recognised."""
        if sql is not self._sql and not (type(sql) is str and self._text in sql):  # a wrapper may add a comment
            return self._cursor.execute(sql, *args, **kwargs)
        if self.is_recorded:  # a wrapper runs it once more
            self.drafts, self.is_recorded = self._prepare(), False
        # A wrapper of the host's may have begun a transaction.
        outer, window = window_of(self._connection), None
        try:
            window = open_window(self._connection) if may_begin(self._connection) else None
            result = self._cursor.execute(sql, *args, **kwargs)
            changed = self.close()
            if window is not None:
                window.drafts += changed
                window.commit()  # which fails where a deferred constraint does
        except BaseException as error:
            self.error = error
            window = window or window_of(self._connection)  # an interruption may have lost it
            if window is not None and window is not outer:
                window.undo()
            raise
        self.is_recorded, self.error = True, None
        if window is not None:
            window.settle()
        elif changed:
            record(changed, self._connection)
        return result
