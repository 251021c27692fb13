"""An event's time is stored as Django itself would write it, so that every query finds it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from signal_log.models import SignalEvent
from signal_log.store.append import append
from tests.factories import event_value, make_event

pytestmark = pytest.mark.django_db

MOMENT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def stored(moment):
    """Return the stored time as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT occurred_at FROM signal_log_signalevent ORDER BY id DESC LIMIT 1")
        return str(cursor.fetchone()[0])


@pytest.mark.parametrize("zone", [None, "Asia/Kolkata"])
@pytest.mark.parametrize("micros", [0, 1, 120_000])
def test_moment_is_written_as_django_writes_it(micros, zone, monkeypatch):
    """Whole seconds have no fraction, and the zone is the one that the host gave its SQLite database, if any."""
    if zone and connection.vendor == "sqlite":
        monkeypatch.setattr(connection, "timezone", ZoneInfo(zone))
    moment = MOMENT + timedelta(microseconds=micros)
    make_event(occurred_at=moment)
    by_django = stored(moment)
    append([event_value(occurred_at=moment)], connection)
    assert stored(moment) == by_django
    assert SignalEvent.objects.filter(occurred_at=moment).count() == 2
