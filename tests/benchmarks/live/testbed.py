"""What a scenario needs: PostgreSQL, Valkey, daphne on a core of its own, processes of clients and publisher."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psutil

from tests.servers.daphne import ROOT, Daphne, environment, manage
from tests.servers.postgres import Postgres
from tests.servers.valkey import Valkey

OURS: Final = "tests.benchmarks.live.ringing:application"
TEXTBOOK: Final = "tests.benchmarks.live.textbook:application"
BARE: Final = "tests.benchmarks.live.bare:application"
GIVE_UP_AFTER: Final = 15.0


class ClientProcess:
    """The process that holds the sockets."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.live.clients"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, do: str, **order: Any) -> dict[str, Any]:
        """Give an order and wait for the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"The clients ended at {do!r}; see their error above.")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process, and with it all its sockets."""
        self.process.kill()
        self.process.communicate()


class Testbed:
    """The servers, for the duration of the block."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []

    def __enter__(self) -> Self:
        with self._stack:
            self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
            self._stack.callback(self._use, self._cores)
            self._use(self._cores[:-1])
            self.database = self._stack.enter_context(Postgres())
            self.layer = self._stack.enter_context(Valkey())
            self.environment = {"DEBUG": "0", "DATABASE_URL": self.database.create_database("live")}
            manage("migrate", env=self.environment)
            self.cookie = self._run("prepare").stdout.strip().splitlines()[-1]
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _use(self, cores: list[int]) -> None:
        """Run the child processes started from here on on these cores; a single core is shared by all."""
        if cores:
            os.sched_setaffinity(0, cores)

    @contextmanager
    def serve(self, application: str, *, redis: bool = True) -> Iterator[Daphne]:
        """Start a daphne on the last core."""
        extra = {"REDIS_URL": self.layer.url} if redis else {}
        self._use(self._cores[-1:])
        try:
            server = Daphne(self.environment | extra, application=application)
        finally:
            self._use(self._cores[:-1])
        with server:
            yield server

    @contextmanager
    def pages(self, server: Daphne, count: int, *others: Daphne, ours: bool = True) -> Iterator[ClientProcess]:
        """Open this many sockets in a process of their own, in turns at each of the servers."""
        clients = ClientProcess()
        try:
            cookie = self.cookie if ours else ""
            ports = [one.port for one in (server, *others)]
            clients.tell("connect", count=count, ports=ports, path="/ws/events/", cookie=cookie, subscribes=ours)
            yield clients
        finally:
            clients.close()

    def restart(self, server: Daphne) -> None:
        """Start a killed daphne again on its core."""
        self._use(self._cores[-1:])
        try:
            server.start()
        finally:
            self._use(self._cores[:-1])

    def publisher(self, **order: Any) -> subprocess.Popen[str]:
        """Start to publish; ``finished`` waits for the end."""
        self.report = self.folder / "report.json"
        self.report.unlink(missing_ok=True)
        order |= {"report": str(self.report)}
        return subprocess.Popen(self._command("publisher", json.dumps(order)), text=True, **self._surroundings())

    def finished(self, publisher: subprocess.Popen[str]) -> dict[str, Any]:
        """Wait for the publisher and return its report."""
        if publisher.wait():
            raise RuntimeError(f"The publisher ended with {publisher.returncode}; see its error above.")
        return self.published()

    def published(self) -> dict[str, Any]:
        """Return the last report."""
        written: dict[str, Any] = json.loads(self.report.read_text())
        return written

    def cookies(self, count: int) -> list[str]:
        """Return the cookies of this many people who are logged in and may see events by a group."""
        return self._run("prepare", str(count)).stdout.split()

    def _run(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(module, *arguments), stdout=subprocess.PIPE, text=True, check=True, **self._surroundings()
        )

    @staticmethod
    def _command(module: str, *arguments: str) -> list[str]:
        return [sys.executable, "-m", f"tests.benchmarks.live.{module}", *arguments]

    def _surroundings(self) -> dict[str, Any]:
        return {"cwd": ROOT, "env": environment(self.environment | {"REDIS_URL": self.layer.url})}


def cpu_seconds(server: Daphne) -> float:
    """Return the CPU time that the server has used so far."""
    assert server.process is not None
    times = psutil.Process(server.process.pid).cpu_times()
    return float(times.user + times.system)


def memory(server: Daphne) -> int:
    """Return the bytes that the server holds in memory."""
    assert server.process is not None
    return int(psutil.Process(server.process.pid).memory_info().rss)


def waited_seconds(process: int) -> float:
    """Return how long the threads of a process have been runnable without a core, on Linux; elsewhere 0."""
    total = 0
    for thread in Path(f"/proc/{process}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # it has ended
            total += int(thread.read_text().split()[1])
    return total / 1e9
