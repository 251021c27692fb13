"""The scenarios that are measured: each runs on a testbed and returns its figures."""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from websockets.sync.client import connect

from tests.benchmarks.live.testbed import (
    BARE,
    GIVE_UP_AFTER,
    OURS,
    TEXTBOOK,
    ClientProcess,
    Testbed,
    cpu_seconds,
    memory,
    waited_seconds,
)
from tests.servers.daphne import Daphne

SUSTAINED_P99: Final = 1000.0
SUSTAINED_RATE: Final = 0.95
ATTEMPTS: Final = 2
"""A step that fails is tried again, and so is the next one, because other load on the machine comes and goes."""

WARM: Final = 30
"""Sockets that are opened before it is measured."""

Figures = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """The size of a run."""

    sockets: int = 500
    seconds: float = 4.0
    long: float = 10.0
    quiet: float = 20.0
    outage: float = 10.0


QUICK: Final = Size(sockets=50, seconds=2.0, long=4.0, quiet=4.0, outage=3.0)

STEPS: Final = {
    "textbook": (1, 2.5, 5, 7.5, 10, 15, 20, 25, 35, 50, 75, 100, 150, 200, 300),
    "bare": (10, 25, 50, 75, 100, 125, 150, 200, 300, 500, 1000),
    "bare batched": (250, 500, 1000, 1500, 2000, 2500, 3000, 4000, 6000, 10_000),
    "ours": (100, 250, 500, 1000, 1500, 2000, 3000, 4000, 6000),
}


def progress(text: str) -> None:
    """Report progress on standard error, because a run takes minutes."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


# --- how much -------------------------------------------------------------------------------------
def sustained(name: str, run_step: Callable[[float], Figures]) -> Figures:
    """Find the highest sustained step: the rate is kept, nothing is lost, and p99 is below a second."""
    best: Figures = {"rate": 0, "deliveries_a_second": 0.0}
    broke: Figures = {}
    for rate in STEPS[name]:
        for _ in range(ATTEMPTS):
            step = run_step(rate)
            step |= {"rate": rate, "held": holds(step)}
            progress(f"{name} {rate}/s: {short(step)}")
            if step["held"]:
                best, broke = step, {}
                break
        if broke:
            break
        if not step["held"]:
            broke = step
    return best | ({"broke_at": broke} if broke else {})


def holds(step: Figures) -> bool:
    """Return whether this rate is sustained."""
    return step["kept"] >= SUSTAINED_RATE and not step["lost"] + step["twice"] and step["p99"] < SUSTAINED_P99


def short(step: Figures) -> str:
    """Return the figures of a step in one line."""
    rounded = {key: round(value, 2) if isinstance(value, float) else value for key, value in step.items()}
    return " ".join(f"{key}={value}" for key, value in rounded.items() if key not in ("broke_at", "bytes", "last"))


def counted(
    testbed: Testbed, server: Daphne, clients: ClientProcess, publish: Callable[[], Figures], **more: Any
) -> Figures:
    """Run one step: reset, publish, wait for the last event, count."""
    clients.tell("begin")
    watched = [server.process.pid if server.process else 0, clients.process.pid]
    cpu, waited = cpu_seconds(server), [waited_seconds(process) for process in watched]
    done = publish()
    waited = [waited_seconds(process) - before for process, before in zip(watched, waited, strict=True)]
    result = clients.tell("finish", report=str(testbed.report), patience=more.get("patience", GIVE_UP_AFTER))
    took = max(result["last"], done["ended"]) - done["began"]
    used = cpu_seconds(server) - cpu if server.process else 0.0
    return result | {
        "events": len(done["ids"]),
        "kept": more["rate"] and len(done["ids"]) / (done["ended"] - done["began"]) / more["rate"],
        "deliveries_a_second": result["deliveries"] / took,
        "server_cpu": used / took,
        "server_waited": waited[0] / took,
        "clients_waited": waited[1] / took,
        "us_a_delivery": used / max(result["deliveries"], 1) * 1e6,
    }


def textbook(testbed: Testbed, size: Size) -> Figures:
    """Measure baseline (a)."""
    with testbed.serve(TEXTBOOK) as server, testbed.pages(server, size.sockets, ours=False) as clients:

        def run_step(rate: float) -> Figures:
            publish = lambda: testbed.finished(  # noqa: E731
                testbed.publisher(kind="group_send", rate=rate, seconds=size.seconds)
            )
            return counted(testbed, server, clients, publish, rate=rate)

        return sustained("textbook", run_step)


def bare(testbed: Testbed, size: Size, batch: int) -> Figures:
    """Measure baseline (b), with this many events per frame."""
    with testbed.serve(BARE) as server, testbed.pages(server, size.sockets, ours=False) as clients:

        def run_step(rate: float) -> Figures:
            testbed.report = testbed.folder / "report.json"
            order = {"rate": rate, "batch": batch, "seconds": size.seconds, "report": str(testbed.report)}
            return counted(testbed, server, clients, lambda: publish_on_bare(server, testbed, order), rate=rate)

        return sustained("bare batched" if batch > 1 else "bare", run_step)


def publish_on_bare(server: Daphne, testbed: Testbed, order: Figures) -> Figures:
    """Let the bare server publish, and wait until it has."""
    with connect(f"{server.websocket_url}/publish/", ping_timeout=None) as socket:
        socket.send(json.dumps(order))
        for _ in socket:
            pass
    return testbed.published()


def rows(testbed: Testbed, server: Daphne, clients: ClientProcess, rate: float, seconds: float, **more: Any) -> Figures:
    """Run one step of ours, the events written as rows."""
    publish = lambda: testbed.finished(  # noqa: E731
        testbed.publisher(kind="rows", rate=rate, seconds=seconds, **more)
    )
    return counted(testbed, server, clients, publish, rate=rate)


def ours(testbed: Testbed, size: Size) -> Figures:
    """Measure the live page's socket, used as the page does."""
    with testbed.serve(OURS) as server, testbed.pages(server, size.sockets) as clients:
        return sustained("ours", lambda rate: rows(testbed, server, clients, rate, size.seconds))


