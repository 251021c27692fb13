"""The project's ASGI application, which looks for other processes' events and ended permissions many times a second."""

from asgi import application
from signal_log.show.export import answer
from signal_log.tail import hub

hub.POLL_EVERY = 0.1  # type: ignore[misc]  a constant everywhere else
hub.SQLITE_POLL_EVERY = 0.03  # type: ignore[misc]
answer.CHECK_EVERY = 0.5  # type: ignore[misc]

__all__ = ["application"]
