"""Fills the log with millions of events by SQL alone: pairs of pre and post, spread over the last hundred days."""

from __future__ import annotations

from typing import Final

from django.db import connection

from signal_log.models import SignalEvent

TABLE: Final = SignalEvent._meta.db_table
DAYS: Final = 100
BUSY: Final = 60_000
"""Newest events that fall in the last ten minutes: more than the live page's counts look at."""
RARE_EVERY: Final = 1_000_000
"""The rare filters match one operation out of this many."""
DELETE_EVERY: Final = 1_000
PART: Final = 500_000
"""Operations written by one statement."""

OBJECTS: Final = 50_000
"""Their operations follow each other in turns, and each finds what the one before has left."""

_MOMENT: Final = f"""now() - CASE
    WHEN {{n}} > %(busy)s THEN interval '10 minutes' * (%(last)s - ({{n}})) / (%(last)s - %(busy)s)
    ELSE interval '10 minutes' + interval '{DAYS} days' * (%(busy)s - ({{n}})) / %(busy)s END"""

ROWS: Final = f"""
INSERT INTO {TABLE} (
    signal, sender, object_pk, object_repr, created, raw, "using", changes, overwrote, trace_id,
    position, parent_position, operation, caused_by, outcome, error, actor_pk, actor_repr, source, request_id,
    method, path, remote_addr, call_site, occurred_at, process, salt, digest
)
SELECT
    CASE WHEN post THEN 'post_' ELSE 'pre_' END || CASE WHEN n %% {DELETE_EVERY} = 3 THEN 'delete' ELSE 'save' END,
    CASE WHEN rare THEN 'shop.Rare' WHEN n %% {OBJECTS} %% 10 = 0 THEN 'shop.Order'
         WHEN n %% {OBJECTS} %% 3 = 0 THEN 'auth.User'
         ELSE 'users.Profile' END,
    (n %% {OBJECTS})::text,
    CASE WHEN rare THEN 'needle ' ELSE 'person ' END || n %% {OBJECTS},
    CASE WHEN post THEN n %% 20 = 0 END, false, 'default',
    jsonb_build_object('headline', jsonb_build_array('at work ' || n - {OBJECTS}, 'at work ' || n),
                       'updated', jsonb_build_array(before, moment))
        || CASE WHEN rare THEN '{{"is_staff": [false, true]}}' ELSE '{{}}' END::jsonb,
    CASE WHEN post THEN CASE WHEN rare THEN '["headline"]' ELSE '[]' END END::jsonb,
    (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '7' || left(md5(n::text), 3)
     || '8' || right(md5(n::text), 15))::uuid,
    CASE WHEN post THEN 2 ELSE 1 END, NULL, 1, '',
    CASE WHEN n %% 500 = 0 THEN 'rolled_back' ELSE 'committed' END, '',
    (n %% 1000)::text, 'person ' || n %% 1000,
    CASE WHEN rare THEN 'command:rare' ELSE 'http' END, md5(n::text),
    'POST', '/accounts/profile/', '198.51.100.' || n %% 250, '', moment, 'web:4242',
    substr(sha256(n::text::bytea), 1, 16), sha256((n * 2 + post::int)::text::bytea)
FROM (
    SELECT n, post, n %% {RARE_EVERY} = {RARE_EVERY // 2} AS rare,
           {_MOMENT.format(n="n")} AS moment, {_MOMENT.format(n=f"n - {OBJECTS}")} AS before
    FROM generate_series(%(low)s::bigint, %(high)s::bigint) AS n, unnest(ARRAY[false, true]) AS post
) AS made
ORDER BY n, post
"""  # noqa: S608  our own names


def fill(events: int) -> None:
    """Write this many events; the indexes are created afterwards, which is several times faster."""
    last = events // 2
    busy = max(1, last - min(BUSY, events // 4) // 2)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexname NOT LIKE '%%_pkey'", [TABLE]
        )
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        for low in range(1, last + 1, PART):
            high = min(low + PART - 1, last)
            cursor.execute(ROWS, {"low": low, "high": high, "last": last, "busy": busy})
        for _, definition in indexes:
            cursor.execute(definition)
        cursor.execute(f"VACUUM (ANALYZE) {TABLE}")
