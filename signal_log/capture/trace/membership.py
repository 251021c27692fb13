"""Which recorded sessions a trace belongs to: told by its request, its process, or the sessions that run everywhere.

This process reads the list of those that cover a user or everything when a trace has ended, at most once a second; so
they begin up to a second late, and the trace at whose end it is read belongs to them without deeper capture.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from signal_log.capture.trace.deeper import Deeper
from signal_log.capture.trace.session_token import Named
from signal_log.capture.trace.trace import Trace, join_with

MAX_OVER: Final = 1_000


class Running:
    """What this process knows of sessions."""

    def __init__(self) -> None:
        self.process: tuple[int, ...] = ()
        """Those that the environment names: this process is of ``signal_session run``."""
        self.everything: tuple[int, ...] = ()
        self.users: dict[str, tuple[int, ...]] = {}
        """Those that record one user, by the user's key."""
        self.enqueuing = False
        """Whether any that runs has enqueued tasks, of which a worker has to ask the database."""
        self.over: set[int] = set()
        """Sessions that cookies still name, but that have ended."""

    def ended(self, session: int) -> None:
        """It takes no more traces."""
        if len(self.over) >= MAX_OVER:
            self.over.clear()
        self.over.add(session)

    def forget(self) -> None:
        """Know of none again."""
        self.process, self.everything, self.users, self.over = (), (), {}, set()
        self.enqueuing = False


running: Final = Running()


def join(trace: Trace, named: Iterable[Named] = ()) -> None:
    """Have a trace that begins belong to the sessions that its request names, and to those that run everywhere."""
    if not (named or running.process or running.everything or running.users):
        return
    gathered = trace.gathered
    sessions = dict.fromkeys((*(each.session for each in named), *running.process, *running.everything))
    gathered.sessions = tuple(session for session in sessions if session not in running.over)
    gathered.owned = tuple(each for each in named if each.owner)
    if gathered.sessions:
        gathered.deeper = Deeper(gathered.started_ns)
    elif running.users:
        context = trace.context
        gathered.deeper = Deeper(
            gathered.started_ns,
            actor=lambda: context.actor().pk,
            state=context.actor_state,
            wanted=frozenset(running.users),
        )


join_with(join)


def sessions_of(trace: Trace) -> tuple[int, ...]:
    """The sessions of a trace, asked late: by now its user is known, and perhaps a session that began meanwhile."""
    own, owned = trace.gathered.sessions, trace.gathered.owned
    if not (own or running.everything or running.users):
        return own
    actor = trace.context.actor().pk if owned or running.users else ""
    others = {each.session for each in owned if not each.is_of(actor)}
    mine = (session for session in own if session not in others)
    return tuple(dict.fromkeys((*mine, *running.everything, *running.users.get(actor, ()))))
