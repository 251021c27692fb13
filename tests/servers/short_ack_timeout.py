"""The project's ASGI application, whose sockets are closed after a second without an acknowledgement, not 60."""

from asgi import application
from signal_log.tail import window

window.ACK_TIMEOUT = 1.0  # type: ignore[misc]  a constant everywhere else

__all__ = ["application"]
