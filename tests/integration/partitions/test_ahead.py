"""The next partitions are made before they are needed, and a save goes on where they were not."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connection, models

from signal_log import background
from signal_log.errors import PartitionError
from signal_log.models import SealTree, SignalEvent
from signal_log.seal.grow import begin_tree, checkpoint, grow
from signal_log.store import schema
from signal_log.store.follow import Follower
from signal_log.store.partitions.ahead import keep_ahead, make_ahead
from signal_log.store.partitions.layout import DEFAULT, layout
from signal_log.store.row import NAMES, TABLE
from signal_log.store.write_locks import write_lock_holders
from tests.factories import make_event
from tests.integration.verified import said
from tests.log import recorded
from tests.shop.models import Category

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
WRITE = "INSERT INTO {} ({names}) SELECT {names} FROM json_populate_record(null::{log}, %s)"


def execute(*statements):
    """Run statements as the table's owner might; the last one's rows."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def run(*args):
    """Return what the command prints, and its exit status."""
    out, code = StringIO(), 0
    try:
        call_command("signal_partition", *args, stdout=out)
    except SystemExit as ended:
        code = ended.code
    return out.getvalue(), code


def warnings():
    """What `manage.py check --database` says of partitions."""
    return [one.msg for one in run_checks(databases=["default"]) if one.id in ("signal_log.W036", "signal_log.W014")]


def on_a_thread(task):
    """Do it where a connection may be replaced."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(task).result()


def follow(above):
    """The ids that the tail reads above one."""

    def read():
        log = Follower()
        try:
            return [row["id"] for row in log.read(above, (), 10)]
        finally:
            log.close()

    return on_a_thread(read)


def go_on_from(number):
    """Let the next event have this id."""
    execute(f"SELECT setval('{TABLE}_id_seq', {number - 1})")


def test_partitions_are_made_ahead_of_open_writers(converted, other_connection):
    """While somebody's transaction has written to the log, and that is what the lock rule sees; once is enough."""
    make_event()
    converted()
    top = layout(connection).top
    ((row,),) = execute(f"SELECT row_to_json(event)::text FROM {TABLE} AS event LIMIT 1")  # noqa: S608
    writer = other_connection()
    writer.execute(WRITE.format(TABLE, names=NAMES, log=TABLE), [row])
    assert len(write_lock_holders("default")) == 1
    go_on_from(top - 1_199)
    made = make_ahead(connection, patience=1)
    assert made.names == [f"{TABLE}_p{top}"]
    assert (made.emptied, made.enough_until) == ("", top + 1_000)
    told = f"Nothing to do: there are partitions up to event {top + 999:,}; the newest is {top - 1_200:,}.\n"
    assert run("ahead") == (told, 0)
    wide, _ = run("ahead", "--rows", "20000")
    assert f"Made {TABLE}_p{top + 1_000}." in wide
    writer.rollback()
    lowest = layout(connection).ranges[0]
    unused = json.dumps(json.loads(row) | {"id": lowest.high - 1})
    writer.execute(WRITE.format(lowest.name, names=f"id, {NAMES}", log=TABLE), [unused])
    assert len(write_lock_holders("default")) == 1  # a partition's lock counts as well
    writer.rollback()
    assert write_lock_holders("default") == frozenset()


def test_where_nobody_made_the_next_one_a_save_goes_on(converted, caplog):
    """Its events go to the default partition, which the tail and pages read; a server makes that a proper one (G4)."""
    make_event()
    converted()
    top = layout(connection).top
    go_on_from(top - 3)
    assert warnings() == ["The log's partitions last for 3 events more."]
    with recorded() as events:
        for number in range(3):
            Category.objects.create(name=str(number))
    ids = [event.pk for event in events]
    assert ids == list(range(top - 3, top + 3))
    assert follow(top - 4) == ids
    assert execute(f"SELECT count(*) FROM {DEFAULT}") == [(3,)]  # noqa: S608
    assert warnings() == ["3 events of the log had to go to the default partition: the next one was not made in time."]
    told, code = run("list")
    assert code == 1
    assert told.splitlines()[-1] == (
        "WRONG  3 events had to go to the default partition, as the next was not made in time: "
        "signal_partition ahead makes it a proper one."
    )
    on_a_thread(lambda: background.do(background._partitioning(None)))
    assert caplog.text == ""
    assert execute(f"SELECT count(*) FROM {DEFAULT}") == [(0,)]  # noqa: S608
    assert warnings() == []
    assert follow(top - 4) == ids
    parts = layout(connection)
    assert parts.gaps() == []
    assert parts.top > ids[-1] + 2_000
    assert (schema.missing(connection), schema.idle_triggers(connection)) == ([], [])
    execute(f"DROP TABLE {DEFAULT}")
    assert warnings() == [
        "The log has no default partition: where the next partition was not made in time, saves fail."
    ]
    assert f"Made {DEFAULT}." in run("ahead")[0]


