"""The project under Django's own WSGI server, which opens no websocket."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping

from tests.servers.daphne import ROOT, environment
from tests.servers.process import Server, free_port

SERVE = """
import sys
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
server = ThreadedWSGIServer(("127.0.0.1", int(sys.argv[1])), WSGIRequestHandler)
server.set_app(get_wsgi_application())
server.serve_forever()
"""


class WsgiServer(Server):
    """One process on a free port of 127.0.0.1."""

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__("wsgi")
        self.env = dict(env)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.begin()

    def start(self) -> None:
        """Start the process, and wait until it accepts connections."""
        self.launch([sys.executable, "-c", SERVE, str(self.port)], env=environment(self.env), cwd=ROOT)
        self.wait_until(self._accepts, 30)

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
