"""A server process in a folder of its own that ends, and is cleaned up, however the tests end."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

# What starts a process. Tests that only need a site put one here that forks it (tests/servers/nursery.py).
popen: Callable[..., Any] = subprocess.Popen


class ServerError(RuntimeError):
    """A server did not start or ended by itself; the message contains the end of its log."""


def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def unprivileged() -> pwd.struct_passwd | None:
    """Return the user that a server refusing root runs as, or None if we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServerError("Running as root, and neither a user `postgres` nor `nobody` exists for PostgreSQL.")


class Server:
    """One process, its folder and its log; a context manager that stops it.

    A reaper process kills the server and removes the folder once this process is gone, even after `kill -9`, because it
    only waits for its standard input to close.
    """

    stop_signal = signal.SIGTERM

    def __init__(self, name: str, owner: pwd.struct_passwd | None = None) -> None:
        self.name = name
        self.owner = owner
        self.folder = Path(tempfile.mkdtemp(prefix=f"observatory-{name}-"))
        self.log = self.folder / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self._reaper: subprocess.Popen[bytes] | None = None
        if owner:
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)

    def start(self) -> None:
        """Start the process and wait until it answers; each kind of server defines how."""
        raise NotImplementedError

    def begin(self) -> None:
        """Start for the first time, and leave nothing behind if that fails."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def run_as(self) -> dict[str, Any]:
        """Return the arguments of `Popen` that make a child run as the owner of the folder."""
        if self.owner is None:
            return {}
        return {"user": self.owner.pw_uid, "group": self.owner.pw_gid, "extra_groups": []}

    def launch(
        self,
        command: Sequence[str | Path],
        env: dict[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        cwd: Path | None = None,
    ) -> None:
        """Start the process in its own process group, with its output appended to the log."""
        with self.log.open("ab") as output:
            self.process = popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd or self.folder,
                pass_fds=pass_fds,
                process_group=0,
                **self.run_as(),
            )
        self._reaper = subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-S",
                Path(__file__).with_name("reaper.py"),
                str(self.process.pid),
                self.folder,
            ],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def wait_until(self, ready: Callable[[], bool], seconds: float = 20) -> None:
        """Wait for the server to answer; if it ends first or takes too long, raise an error with its log."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.process is not None and self.process.poll() is not None:
                raise ServerError(f"{self.name} ended with {self.process.returncode}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise ServerError(f"{self.name} did not answer within {seconds:g} s:\n{self.log_tail()}")
            time.sleep(0.02)

    def log_text(self) -> str:
        """Return everything that the server has written so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_tail(self, lines: int = 40) -> str:
        """Return the last lines of the log."""
        return "\n".join(self.log_text().splitlines()[-lines:])

    def kill(self) -> None:
        """Kill the process at once, like a power cut; the folder stays."""
        self._end(signal.SIGKILL)

    def terminate(self, seconds: float = 10) -> int | None:
        """Ask the process to end, wait for it, and return its exit code, None if killed; the folder stays."""
        return self._end(self.stop_signal, seconds)

    def close(self) -> None:
        """Stop the process and remove its folder."""
        self.terminate()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, how: signal.Signals, seconds: float = 10) -> int | None:
        code: int | None = None
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(how)
            try:
                code = self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                code = None
            # Kill the rest of the group too: the server's own children, or a server that does not react.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(seconds)
            self.process = None
        if self._reaper is not None:
            self._reaper.communicate(b"stopped")
            self._reaper = None
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
