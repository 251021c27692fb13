"""Fills django-auditlog's table with an entry for each operation of the large log, and names the pages to ask for."""

from __future__ import annotations

from typing import Final

from django.contrib.contenttypes.models import ContentType
from django.db import connection

from signal_log.models import SignalEvent

ADMIN: Final = "/admin/auditlog/logentry/?"
QUESTIONS: Final = {
    "django-auditlog: admin list": ADMIN,
    "django-auditlog: one action": f"{ADMIN}action=1",
    "django-auditlog: search, a name": f"{ADMIN}q=person+77",
}
PAGE_SIZE: Final = 100
"""Of Django's admin; ours shows as many."""

ROWS: Final = f"""
INSERT INTO auditlog_logentry
    (content_type_id, object_pk, object_id, object_repr, action, changes_text, changes, timestamp)
SELECT %(content_type)s, object_pk, object_pk::bigint, object_repr,
       CASE WHEN signal = 'post_delete' THEN 2 WHEN created THEN 0 ELSE 1 END, '', changes, occurred_at
FROM {SignalEvent._meta.db_table} WHERE signal LIKE 'post%%' ORDER BY id
"""  # noqa: S608  our own names


def fill() -> None:
    """Copy every operation's values; the indexes are created afterwards, as the log's own are."""
    table = "auditlog_logentry"
    statement = ROWS if connection.vendor == "postgresql" else ROWS.replace("::bigint", " + 0")
    user = ContentType.objects.get(app_label="auth", model="user")
    with connection.cursor() as cursor:
        cursor.execute(statement, {"content_type": user.pk})
        cursor.execute(f"ANALYZE {table}" if connection.vendor == "sqlite" else f"VACUUM (ANALYZE) {table}")
