"""Closing websockets under daphne, which otherwise drops them without a close frame when it stops.

Other servers (uvicorn, hypercorn) close their websockets themselves and are left alone.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from typing import Any, Final

from signal_log.tail.wire import RESTARTING

logger = logging.getLogger(__name__)

FLUSH_SECONDS: Final = 0.1
"""For the close frames to reach the network."""


def send_restarting_before_shutdown() -> Callable[[], None]:
    """Have every websocket of this daphne closed with 1012 before it stops; returns how to undo that.

    The close is sent on daphne's own protocols: an application may only name 1000 and 3000 to 4999.
    """
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    loop = asyncio.get_running_loop()
    if getattr(reactor, "_asyncioEventloop", None) is not loop or "daphne.ws_protocol" not in sys.modules:
        return lambda: None
    from daphne.ws_protocol import WebSocketProtocol
    from twisted.internet.task import deferLater

    fired = False

    def stopping() -> Any:
        nonlocal fired
        fired = True
        protocols = [getattr(reader, "protocol", None) for reader in reactor.getReaders()]
        open_sockets = [one for one in protocols if isinstance(one, WebSocketProtocol)]
        for protocol in open_sockets:
            if protocol.state == protocol.STATE_OPEN:
                protocol.sendCloseFrame(code=RESTARTING, isReply=False)
        logger.info("Closed %d websockets for the restart.", len(open_sockets))
        return deferLater(reactor, FLUSH_SECONDS)

    trigger = reactor.addSystemEventTrigger("before", "shutdown", stopping)

    def undo() -> None:
        if not fired:
            reactor.removeSystemEventTrigger(trigger)

    return undo
