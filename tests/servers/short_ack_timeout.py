"""The quick ASGI application with an acknowledgement timeout of one second instead of 60."""

from signal_log.tail import window
from tests.servers.quick import application

window.ACK_TIMEOUT = 1.0  # type: ignore[misc]  a constant everywhere else

__all__ = ["application"]
