"""Health checks and metrics for orchestrators and monitoring; they expose no user data."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from channels.layers import get_channel_layer
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from signal_log.capture.faults import faults
from signal_log.capture.transaction.unrecorded import unrecorded
from signal_log.store.read import events
from signal_log.tail import doorbell, hub
from signal_log.telemetry.lost import lost

LONGEST_WAIT: Final = 3.0
PROBE: Final = "observatory.readyz"

_migrated = False
_prober = ThreadPoolExecutor(1, "readyz")  # a single thread, so that probes of a dead database do not pile up


@transaction.non_atomic_requests
@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process responds at all."""
    return JsonResponse({"status": "ok"})


@transaction.non_atomic_requests
@require_safe
@never_cache
async def readyz(request: HttpRequest) -> JsonResponse:
    """200 if the database responds with all migrations applied and the channel layer accepts messages, else 503."""
    database, layer = await asyncio.gather(_ask(_database), _ask(_layer))
    ready = database == layer == "ok"
    return JsonResponse(
        {"status": "ready" if ready else "not ready", "database": database, "channel_layer": layer},
        status=200 if ready else 503,
    )


@transaction.non_atomic_requests
@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """This process's metrics, in Prometheus text format."""
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


class LogCollector(Collector):
    """Collects at every scrape; keeps no state."""

    def collect(self) -> Iterator[Metric]:
        """One query by primary key; if the database is down, its metrics are omitted rather than zero."""
        yield GaugeMetricFamily("signal_log_sockets_open", "Live pages connected to this process.", hub.open_sockets())
        yield CounterMetricFamily(
            "signal_log_failed_doorbells",
            "Rings of this process that did not reach the channel layer.",
            doorbell.failed_rings(),
        )
        yield CounterMetricFamily(
            "signal_log_unrecorded_events",
            "Events of this process that could not be written to the log.",
            unrecorded.total,
        )
        yield CounterMetricFamily(
            "signal_log_recorder_faults",
            "Failures of the recorder of this process to tell all of an event.",
            faults.total,
        )
        yield CounterMetricFamily(
            "signal_log_lost_traces", "Traces of this process whose durations were not kept.", lost.traces
        )
        yield CounterMetricFamily(
            "signal_log_lost_receiver_calls", "Receivers' calls of this process that were not kept.", lost.calls
        )
        newest = _newest_event()
        yield GaugeMetricFamily("signal_log_database_up", "Whether the log can be read.", newest is not None)
        if newest is not None:
            yield GaugeMetricFamily(
                "signal_log_newest_event_id",
                "The highest id in the log; its rate is that of recorded events (ids may have gaps).",
                newest,
            )


REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
REGISTRY.register(LogCollector())


def _newest_event() -> int | None:
    try:
        return events().order_by("-pk").values_list("pk", flat=True).first() or 0
    except (DatabaseError, InterfaceError):
        return None


async def _ask(question: Callable[[], Awaitable[str]]) -> str:
    """The result, without host names; ``does not answer`` for errors and timeouts."""
    try:
        return await asyncio.wait_for(question(), LONGEST_WAIT)
    except Exception:  # noqa: BLE001  whatever a driver raises, it is not ready
        return "does not answer"


async def _database() -> str:
    # Not sync_to_async, which waits for its thread even after a timeout; a dead host can take long.
    return await asyncio.get_running_loop().run_in_executor(_prober, _ask_database)


def _ask_database() -> str:
    global _migrated  # noqa: PLW0603  migrations are never unapplied under a running process
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _migrated:
            executor = MigrationExecutor(connection)
            pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
            if pending:
                return f"{len(pending)} migrations are not applied"
            _migrated = True
        return "ok"
    finally:
        connection.close()


async def _layer() -> str:
    layer: Any = get_channel_layer()
    if layer is None:
        return "not configured"
    await layer.group_send(PROBE, {"type": "probe"})
    return "ok"
