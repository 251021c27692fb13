"""Many clients at once, taken from the live tail's benchmark: counts and bytes are asserted, never times."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings

from signal_log.models import SignalEvent
from tests.benchmarks.live.report import report
from tests.benchmarks.live.testbed import ClientProcess, memory
from tests.factories import event_value
from tests.tail import log_in, make_observer

if TYPE_CHECKING:
    from tests.servers.daphne import Daphne

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.one_database]

MB = 1_000_000


@pytest.fixture
def clients(server: Daphne) -> Iterator[ClientProcess]:
    """Start 20 subscribed pages in a process of their own."""
    cookie = f"{settings.SESSION_COOKIE_NAME}={log_in(make_observer()).session_key}"
    with closing(ClientProcess()) as process:
        process.tell("connect", count=20, ports=[server.port], path="/ws/events/", cookie=cookie, subscribes=True)
        process.tell("begin")
        yield process


def commit(count: int, **fields: Any) -> list[int]:
    """Create many rows in one commit, and return their ids."""
    value = event_value(**fields)._asdict()
    return [row.pk for row in SignalEvent.objects.bulk_create([SignalEvent(**value) for _ in range(count)])]


def counted(clients: ClientProcess, folder: Path, ids: list[int]) -> dict[str, Any]:
    """Return how many of these events the reading pages have received."""
    written = folder / "report.json"
    written.write_text(json.dumps({"ids": ids, "committed": []}))
    return clients.tell("finish", report=str(written), patience=10)


def test_pages_cut_every_second_end_with_every_event_and_no_socket_gets_one_twice(
    clients: ClientProcess, tmp_path: Path
) -> None:
    """Each page keeps reconnecting with its cursor while events keep coming."""
    clients.tell("churn", every=1.0)
    ids = []
    for _ in range(60):
        ids += commit(10)
        time.sleep(0.05)
    found = counted(clients, tmp_path, ids)
    assert found["cuts"] > 20
    assert (found["sockets"], found["lost"], found["twice"]) == (20, 0, 0)
    assert found["said"] == {}


def test_pages_that_stop_reading_cost_the_others_nothing_and_the_server_little(
    server: Daphne, clients: ClientProcess, tmp_path: Path
) -> None:
    """8 MB are due to each of five frozen pages: little of it waits in the server, and other pages get everything."""
    large = {"changes": {"bio": ["x" * 600, "y" * 600]}}
    # Fill the hub's memory of events to its limit first.
    counted(clients, tmp_path, [number for _ in range(22) for number in commit(100, **large)])
    clients.tell("stall", count=5)
    before = memory(server)
    ids = [number for _ in range(40) for number in commit(100, **large)]
    found = counted(clients, tmp_path, ids)
    assert (found["sockets"], found["lost"], found["twice"]) == (15, 0, 0)
    assert memory(server) - before < 16 * MB


def test_the_tables_of_the_benchmark_say_what_was_measured() -> None:
    """Ratios are listed beside their goals, and a rate that was not sustained is named."""
    step = {"sockets": 500, "p50": 10.0, "p99": 99.0, "server_cpu": 0.5, "server_waited": 0.1, "us_a_delivery": 2.0}
    broke = {"rate": 1500, "p99": 1200.0, "lost": 3, "sockets": 500}
    rates = {
        "textbook": step | {"rate": 15, "deliveries_a_second": 7500.0},
        "bare batched": step | {"rate": 2000, "deliveries_a_second": 1_000_000.0},
        "ours": step | {"rate": 1000, "deliveries_a_second": 450_000.0, "broke_at": broke},
    }
    lines = "\n".join(report({"sustained": rates}))
    assert "delivers 60.00 ≥ 20 times (a)" in lines
    assert "delivers **0.45** < 0.5 times (b) bare daphne, 50 events a frame" in lines
    assert "| signal_log | 1,000 | 450,000 | 10, 99 | 50%, 10% | 2.0 | 1,500/s: p99 1,200 ms, 3 lost |" in lines
