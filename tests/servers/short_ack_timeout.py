"""The project's ASGI application with an acknowledgement timeout of one second instead of 60."""

from asgi import application
from signal_log.tail import window

window.ACK_TIMEOUT = 1.0  # type: ignore[misc]  a constant everywhere else

__all__ = ["application"]
