"""Asks ``/traces/`` as a reader would, on telemetry that was filled by SQL, and times each answer."""

from __future__ import annotations

import logging
import warnings
from time import perf_counter, time
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import override_settings, setup_test_environment

from signal_log import pipeline
from tests.benchmarks.large_log_queries import PLAIN_FILES

TIMES: Final = 40
PAGES: Final = 20
QUESTIONS: Final = {
    "newest first": "", "slowest first": "sort=duration", "most failures first": "sort=failed",
    "took 100 ms": "took=>100ms",
    "`status=500`": "status=500", "`name=/rare/`": "name=/rare/", "`receiver=`, one in 1,000": "receiver=shop.rare",
    "slowest of a status": "sort=duration&status=500",
}  # fmt: skip

# Times are spread so that a trace's id (UUID version 7) tells when it was, the newest now.
TRACE: Final = """
INSERT INTO signal_log_signaltrace (trace_id, source, name, actor_pk, actor_repr, started_at, duration_us, status,
    events, operations, failed, silent, slowest_receiver, slowest_us)
SELECT {trace}, 'http', CASE WHEN n % 10000 = 7 THEN 'GET /rare/' ELSE 'POST /accounts/profile/' END, '7', 'ada',
    {moment}, (n * 7919) % 900000, CASE WHEN n % 1000 = 3 THEN '500' ELSE '302' END, 4, 2,
    CASE WHEN n % 5000 = 1 THEN 1 ELSE 0 END, 0, 'users.signals.sync_user', (n * 7919) % 90000
FROM {numbers}
"""
CALL: Final = """
INSERT INTO signal_log_receivercall (trace_id, position, sender, signal, receiver, started_us, duration_us, queries,
    error)
SELECT {trace}, 2, 'users.Profile', 'post_save',
    CASE WHEN n % 1000 = 3 THEN 'shop.rare' ELSE 'users.signals.sync_user' END, 5, (n * 7919) % 90000, 1, ''
FROM {numbers}
"""
PARTS: Final = {
    "postgresql": {
        "trace": "(lpad(to_hex({ms}), 12, '0') || '7abc8' || lpad(to_hex(n), 15, '0'))::uuid",
        "ms": "{now}::bigint - ({last} - n) * 100",
        "moment": "now() - interval '100 milliseconds' * ({last} - n)",
        "numbers": "generate_series(1::bigint, {last}) AS n",
    },
    "sqlite": {
        "trace": "printf('%012x7abc8%015x', {ms}, n)",
        "ms": "{now} - ({last} - n) * 100",
        "moment": "strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || (({last} - n) / 10) || ' seconds')",
        "numbers": "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {last}) SELECT n FROM c)",
    },
}


def measure(traces: int) -> dict[str, Any]:
    """Return the 95th percentile and the median in milliseconds of each question."""
    warnings.filterwarnings("ignore", "No directory at")  # static files are neither collected nor requested
    logging.disable(logging.INFO)
    setup_test_environment(debug=False)
    override_settings(STORAGES=settings.STORAGES | {"staticfiles": {"BACKEND": PLAIN_FILES}}).enable()
    pipeline.stop()
    call_command("migrate", verbosity=0)
    _fill(traces)
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("reader"))
    times = {name: _timed(client, f"/traces/?{query}") for name, query in QUESTIONS.items()}
    place = ""
    for _ in range(PAGES):
        place = client.get(f"/traces/?sort=duration&format=json{place and f'&after={place}'}").json()["next"]
    times[f"slowest first, page {PAGES + 1}"] = _timed(client, f"/traces/?sort=duration&after={place}")
    return {"traces": traces, "times": times}


def _fill(traces: int) -> None:
    # Both tables have the same ids of traces, hence one time for both.
    now = str(round(time() * 1_000))
    own = PARTS[connection.vendor].items()
    parts = {name: text.replace("{last}", str(traces)).replace("{now}", now) for name, text in own}
    parts["trace"] = parts["trace"].replace("{ms}", parts["ms"])
    with connection.cursor() as cursor:
        for statement in (TRACE, CALL):
            cursor.execute(statement.format(**parts))
        cursor.execute("ANALYZE")


def _timed(client: Client, address: str) -> tuple[float, float]:
    taken = []
    for _ in range(TIMES):
        began = perf_counter()
        answer = client.get(address)
        taken.append((perf_counter() - began) * 1_000)
        assert answer.status_code == 200, (address, answer.status_code)
        assert b'<td class="n">' in answer.content, address
    ordered = sorted(taken)
    return ordered[round(0.95 * TIMES) - 1], ordered[TIMES // 2]
