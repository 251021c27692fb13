"""A network between a client and its server that a test can cut, silence or weigh."""

import contextlib
import socket
import threading

from tests.servers.daphne import listen


class NetworkLink:
    """Forwards connections from a port of its own to another one on this machine."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self.carried = 0
        self._listener = listen()
        self._ends: set[socket.socket] = set()
        self._cut = False
        self._carrying = threading.Event()
        self._carrying.set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """Return the port of this end."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Return the address of the site at this end, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Break all connections and every new one."""
        self._cut = True
        self._break()

    def hush(self) -> None:
        """Keep the connections but forward nothing, like a network that drops packets."""
        self._carrying.clear()

    def mend(self) -> None:
        """Forward again; broken connections stay broken, and what was held back is lost."""
        if not self._carrying.is_set():
            self._break()
        self._cut = False
        self._carrying.set()

    def close(self) -> None:
        """End all connections and free the port."""
        self._listener.close()
        self.cut()
        self._carrying.set()

    def _break(self) -> None:
        for end in list(self._ends):
            _close(end)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                near, _ = self._listener.accept()
                if self._cut:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._to_port))
                self._ends |= {near, far}
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._carrying.wait()
                self.carried += len(data)
                target.sendall(data)
        for end in (source, target):
            _close(end)
            self._ends.discard(end)


def _close(end: socket.socket) -> None:
    """Close for both sides, even while another thread is waiting for data."""
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
