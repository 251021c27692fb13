"""The rows of the large log on SQLite, which has neither JSON arrays, hashes nor series as PostgreSQL has them."""

from __future__ import annotations

from typing import Final

from django.db import connection

from signal_log.models import SignalEvent
from tests.benchmarks.large_log_rows import BUSY, DAYS, DELETE_EVERY, OBJECTS, RARE_EVERY

TABLE: Final = SignalEvent._meta.db_table

_MOMENT: Final = f"""strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', CASE
    WHEN {{n}} > %(busy)s THEN printf('-%%f minutes', 10.0 * (%(last)s - ({{n}})) / (%(last)s - %(busy)s))
    ELSE printf('-%%f minutes', 10 + {DAYS} * 1440.0 * (%(busy)s - ({{n}})) / %(busy)s) END)"""

ROWS: Final = f"""
WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < %(last)s)
INSERT INTO {TABLE} (
    signal, sender, object_pk, object_repr, created, raw, "using", changes, overwrote, trace_id, position, operation,
    caused_by, outcome, error, actor_pk, actor_repr, source, request_id, method, path, remote_addr, call_site,
    occurred_at, process, salt, digest
)
SELECT
    CASE post WHEN 1 THEN 'post_' ELSE 'pre_' END || CASE WHEN n %% {DELETE_EVERY} = 3 THEN 'delete' ELSE 'save' END,
    CASE WHEN rare THEN 'shop.Rare' WHEN n %% {OBJECTS} %% 10 = 0 THEN 'shop.Order'
         WHEN n %% {OBJECTS} %% 3 = 0 THEN 'auth.User'
         ELSE 'users.Profile' END,
    n %% {OBJECTS}, CASE WHEN rare THEN 'needle ' ELSE 'person ' END || (n %% {OBJECTS}),
    CASE post WHEN 1 THEN n %% 20 = 0 END, 0, 'default',
    json_patch(
        json_object('headline', json_array('at work ' || (n - {OBJECTS}), 'at work ' || n),
                    'updated', json_array(before, moment)),
        CASE WHEN rare THEN '{{"is_staff": [false, true]}}' ELSE '{{}}' END
    ),
    CASE post WHEN 1 THEN CASE WHEN rare THEN '["headline"]' ELSE '[]' END END,
    printf('%%012x7%%03x8%%015x', unixepoch(moment) * 1000, n %% 4096, n * 7919), 1 + post, 1,
    '', CASE WHEN n %% 500 = 0 THEN 'rolled_back' ELSE 'committed' END, '',
    n %% 1000, 'person ' || (n %% 1000), CASE WHEN rare THEN 'command:rare' ELSE 'http' END, printf('%%032x', n * 7919),
    'POST', '/accounts/profile/', '198.51.100.' || (n %% 250), '', moment, 'web:4242', randomblob(32), randomblob(32)
FROM (
    SELECT n, post, n %% {RARE_EVERY} = {RARE_EVERY // 2} AS rare,
           {_MOMENT.format(n="n")} AS moment, {_MOMENT.format(n=f"n - {OBJECTS}")} AS before
    FROM series, (SELECT 0 AS post UNION ALL SELECT 1)
)
ORDER BY n, post
"""  # noqa: S608  our own names


def fill(events: int) -> None:
    """Write this many events; the indexes are created afterwards, which is several times faster."""
    last = events // 2
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE tbl_name = %s AND type = 'index'", [TABLE])
        indexes = [(name, sql) for name, sql in cursor.fetchall() if sql]
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        cursor.execute(ROWS, {"last": last, "busy": max(1, last - min(BUSY, events // 4) // 2)})
        for _, definition in indexes:
            cursor.execute(definition)
        cursor.execute("ANALYZE")
