"""Looks at every process from time to time: what it holds, for `flat.py` to judge."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

import psutil

from tests.soak.flat import Life, Sample

WATCHED: Final = ("web1", "web2", "relay", "witness", "traffic")
"""The parts that are ours. What PostgreSQL, Valkey and Caddy hold is up to them."""


class Watch:
    """Samples processes in a thread; ``processes`` says which there are now, ``ports`` where they listen."""

    def __init__(
        self, processes: Callable[[], Mapping[str, int]], ports: Mapping[str, int], every: float, began: float
    ) -> None:
        self.lives: list[Life] = []
        self._processes = processes
        self._ports = ports
        self._every = every
        self._began = began
        self._now: dict[str, Life] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def finish(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._over.wait(self._every):
            for part, process in self._processes().items():
                life = self._now.get(part)
                if life is None or life.process != process:
                    life = self._now[part] = Life(part, process)
                    self.lives.append(life)
                try:
                    life.samples.append(self._sample(psutil.Process(process), self._ports.get(part, 0)))
                except psutil.Error:
                    continue  # it is being killed

    def _sample(self, process: psutil.Process, port: int) -> Sample:
        with process.oneshot():
            sockets = [one for one in process.net_connections("tcp") if one.status == psutil.CONN_ESTABLISHED]
            pages = sum(one.laddr.port == port for one in sockets)
            return Sample(
                time.monotonic() - self._began,
                process.memory_info().rss,
                process.num_fds() - pages,
                len(sockets) - pages,
                process.num_threads(),
                pages,
            )
