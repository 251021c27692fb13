"""On SQLite, which has no partitions, the command says so."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from signal_log.store.partitions.ahead import keep_ahead


@pytest.mark.one_database
@pytest.mark.django_db
@pytest.mark.parametrize("action", ["convert", "ahead", "list"])
def test_there_are_none_on_sqlite(action):
    """With exit status 2; a server goes on without a word."""
    with pytest.raises(CommandError, match="Partitions are PostgreSQL's: this log is on SQLite") as refused:
        call_command("signal_partition", action)
    assert refused.value.returncode == 2
    assert "signal_prune removes old events row by row" in str(refused.value)
    keep_ahead(connection)
