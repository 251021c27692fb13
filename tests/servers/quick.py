"""The project's ASGI application, which looks for other processes' events and ended permissions many times a second."""

from django.conf import settings

from asgi import application
from signal_log.show.export import answer
from signal_log.tail import hub

hub.POLL_EVERY = 0.1  # type: ignore[misc]  a constant everywhere else
hub.SQLITE_POLL_EVERY = 0.03  # type: ignore[misc]
answer.CHECK_EVERY = 0.5  # type: ignore[misc]

settings.SIGNAL_LOG["SOCKETS_PER_ACCOUNT"] = 100  # pages of one person here, which come back before they are gone

__all__ = ["application"]
