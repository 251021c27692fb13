"""Real daphne processes serving the project, several on one port if requested."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.servers.process import Server, ServerError

ROOT = Path(__file__).resolve().parents[2]
# A test server must not take these from the shell it was started in.
NOT_INHERITED = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "EMAIL_URL", "DEBUG_TOOLBAR")
DEFAULTS = {
    "SECRET_KEY": "for-the-tests-only-" + "0123456789abcdef" * 3,
    "ALLOWED_HOSTS": "localhost,127.0.0.1",
    "DEBUG": "1",
    "DEBUG_TOOLBAR": "0",
    "HTTPS": "0",
    "LOG_LEVEL": "INFO",  # start() waits for its line "Listening on"
    "PYTHONUNBUFFERED": "1",
}


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process of the project: the shell's, the tests' defaults, then `extra`."""
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    return inherited | DEFAULTS | dict(extra)


def manage(*arguments: str, env: Mapping[str, str], check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run one management command to its end; a failure shows its output."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(env),
        capture_output=True,
        text=True,
        check=False,
    )
    if check and done.returncode:
        raise ServerError(f"manage.py {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def listen(port: int = 0) -> socket.socket:
    """Return a listening socket on 127.0.0.1 that several daphnes can share."""
    shared = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.bind(("127.0.0.1", port))
    shared.listen(512)
    return shared


class Daphne(Server):
    """One daphne on 127.0.0.1 with the given environment; the socket stays bound over a restart."""

    seconds_to_start = 30.0

    def __init__(
        self,
        env: Mapping[str, str],
        shared: socket.socket | None = None,
        arguments: tuple[str, ...] = (),
        application: str = "asgi:application",
    ) -> None:
        super().__init__("daphne")
        self.env = dict(env)
        self.arguments = arguments
        self.application = application
        self._own = None if shared else listen()
        self.socket = shared or self._own
        assert self.socket is not None
        self.port = int(self.socket.getsockname()[1])
        self.begin()

    @property
    def url(self) -> str:
        """Return the address of the site, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        """Return the address for websockets, without a slash at the end."""
        return f"ws://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the process, also again after `kill()` or `terminate()`, and wait until it says that it listens."""
        assert self.socket is not None
        before = len(self.log_text())
        descriptor = self.socket.fileno()
        command = [
            sys.executable,
            "-m",
            "daphne",
            "--fd",
            str(descriptor),
            *self.arguments,
            self.application,
        ]
        self.launch(command, env=environment(self.env), pass_fds=(descriptor,), cwd=ROOT)
        sockets = 1 + self.arguments.count("--endpoint")
        self.wait_until(lambda: self.log_text()[before:].count("Listening on") == sockets, self.seconds_to_start)

    def status(self, path: str) -> int:
        """Return the status of a plain GET, or 0 if nothing answers."""
        connection = http.client.HTTPConnection("localhost", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def freeze(self) -> None:
        """Suspend the process, like an overloaded machine."""
        if self.process:
            self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume a frozen process."""
        if self.process:
            self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop the process, free the port unless it is shared, and remove the folder."""
        super().close()
        if self._own is not None:
            self._own.close()
