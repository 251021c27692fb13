"""What keeps rows from readers is told by verification and by the system check, whoever asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from signal_log.checks.databases import check_triggers
from tests.integration.verified import log_in, said
from tests.sealed import Sealed, sql

pytestmark = pytest.mark.django_db

HIDES = {
    "postgresql": {
        "row level security": ("ALTER TABLE {log} ENABLE ROW LEVEL SECURITY",),
        "a policy": ("CREATE POLICY p ON {log} USING (id <> 50)",),
        "a rule": ("CREATE RULE r AS ON UPDATE TO {log} DO INSTEAD NOTHING",),
        "a view": ("ALTER TABLE {log} RENAME TO rows", "CREATE VIEW {log} AS SELECT * FROM rows WHERE id <> 50"),
        "another table": ("CREATE TABLE more () INHERITS ({log})",),
    },
    "sqlite": {
        "a view": ("ALTER TABLE {log} RENAME TO more", "CREATE VIEW {log} AS SELECT * FROM more WHERE id <> 50"),
        "an index": ("DROP INDEX signal_log_object",
                     "CREATE INDEX signal_log_object ON {log} (sender, object_pk, id) WHERE id <> 50"),
    },
}  # fmt: skip


@pytest.fixture
def log(tmp_path: Path, settings: Any) -> Sealed:
    """A sealed log."""
    return log_in(tmp_path, settings)


def test_what_hides_rows_is_told(log: Sealed) -> None:
    """By the name of the table."""
    assert said()[:1] == (0,)
    assert not [one for one in check_triggers(databases=["default"]) if "hidden" in one.msg]
    for name, statements in HIDES[connection.vendor].items():
        point = connection.savepoint()
        for statement in statements:
            sql(statement)
        (warning,) = [one for one in check_triggers(databases=["default"]) if "hidden" in one.msg][:1]
        assert (warning.id, "signal_log_signalevent" in warning.msg) == ("signal_log.W014", True), name
        code, told = said()
        assert (code, "hidden" in [one["kind"] for one in told["findings"]]) == (1, True), name
        connection.savepoint_rollback(point)


@pytest.mark.one_database
def test_an_index_that_lacks_rows(log: Sealed) -> None:
    """It says that it has all: the clause was taken out of the schema once the index was made."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'signal_log_object'")
        (made,) = cursor.fetchone()
        cursor.execute("DROP INDEX signal_log_object")
        cursor.execute(f"{made} WHERE id NOT IN ({log.ids[50]}, {log.ids[51]})")
        cursor.execute("PRAGMA writable_schema = ON")
        cursor.execute("UPDATE sqlite_master SET sql = %s WHERE name = 'signal_log_object'", [made])
        cursor.execute("PRAGMA writable_schema = RESET")
    assert {one["kind"] for one in said()[1]["findings"]} == {"hidden"}