# --- how soon -------------------------------------------------------------------------------------
def soon(testbed: Testbed, size: Size, sockets: int, rate: float) -> Figures:
    """Measure from the commit of a save to its receipt, with signal_log's own recorder and doorbell."""
    with testbed.serve(OURS) as server, testbed.pages(server, sockets) as clients:
        publish = lambda: testbed.finished(  # noqa: E731
            testbed.publisher(kind="saves", rate=rate, seconds=size.long)
        )
        return counted(testbed, server, clients, publish, rate=rate)


def beside(testbed: Testbed, size: Size, processes: int, sockets: int, rate: float) -> Figures:
    """Measure the same with the sockets spread over several server processes, which share one core here."""
    with ExitStack() as stack:
        servers = [stack.enter_context(testbed.serve(OURS)) for _ in range(processes)]
        first, *others = servers
        clients = stack.enter_context(testbed.pages(first, sockets, *others))
        before = sum(map(cpu_seconds, servers))
        publish = lambda: testbed.finished(  # noqa: E731
            testbed.publisher(kind="saves", rate=rate, seconds=size.long)
        )
        figures = counted(testbed, first, clients, publish, rate=rate)
        return figures | {"all_cpu": (sum(map(cpu_seconds, servers)) - before) / size.long}


def churned(testbed: Testbed, size: Size, rate: float, every: float = 5.0) -> Figures:
    """Measure with each socket cut every 5 s and resumed."""
    with testbed.serve(OURS) as server, testbed.pages(server, size.sockets) as clients:
        clients.tell("churn", every=every)
        return rows(testbed, server, clients, rate, size.long)


def handshakes(testbed: Testbed, size: Size, known: bool | None) -> Figures:
    """Return the milliseconds of CPU that one socket's opening takes; ``known`` is None for bare daphne."""
    ours = known is not None
    with testbed.serve(OURS if ours else BARE) as server, testbed.pages(server, WARM, ours=ours) as clients:
        clients.tell("cookies_of", cookies=testbed.cookies(size.sockets) if known is False else [])
        before = cpu_seconds(server)
        clients.tell("more", count=WARM + size.sockets)
        return {"sockets": size.sockets, "ms": (cpu_seconds(server) - before) / size.sockets * 1000}


# --- what it costs --------------------------------------------------------------------------------
def ring(testbed: Testbed, size: Size, *, redis: bool, dashboards: int) -> Figures:
    """Return the microseconds of one ring: 200 a second, like commits, and without a pause in between."""
    with testbed.serve(OURS, redis=redis) as server, testbed.pages(server, dashboards):
        time.sleep(1)
        apart = measure_on(server, count=int(size.long * 100), pause=0.005)
        return {"apart": apart, "in_a_row": measure_on(server, count=20_000, pause=0)}


def measure_on(server: Daphne, **order: float) -> Figures:
    """Fetch the running server's measurement."""
    question = "&".join(f"{key}={value}" for key, value in order.items())
    with urllib.request.urlopen(f"{server.url}/ring/?{question}", timeout=120) as answer:  # noqa: S310
        measured: Figures = json.loads(answer.read())
    return measured


def idle(testbed: Testbed, size: Size) -> Figures:
    """Return the server's CPU time over 20 idle seconds with all sockets open."""
    with testbed.serve(OURS) as server, testbed.pages(server, size.sockets):
        time.sleep(3)
        before = cpu_seconds(server)
        time.sleep(size.quiet)
        return {"seconds": size.quiet, "cpu_seconds": cpu_seconds(server) - before, "memory": memory(server)}


# --- what goes wrong ------------------------------------------------------------------------------
def stalled(testbed: Testbed, size: Size, rate: float = 500) -> Figures:
    """Let 50 sockets read, then let 5 of them stop, and compare memory and the other 45."""
    result: Figures = {}
    with testbed.serve(OURS) as server, testbed.pages(server, 50) as clients:
        rows(testbed, server, clients, rate, size.seconds)  # warm-up
        for name, count in (("all", 0), ("stalled", 5)):
            clients.tell("stall", count=count)
            before = memory(server)
            result[name] = rows(testbed, server, clients, rate, size.long)
            result[name]["grown"] = memory(server) - before
    return result


def outage(testbed: Testbed, size: Size, what: str, rate: float = 200) -> Figures:
    """Stop Redis, the database or the server for some seconds under load; every event must arrive afterwards."""
    with testbed.serve(OURS) as server, testbed.pages(server, 50) as clients:
        lose, give_back = {
            "Redis": (testbed.layer.kill, testbed.layer.start),
            "database": (testbed.database.terminate, testbed.database.start),
            "server": (server.kill, lambda: testbed.restart(server)),
        }[what]
        clients.tell("begin")
        publisher = testbed.publisher(kind="rows", rate=rate, seconds=size.outage + 6, through_outage=True)
        time.sleep(3)
        with timed() as took:
            lose()
            time.sleep(size.outage)
            give_back()
        done = testbed.finished(publisher)
        result = clients.tell("finish", report=str(testbed.report), patience=20)
        return result | {"events": len(done["ids"]), "away": took[0]}


@contextmanager
def timed() -> Iterator[list[float]]:
    """Time a block in seconds."""
    took = [time.monotonic()]
    yield took
    took[0] = time.monotonic() - took[0]
