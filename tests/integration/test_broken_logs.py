"""Breaking the log is cheap, whatever earlier tests left in the database."""

from __future__ import annotations

import pytest
from django.db import connection

from signal_log.models import SignalEvent
from tests.integration.broken_logs import FILLER, disk_full, execute

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.one_database
def test_a_full_disk_counts_no_page_that_an_earlier_test_has_freed():
    """A few events fill the disk, even if earlier tests freed megabytes of pages."""
    if connection.vendor == "sqlite":
        execute("CREATE TABLE many AS SELECT zeroblob(8000000) AS bytes")
        execute("DROP TABLE many")
    with disk_full():
        assert SignalEvent.objects.filter(source=FILLER).count() < 500
