"""A column is added to the log by the field list, the model and a generated migration, also on existing databases."""

import json
import re
import shutil
from pathlib import Path

import pytest

import signal_log
from tests.integration.host_project import HostProject

APP = Path(signal_log.__file__).parent

STORE = """
import uuid
from datetime import UTC, datetime
from django.db import connection, transaction
from signal_log.event import Event
from signal_log.store.append import FEW, append

def store(number, **fields):
    now, trace = datetime.now(UTC), str(uuid.uuid4())
    event = Event("odd", "crew.Person", "default", trace, 1, 1, "test", now, "host:1", **fields)
    with transaction.atomic():
        append([event._replace(salt=bytes(32))] * number, connection)
"""
OLD_ROWS = f"{STORE}\nstore(1, object_pk='few')\nstore(FEW + 1, object_pk='many')"
NEW_ROWS = f"""{STORE}
store(1, object_pk='few', weather='rain', sky=['grey', 'blue'])
store(FEW + 1, object_pk='many', weather='snow', sky={{'b': 1, 'a': None}})
store(1, object_pk='plain')
from crew.models import Person
Person.objects.create(name="after")
"""
FOUND = """
import json
from django.db import DatabaseError, connection
from signal_log import SignalEvent
from signal_log.seal.canonical import event_digest
from signal_log.store import schema
from signal_log.store.read import as_mapping

def refused(statement):
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    except DatabaseError as error:
        return "append-only" in str(error)

rows = list(SignalEvent.objects.order_by("pk"))
print(json.dumps({
    "rows": [(row.object_pk, row.weather, row.sky) for row in rows if row.signal == "odd"],
    "recorded": [row.signal for row in rows if row.changes == {"id": [None, 2], "name": [None, "after"]}],
    "sealed": [event_digest(as_mapping(row), bytes(row.salt)) == bytes(row.digest) for row in rows if row.weather],
    "missing": schema.missing(connection),
    "refused": [refused("UPDATE signal_log_signalevent SET path = 'x'"), refused("DELETE FROM signal_log_signalevent")],
}))
"""


@pytest.fixture
def project(tmp_path, db):
    """A project with a copy of the app and an existing log."""
    shutil.copytree(APP, tmp_path / "signal_log", ignore=shutil.ignore_patterns("static", "__pycache__"))
    project = HostProject(tmp_path)
    project.manage("migrate", "-v0")
    project.python(OLD_ROWS)
    return project


def add_columns(project):
    """Add a text and a JSON column to the copy's field list and model."""
    for name, pattern, added in (
        ("event.py", r"(?m)^    call_site: .*\n", '    weather: InPayload[str] = ""\n    sky: InPayload[Any] = None\n'),
        (
            "models/event.py",
            r"(?m)^    call_site = .*\n",
            '    weather = models.CharField(max_length=20, blank=True, default="")\n    sky = BareJSON(null=True)\n',
        ),
    ):
        file = project.folder / "signal_log" / name
        text = file.read_text()
        assert len(re.findall(pattern, text)) == 1
        file.write_text(re.sub(pattern, lambda found, added=added: found[0] + added, text))


def test_an_added_column_is_stored_on_an_upgraded_database(project):
    """Function, COPY and INSERT store the new columns' values, older rows have the defaults, the log stays locked."""
    add_columns(project)
    project.manage("makemigrations", "signal_log", "-v0")
    project.manage("migrate", "-v0")
    project.python(NEW_ROWS)
    found = json.loads(project.python(FOUND))
    many = sum(row[0] == "many" for row in found["rows"]) // 2
    assert many > 1
    assert found["rows"] == [
        ["few", "", None],
        *[["many", "", None]] * many,
        ["few", "rain", ["grey", "blue"]],
        *[["many", "snow", {"a": None, "b": 1}]] * many,
        ["plain", "", None],
    ]
    assert found["recorded"] == ["post_save"]
    assert found["sealed"] == [True] * (many + 1)
    assert found["missing"] == []
    assert found["refused"] == [True, True]
