"""``/healthz``, ``/readyz`` and ``/metrics``: they expose no user data, and take no transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from channels.layers import get_channel_layer
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache

from signal_log.conf import conf
from signal_log.permission import may_see_events
from signal_log.seal.state import seal_state
from signal_log.show.methods import reads
from signal_log.show.words.sealing import standing

LONGEST_WAIT: Final = 3.0
SILENT: Final = "does not answer"
PROBE: Final = "signal_log.readyz"
INSTALL: Final = "pip install 'signal-log[metrics]'"

View = TypeVar("View", bound=Callable[..., Any])
T = TypeVar("T")

_migrated = False
_prober = ThreadPoolExecutor(1, "readyz")  # a single thread, so that probes of a dead database do not pile up


def for_probes(view: View) -> View:
    """Decorate a view that only reads: GET and HEAD, never cached, without a host's ``ATOMIC_REQUESTS``."""
    safe: View = reads(never_cache(view))
    for alias in connections:
        transaction.non_atomic_requests(using=alias)(safe)
    return safe


@for_probes
def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process responds at all."""
    return JsonResponse({"status": "ok"})


@for_probes
async def readyz(request: HttpRequest) -> JsonResponse:
    """200 if the process can answer people: if its databases respond with all migrations applied, else 503.

    Whether the channel layer accepts messages is said too, but without it, too, people are answered, and live pages ask
    the table once a second. So is how the seal stands: sealed, unsigned, behind, stopped, tampered, or nothing yet.
    """
    (database, seal), layer = await asyncio.gather(_ask(_database, (SILENT, "unknown")), _ask(_layer, SILENT))
    ready = database == "ok"
    return JsonResponse(
        {"status": "ready" if ready else "not ready", "database": database, "channel_layer": layer, "seal": seal},
        status=200 if ready else 503,
    )


@for_probes
def metrics(request: HttpRequest) -> HttpResponse:
    """This process's metrics, for the bearer of ``METRICS_TOKEN`` and for people who may see events."""
    refusal = _refusal(request)
    if refusal is not None:
        return refusal
    try:
        from signal_log.health import collector  # needs the extra
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "prometheus_client":
            raise
        return _plain(f"Metrics need prometheus-client, which is not installed: {INSTALL}", 501)
    return HttpResponse(collector.measured(), content_type=collector.CONTENT_TYPE)


def _refusal(request: HttpRequest) -> HttpResponse | None:
    """401 for nobody, 403 for somebody without the permission, None for those who may."""
    kind, _, sent = request.headers.get("Authorization", "").partition(" ")
    if conf.METRICS_TOKEN and kind.lower() == "bearer" and constant_time_compare(sent.strip(), conf.METRICS_TOKEN):
        return None
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return None if may_see_events(user) else _plain(f"Metrics need the permission {conf.PERMISSION}.", 403)
    refusal = _plain(
        "Metrics need a log-in with the permission, or the header “Authorization: Bearer TOKEN”, where TOKEN is "
        'SIGNAL_LOG["METRICS_TOKEN"].',
        401,
    )
    refusal.headers["WWW-Authenticate"] = 'Bearer realm="metrics"'
    return refusal


def _plain(text: str, status: int) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")


async def _ask(question: Callable[[], Awaitable[T]], otherwise: T) -> T:
    """The result, without host names; ``otherwise`` for errors and timeouts."""
    try:
        return await asyncio.wait_for(question(), LONGEST_WAIT)
    except Exception:  # noqa: BLE001  whatever a driver raises, it is not ready
        return otherwise


async def _database() -> tuple[str, str]:
    # Not sync_to_async, which waits for its thread even after a timeout; a dead host can take long.
    return await asyncio.get_running_loop().run_in_executor(_prober, _ask_database)


def _ask_database() -> tuple[str, str]:
    """Whether the databases can be used, and how the seal stands."""
    global _migrated  # noqa: PLW0603  migrations are never unapplied under a running process
    try:
        pending = 0
        for alias in dict.fromkeys((DEFAULT_DB_ALIAS, conf.DATABASE)):
            with connections[alias].cursor() as cursor:
                cursor.execute("SELECT 1")
            if not _migrated:
                executor = MigrationExecutor(connections[alias])
                of = None if alias == DEFAULT_DB_ALIAS else "signal_log"
                pending += len(executor.migration_plan(executor.loader.graph.leaf_nodes(of)))
        if pending:
            return f"{pending} migrations are not applied", "unknown"
        _migrated = True
        return "ok", standing(seal_state()).kind
    finally:
        connections.close_all()  # this thread's


async def _layer() -> str:
    layer: Any = get_channel_layer()
    if layer is None:
        return "not configured"
    await layer.group_send(PROBE, {"type": "probe"})
    return "ok"
