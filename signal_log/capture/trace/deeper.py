"""What is kept of a trace while a session records it: its statements, with time and receiver, and call stacks.

Only traces of a session have a ``Deeper``; the others pay for looking at ``in_use``. Texts and stacks are kept once,
values never: of the parameters only their number.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, Final

from signal_log import clock
from signal_log.capture.trace.awaiting import IN_THREAD, Awaiting
from signal_log.capture.trace.call_site import is_own, shortened
from signal_log.capture.trace.gathered import in_use

MAX_STATEMENTS: Final = 2_000
MAX_TEXTS: Final = 300
MAX_STACKS: Final = 300
MAX_CHARS: Final = 20_000
"""More than this of one trace is counted and left out."""
OWN_FRAMES: Final = 8
MAX_DEPTH: Final = 120
_MAX_VERDICTS: Final = 10_000

Stack = tuple[tuple[CodeType, int, CodeType | None], ...]
"""Own frames, innermost first: code, line, and what it had called."""
Ran = tuple[int, int | None, int, int, int, str, int]
"""A statement: number of its text, of its parameters, started_us, took_us, position, receiver, number of its stack."""

_verdicts: Final[dict[CodeType, bool]] = {}


class Deeper:
    """What one trace has gathered for its sessions."""

    def __init__(
        self,
        started_ns: int,
        *,
        actor: Callable[[], str] | None = None,
        state: Callable[[], tuple[object, object, int]] = lambda: (None, None, 0),
        wanted: frozenset[str] | None = None,
    ) -> None:
        in_use[0] = True
        self.started_ns = started_ns
        self.asked: Callable[[], dict[str, Any]] | None = None
        """Tells the request, once it is over."""
        self.raised: tuple[str, str] | None = None
        """The exception that was answered with status 500, and where it was raised."""
        self.statements: list[Ran] = []
        self.omitted = 0
        self.operations: dict[int, int] = {}
        """The stack of each operation, by its position."""
        self._texts: dict[str, int] = {}
        self._stacks: dict[Stack, int] = {}
        self._actor, self._state, self._wanted = actor, state, wanted
        self._awaiting = Awaiting()
        self._seen: tuple[object, object, int] = (None, None, -1)

    def is_on(self) -> bool:
        """Whether the trace is recorded; where only one user's are, not until it is known whose it is.

        Each statement asks, so who it is is asked again only when that may have changed.
        """
        if self._wanted is None or self._actor is None:
            return True
        state, seen = self._state(), self._seen
        if state[0] is seen[0] and state[1] is seen[1] and state[2] == seen[2]:
            return False
        self._seen = state
        actor = self._actor()
        if actor and actor in self._wanted:
            self._wanted = None
        return self._wanted is None

    def run(self, frame: Any, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Run a statement and note how long it took; ``frame`` is the receiver's, if one is running."""
        started = clock.perf_counter_ns()
        try:
            return execute(sql, params, many, context)
        finally:
            ended = clock.perf_counter_ns()
            try:
                self._ran(frame, sql, params, started, ended)
            except Exception:  # noqa: BLE001  never the host's problem
                self.omitted += 1

    def opened(self, position: int) -> None:
        """An operation begins here."""
        try:
            if len(self.operations) < MAX_STATEMENTS and self.is_on():
                self.operations[position] = self._stack()
        except Exception:  # noqa: BLE001
            self.omitted += 1

    def as_json(self, shown: Callable[[str], str]) -> dict[str, Any]:
        """Everything, for the session; ``shown`` makes of a statement's text what may be kept of it."""
        return {
            "request": self.asked() if self.asked is not None else None,
            "raised": self.raised,
            "texts": [shown(text) for text in self._texts],
            "statements": [list(ran) for ran in self.statements],
            "omitted": self.omitted,
            "stacks": [_told(stack) for stack in self._stacks],
            "operations": {str(position): stack for position, stack in self.operations.items() if stack >= 0},
        }

    def _ran(self, frame: Any, sql: Any, params: Any, started: int, ended: int) -> None:
        text = sql if type(sql) is str else f"({type(sql).__name__})"
        number = self._texts.get(text[:MAX_CHARS])
        if len(self.statements) >= MAX_STATEMENTS or (number is None and len(self._texts) >= MAX_TEXTS):
            self.omitted += 1
            return
        if number is None:
            number = self._texts[text[:MAX_CHARS]] = len(self._texts)
        position, receiver = (0, "") if frame is None else (frame.position, frame.receiver)
        given = len(params) if isinstance(params, list | tuple | dict) else None if params is not None else 0
        began = (started - self.started_ns) // 1000
        self.statements.append((number, given, began, (ended - started) // 1000, position, receiver, self._stack()))

    def _stack(self) -> int:
        """The number of the stack that is running, or -1; below a task's thread is what awaits it."""
        found: list[tuple[CodeType, int, CodeType | None]] = []
        above: CodeType | None = None
        below: FrameType | None = sys._getframe(2)
        awaiting: list[FrameType] = []
        for _ in range(MAX_DEPTH):
            if awaiting:
                frame = awaiting.pop()
            elif below is not None:
                frame, below = below, below.f_back
            else:
                break
            code = frame.f_code
            verdict = _verdicts.get(code)
            if verdict is None:
                if len(_verdicts) >= _MAX_VERDICTS:
                    _verdicts.clear()
                verdict = _verdicts[code] = is_own(code.co_filename)
            if verdict:
                found.append((code, frame.f_lineno, above))
                if len(found) == OWN_FRAMES:
                    break
            elif code is IN_THREAD:
                awaiting = self._awaiting.frames(frame)
            above = code
        stack = tuple(found)
        number = self._stacks.get(stack)
        if number is None:
            if not stack or len(self._stacks) >= MAX_STACKS:
                return -1
            number = self._stacks[stack] = len(self._stacks)
        return number


def _told(stack: Stack) -> list[list[str]]:
    """Each own frame as where it is, and what it had called if that is not its own."""
    own = {code for code, _, _ in stack}
    return [
        [
            f"{shortened(code.co_filename)}:{line} in {code.co_name}"[:300],
            "" if above is None or above in own else f"{above.co_name}"[:100],
        ]
        for code, line, above in stack
    ]
