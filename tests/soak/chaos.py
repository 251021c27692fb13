"""Ends parts as planned and starts them again, and starts again what ended by itself, as a supervisor does."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.servers.process import Server, ServerError
from tests.soak.parts import Killable
from tests.soak.plan import Kill

LOOK_EVERY = 0.3
LEADS_TO_PAGES = {"postgres", "caddy", "web1", "web2"}
"""Without one of these some page gets nothing, and without the others it does."""
TRIES = 3


class Chaos:
    """Works through a plan, in threads."""

    def __init__(self, parts: Mapping[str, Killable], kills: Sequence[Kill], began: float) -> None:
        self.kills: Counter[str] = Counter()
        self.last = ""
        self.problems: list[str] = []
        """Parts that did not start again."""
        self.ended: list[tuple[str, str]] = []
        """Parts that ended by themselves, each with the last line that it said."""
        self.away: list[tuple[float, float]] = []
        """When a part was not there that leads to the pages, in seconds since 1970."""
        self._parts = parts
        self._kills = kills
        self._began = began
        self._locks = {name: threading.Lock() for name in parts}
        self._over = threading.Event()
        self._killers = ThreadPoolExecutor(len(parts))
        self._threads = [threading.Thread(target=work) for work in (self._work, self._look_after)]
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Kill nothing more, and have everything run."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._killers.shutdown()
        self._look()

    def _work(self) -> None:
        began = self._began
        for kill in self._kills:
            if self._over.wait(max(0.0, began + kill.at - time.monotonic())):
                return
            if len(kill.parts) == 1:
                self._killers.submit(self._strike, kill)
            else:
                self._power_cut(kill)
                began = time.monotonic() - kill.at  # the rest follows at the same distances, as far as there is time

    def _strike(self, kill: Kill) -> None:
        (name,) = kill.parts
        if not self._locks[name].acquire(blocking=False):
            return  # it is still away
        try:
            self.last = str(kill)
            with self._outage(name):
                self._end(name, stopped=kill.stopped)
                self._over.wait(kill.down)
                self._start(name)
        finally:
            self._locks[name].release()

    def _power_cut(self, kill: Kill) -> None:
        """All at once; they come back one after the other."""
        for name in kill.parts:
            self._locks[name].acquire()
        try:
            self.last = str(kill)
            with self._outage(*kill.parts):
                with ThreadPoolExecutor(len(kill.parts)) as at_once:
                    list(at_once.map(self._end, kill.parts))
                self._over.wait(kill.down)
                for name in kill.parts:
                    self._start(name)
        finally:
            for name in kill.parts:
                self._locks[name].release()

    @contextmanager
    def _outage(self, *names: str) -> Iterator[None]:
        began = time.time()
        try:
            yield
        finally:
            if not LEADS_TO_PAGES.isdisjoint(names):
                self.away.append((began, time.time()))

    def _end(self, name: str, stopped: bool = False) -> None:
        self.kills[name] += 1
        part = self._parts[name]
        if isinstance(part, Server) and (stopped or name == "postgres"):
            part.terminate(20)
        else:
            part.kill()

    def _start(self, name: str) -> None:
        for left in reversed(range(TRIES)):
            try:
                self._parts[name].start()
            except (ServerError, OSError) as error:
                if not left:
                    self.problems.append(f"{name} did not start again: {str(error).splitlines()[0]}")
                self._parts[name].kill()
                continue
            return

    def _look_after(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            self._look()

    def _look(self) -> None:
        for name, part in self._parts.items():
            if isinstance(part, Server) and self._locks[name].acquire(blocking=False):
                try:
                    if part.process is None or part.process.poll() is not None:
                        self.ended.append((name, part.log_tail(1)))
                        with self._outage(name):
                            part.kill()  # what it has left, and its reaper
                            self._start(name)
                finally:
                    self._locks[name].release()
