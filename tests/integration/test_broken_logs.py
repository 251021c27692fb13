"""The ways to break the log cost little, whatever earlier tests have left in the database."""

from __future__ import annotations

import pytest
from django.db import connection

from signal_log.models import SignalEvent
from tests.integration.broken_logs import FILLER, disk_full, execute

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_full_disk_counts_no_page_that_an_earlier_test_has_freed():
    """Few events fill the database to the brim, also where megabytes of it are free."""
    if connection.vendor == "sqlite":
        execute("CREATE TABLE many AS SELECT zeroblob(8000000) AS bytes")
        execute("DROP TABLE many")
    with disk_full():
        assert SignalEvent.objects.filter(source=FILLER).count() < 500