def test_an_interrupted_emptying_goes_on(converted):
    """What it has said of the default partition's end is taken back first; rows below its start are named."""
    make_event()
    converted()
    top = layout(connection).top
    go_on_from(top)
    Category.objects.create(name="a")
    execute(f"ALTER TABLE {DEFAULT} ADD CONSTRAINT {TABLE}_below_{top + 50} CHECK (id < {top + 50}) NOT VALID")
    made = make_ahead(connection)
    assert made.emptied == f"{TABLE}_p{top}"
    below = layout(connection).ranges[1]
    execute(f"DROP TABLE {below.name}")
    go_on_from(below.low)
    Category.objects.create(name="b")
    with pytest.raises(PartitionError, match=rf"has 2 events with ids below .*, from {below.low:,} on"):
        make_ahead(connection)


def test_what_somebody_takes_out_is_named(converted, settings):
    """A partition that was dropped, detached or is no longer guarded: by `list`, the checks and `signal_verify`."""
    settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "SEAL_KEYS": []}
    make_event()
    tree = begin_tree("here/log/1")
    while grow(tree, 2**62, 300):
        pass
    checkpoint(tree)
    converted()
    told, code = run("list")
    assert code == 0
    assert [line.split()[0] for line in told.splitlines()[1:]] == [
        *(one.name for one in layout(connection).ranges), DEFAULT,
    ]  # fmt: skip
    assert said()[0] == 0
    first, second, third, fourth = layout(connection).ranges
    execute(
        f"ALTER TABLE {third.name} DISABLE TRIGGER {TABLE}_no_change",
        f"DROP TRIGGER {TABLE}_no_truncate ON {fourth.name}",
    )
    assert {*schema.idle_triggers(connection)} == {
        f"{TABLE}_no_change on public.{third.name}", f"{TABLE}_no_truncate on public.{fourth.name}",
    }  # fmt: skip
    (warning,) = warnings()
    assert third.name in warning
    schema.after_migrate("default")
    assert (schema.idle_triggers(connection), warnings()) == ([], [])
    execute(f"DROP TABLE {third.name}", f"ALTER TABLE {TABLE} DETACH PARTITION {first.name}")
    told, code = run("list", "--json")
    found = json.loads(told)
    assert code == 1
    assert [one["name"] for one in found["partitions"]] == [second.name, fourth.name, DEFAULT]
    assert set(found["partitions"][0]) == {"name", "from", "to", "rows", "bytes", "sealed", "held", "droppable"}
    assert found["problems"] == [
        f"no partition has the ids 1 to {second.low - 1:,}, as it was dropped or detached",
        f"no partition has the ids {third.low:,} to {third.high - 1:,}, as it was dropped or detached",
        f"the table {first.name} is no partition of the log any more, as it was detached",
    ]
    assert "WRONG  No partition has the ids 1 to" in run("list")[0]
    assert len(warnings()) == 3
    code, result = said()
    assert code == 1
    assert {one["kind"] for one in result["findings"]} >= {"hidden"}
    execute(f"ALTER TABLE {TABLE} ATTACH PARTITION {first.name} FOR VALUES FROM (MINVALUE) TO ({first.high})")
    assert len(warnings()) == 1
    assert SealTree.objects.get().size == SignalEvent.objects.count() == 1


def test_later_migrations_reach_every_partition(converted):
    """A column and an index are added as to any table, and the next partitions have them."""
    make_event()
    converted()
    note = models.CharField(max_length=20, null=True)
    note.set_attributes_from_name("note")
    index = models.Index(fields=["path"], name="signal_log_path")
    with connection.schema_editor() as editor:
        editor.add_field(SignalEvent, note)
        editor.add_index(SignalEvent, index)
    assert schema.missing(connection) == []
    top = layout(connection).top
    go_on_from(top - 1)
    (name, *_) = make_ahead(connection).names
    assert execute(f"SELECT count(*) FROM pg_attribute WHERE attrelid = '{name}'::regclass AND attname = 'note'") == [  # noqa: S608
        (1,)
    ]
    indexed = "SELECT count(*) FROM pg_index WHERE indrelid = "
    assert execute(f"{indexed}'{name}'::regclass") == execute(f"{indexed}'{TABLE}'::regclass")
    Category.objects.create(name="a")
    with connection.schema_editor() as editor:
        editor.remove_index(SignalEvent, index)
        editor.remove_field(SignalEvent, note)
    assert schema.missing(connection) == []


def test_who_may(converted):
    """A role that does not own the table is told which one does; a server that is such a role does nothing."""
    make_event()
    execute("CREATE ROLE does_not_own", f"GRANT SELECT ON {TABLE} TO does_not_own", "SET ROLE does_not_own")
    try:
        with pytest.raises(CommandError, match="The database's role does_not_own does not own the log's table"):
            run("convert")
        execute("RESET ROLE")
        converted()
        go_on_from(layout(connection).top)
        execute("SET ROLE does_not_own")
        keep_ahead(connection)
        with pytest.raises(CommandError, match=r"run this with the role that does, postgres, as `migrate` does\."):
            run("ahead")
    finally:
        execute("RESET ROLE", "DROP OWNED BY does_not_own", "DROP ROLE does_not_own")
    assert len(layout(connection).ranges) == 4
