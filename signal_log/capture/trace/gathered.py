"""What a trace gathers for telemetry while it runs: each receiver's call, and what it recorded, in numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Protocol

from signal_log import clock
from signal_log.capture.model.masked_values import MaskedValues
from signal_log.capture.trace.outer_span import current_span

Call = tuple[int, str, str, str, int, int, int, str]
"""Position of the event, sender, signal, receiver, started_us, duration_us, queries, error."""

POSITION: Final = 0
STARTED_US: Final = 4
DURATION_US: Final = 5

HAND_OVER: Final = 1_000
"""A trace with more calls than this hands them over before it ends, so that it does not hold all of them."""


in_use: Final = [False]
"""Whether this process has recorded a session; most never do, and ask nothing more than this."""


class Deep(Protocol):
    """What is kept of a trace while a session records it (``capture/trace/deeper.py``)."""

    asked: Callable[[], dict[str, Any]] | None
    raised: tuple[str, str] | None

    def is_on(self) -> bool:
        """Whether the trace is recorded; where only one user's are, not until it is known whose it is."""

    def run(self, frame: Any, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Run a statement and note how long it took."""

    def opened(self, position: int) -> None:
        """An operation begins here."""

    def as_json(self, shown: Callable[[str], str]) -> dict[str, Any]:
        """Everything, for the session."""


class Owned(Protocol):
    """A session of one account's browser (``capture/trace/session_token.py``)."""

    @property
    def session(self) -> int:
        """Its number."""

    def is_of(self, account: str) -> bool:
        """Whether it records what this account does."""


class Gathered:
    """Shared by all views of one trace. The numbers start on the class, so that a new trace costs little."""

    events = 0
    operations = 0
    failed = 0
    silent = 0
    slowest_receiver = ""
    slowest_us = 0
    status = ""
    """HTTP status, exit code or the exception's class; empty while the trace runs."""
    due_at = HAND_OVER
    """The number of calls at which they are handed over."""
    posted: Callable[[], tuple[Sequence[Any], Sequence[Any]] | None] | None = None
    """The secrets of the request's form and address, and what else errors must not quote of them; None until read."""
    _secrets: MaskedValues | tuple[()] = ()
    sessions: tuple[int, ...] = ()
    """The recorded sessions that the trace belonged to when it began."""
    owned: tuple[Owned, ...] = ()
    """Those of them that record one account alone."""
    deeper: Deep | None = None
    """What is kept for them besides."""
    lone = True
    """Whether nobody opened this trace: a save or a delete outside requests, commands, tasks and messages."""
    longest: Sequence[Call] = ()
    calls_before = 0
    """The longest of the calls that were handed over while the trace ran, and how many those were, for its spans."""
    is_told = False
    """Whether OpenTelemetry has its span."""

    def __init__(self) -> None:
        self.started_ns = clock.perf_counter_ns()
        self.calls: list[Call] = []
        self.outer_span = current_span()

    def count(self, *, is_first: bool, is_silent: bool = False) -> None:
        """Count an event; ``is_first`` tells the one that begins its operation."""
        self.events += 1
        self.operations += is_first
        self.silent += is_silent

    def discount_silent(self) -> None:
        """A statement that was counted when it began has changed no row, so it is not recorded."""
        self.events -= 1
        self.operations -= 1
        self.silent -= 1

    @property
    def secrets(self) -> MaskedValues | tuple[()]:
        """Masked values that this trace has seen: any text of it may repeat them."""
        if self.posted is not None and (values := self.posted()) is not None:
            self.posted = None
            secret, hidden = values
            if secret:
                self.note_secrets(secret)
            if hidden:
                self.note_hidden(hidden)
        return self._secrets

    def note_secrets(self, values: Iterable[Any]) -> None:
        """Remember these masked values for as long as the trace runs."""
        self._noted().note(values)

    def note_hidden(self, values: Iterable[Any]) -> None:
        """Remember values that errors must not quote, and that are no secrets elsewhere: of excluded fields."""
        self._noted().note_hidden(values)

    def _noted(self) -> MaskedValues:
        if not isinstance(self._secrets, MaskedValues):
            self._secrets = MaskedValues()
        return self._secrets

    def raised(self, error: BaseException) -> None:
        """The trace ends with this exception: its class, or the exit code that it carries."""
        self.status = type(error).__name__
        if isinstance(error, SystemExit):
            self.status = "0" if error.code is None else str(error.code) if isinstance(error.code, int) else "1"
