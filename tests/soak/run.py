"""One soak, from the first server's start to the verdict."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.soak import logged
from tests.soak.chaos import Chaos
from tests.soak.flat import growths, longest
from tests.soak.judge import Outcome, Sealed, findings
from tests.soak.parts import DATABASE, WITNESS, Installation, Pages, Traffic, installed, people
from tests.soak.plan import plan
from tests.soak.report import Run
from tests.soak.table import Table
from tests.soak.visits import Visits
from tests.soak.watching import WATCHED, Watch

TELL_EVERY = 10.0
EVENTS_AN_ACTION = 5
PARTITIONS = 10
FEWEST_ROWS = 1_000
PATIENCE = 60.0
"""Seconds without anything new, after which what is missing counts as lost."""
SEALED_WITHIN = 330.0
"""A witness that was gone is left alone for up to five minutes (docs/how-to/countersign-each-other.md)."""


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    seconds: float
    sockets: int
    rate: float
    seed: int
    every: float
    late: float


def say(text: str) -> None:
    """Tell who waits."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


class Soak:
    """The installation at work."""

    def __init__(self, options: Options, folder: Path, stack: ExitStack) -> None:
        self.options = options
        self.folder = folder
        say("Starting PostgreSQL, Valkey, Caddy, two daphnes, a witness, a relay and its receiver.")
        self.site: Installation = installed(folder, stack)
        self.table = Table(self.site.database.url(DATABASE))
        cookies = people(self.site, options.sockets)
        self.pages = Pages()
        stack.callback(self.pages.close)
        self.pages.tell("open", port=self.site.proxy.port, cookies=cookies)
        self.opened_after = max(self.table.ids(), default=0)
        say(f"{options.sockets} pages are open.")
        self.visits = Visits(self.site.proxy.port, cookies[0])
        stack.callback(self.visits.finish)
        self.started = time.monotonic()
        self.traffic = stack.enter_context(Traffic(self.site.environment, options.rate, options.seed))
        self._cut_into_partitions()
        self.began = time.monotonic()
        self.watch = Watch(self._processes, self.site.web_ports, max(1.0, options.seconds / 400), self.began)
        stack.callback(self.watch.finish)

    def work(self) -> None:
        """Kill and go on until the time is over; then let everything come to rest."""
        options = self.options
        chaos = self.chaos = Chaos(self.site.parts, plan(options.seed, options.seconds, options.every), self.began)
        try:
            while (left := self.began + options.seconds - time.monotonic()) > 0:
                time.sleep(min(TELL_EVERY, left))
                self._progress()
        finally:
            chaos.finish()
        if self.traffic.process is None or self.traffic.process.poll() is not None:
            chaos.problems.append(f"The traffic ended by itself: {self.traffic.log_tail(1)}")
        self.watch.finish()
        self.visits.finish()
        self.done = self.traffic.finish()
        self.traffic_seconds = time.monotonic() - self.started

    def outcome(self) -> Outcome:
        """Wait until nothing more comes, and gather what there is."""
        say("The traffic has ended; waiting for pages, relay and sealer.")
        file = self.folder / "table.json"
        file.write_text(json.dumps(self.table.ids(self.opened_after)))
        told = self.pages.tell("settle", table=str(file), patience=PATIENCE)
        self._wait_for_relay()
        sealed = self._sealed()
        listed = self.site.manage("signal_partition", "list", "--json")
        self.partitions = len(json.loads(listed.stdout or "{}").get("partitions", ()))
        if listed.returncode:
            self.chaos.problems.append(f"signal_partition list ends with {listed.returncode}: {listed.stdout[-500:]}")
        return Outcome(
            pages=told["pages"],
            codes=told["codes"],
            said=told["said"],
            table=self.table.all(),
            kept=self.site.receiver.kept,
            kills=self.chaos.kills,
            sealed=sealed,
            growths=[growth for life in longest(self.watch.lives) for growth in growths(life)],
            late=self.options.late,
            away=self.chaos.away,
            ended=self.chaos.ended,
            problems=self.chaos.problems,
            named=self.table.about,
        )

    def told(self, command: str, outcome: Outcome) -> Run:
        """What was done, for the report."""
        counted: Counter[str] = Counter()
        for name, server in self.site.servers.items():
            if name in WATCHED:
                counted += logged.kinds(name, server.log_text().splitlines())
        return Run(
            seed=self.options.seed,
            seconds=self.options.seconds,
            command=command,
            sockets=self.options.sockets,
            rate=len(outcome.table) / self.traffic_seconds,
            actions=self.done["done"],
            failed=self.done["failed"],
            partitions=self.partitions,
            load=os.getloadavg()[2],
            visits=dict(self.visits.statuses),
            logged=logged.most(counted),
        )

    def keep(self, folder: Path) -> None:
        """Copy the logs of all processes."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, server in {**self.site.servers, "traffic": self.traffic}.items():
            (folder / f"{name}.log").write_text(server.log_text())

    def _cut_into_partitions(self) -> None:
        events = self.options.rate * EVENTS_AN_ACTION * self.options.seconds
        rows = max(FEWEST_ROWS, round(events / PARTITIONS))
        done = self.site.manage("signal_partition", "convert", "--rows", str(rows))
        if done.returncode:
            raise RuntimeError(f"The log could not be cut into partitions: {done.stdout}{done.stderr}")
        say(done.stdout.splitlines()[-2])

    def _processes(self) -> dict[str, int]:
        servers = {**self.site.servers, "traffic": self.traffic}
        return {name: server.process.pid for name, server in servers.items() if name in WATCHED and server.process}

    def _progress(self) -> None:
        number, kept = self.table.count(), len(self.site.receiver.kept.ids)
        events = "the database is away" if number is None else f"{number:,} events, relay {number - kept:,} behind"
        past = time.monotonic() - self.began
        say(
            f"{past:,.0f} of {self.options.seconds:,.0f} s  {events}  {self.pages.tell('now')['open']} pages open  "
            f"{sum(self.chaos.kills.values())} kills, last: {self.chaos.last or 'none'}"
        )

    def _wait_for_relay(self) -> None:
        kept, table, before, since = self.site.receiver.kept, self.table.all(), -1, time.monotonic()
        while (missing := len(table - kept.ids)) and time.monotonic() - since < PATIENCE:
            if missing != before:
                before, since = missing, time.monotonic()
            time.sleep(0.5)

    def _sealed(self) -> Sealed:
        deadline = time.monotonic() + SEALED_WITHIN
        while True:
            events, leaves, is_countersigned = self.table.sealed(WITNESS)
            if (events == leaves and is_countersigned) or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        verified = self.site.manage("signal_verify")
        said = " ".join((verified.stdout + verified.stderr).split())
        return Sealed(events, leaves, is_countersigned, verified.returncode, said)


def soak(options: Options, command: str, logs: Path | None = None) -> tuple[Run, Outcome, list[str]]:
    """Run it, and return what was done, what it has left, and what is wrong."""
    with TemporaryDirectory(prefix="soak-") as folder, ExitStack() as stack:
        work = Soak(options, Path(folder), stack)
        if logs is not None:
            stack.callback(work.keep, logs)
        work.work()
        outcome = work.outcome()
        found = findings(outcome)  # while the database is there that knows the events by name
        return work.told(command, outcome), outcome, found
