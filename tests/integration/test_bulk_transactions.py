"""Bulk writes row by row and their transactions: atomic with the rows, locked, in parts, on any database."""

import asyncio
import contextlib
import threading

import pytest
from asgiref.sync import sync_to_async
from django.db import DatabaseError, IntegrityError, OperationalError, connection, connections, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.test import override_settings

import signal_log
from signal_log import pipeline
from signal_log.models import SignalEvent
from signal_log.store.append import RecordingError, append
from tests.integration.bulk_cases import ONE, fill_shop
from tests.integration.twice import patient_again
from tests.log import recorded
from tests.settings import SIGNAL_LOG
from tests.shop.models import Category, Label, Ticket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop():
    """Create rows whose keys are known."""
    fill_shop()


def mode(value, **more):
    return override_settings(SIGNAL_LOG={**SIGNAL_LOG, "SILENT_WRITES": value, **more})


def test_on_another_database(tmp_path):
    """Rows of another database are recorded right after its commit; databases not named are recorded as usual."""
    file = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "aside.sqlite3")}
    connections.databases["aside"] = connections.configure_settings({"default": {}, "aside": file})["aside"]
    try:
        connections["aside"].connect()
        with connections["aside"].schema_editor() as editor:
            editor.create_model(Ticket)
        tickets = Ticket.objects.using("aside")
        with recorded() as events, signal_log.observed_bulk(using="aside"):
            tickets.bulk_create([Ticket(pk=ONE, seat="x")])
            tickets.update(seat="y")
            Ticket.objects.bulk_create([Ticket(seat="here")])
    finally:
        connections["aside"].close()
        del connections["aside"], connections.databases["aside"]
    assert [(e.using, e.object_pk, e.changes.get("seat")) for e in events] == [
        ("aside", str(ONE), [None, "x"]),
        ("aside", str(ONE), ["x", "y"]),
        ("default", "", None),
    ]


def test_it_stays_in_its_own_task(shop):
    """The block holds across `await`, and coroutines on one event loop do not affect each other."""

    async def write(key, block):
        with block:
            await asyncio.sleep(0.01)
            await Label.objects.filter(pk=key).aupdate(text="x")

    async def work():
        await asyncio.gather(write(1, signal_log.observed_bulk()), write(2, contextlib.nullcontext()))
        await sync_to_async(connections.close_all)()

    with recorded() as events:
        asyncio.run(work())
    assert sorted(event.object_pk for event in events) == ["", "1"]


def test_rolled_back(shop):
    """Blocks and savepoints decide the outcome, as for saves."""
    with recorded() as events, signal_log.observed_bulk(), transaction.atomic():
        Label.objects.filter(pk=1).update(text="kept")
        with pytest.raises(KeyError), transaction.atomic():
            Label.objects.filter(pk=1).update(text="undone")
            raise KeyError
        Label.objects.filter(pk=1).update(text="again")
    assert [(e.object_pk, e.changes["text"], e.outcome, e.error) for e in events] == [
        ("1", ["label 1", "kept"], "committed", ""),
        ("1", ["kept", "undone"], "rolled_back", "KeyError: "),
        ("1", ["kept", "again"], "committed", ""),
    ]
    with recorded() as events, pytest.raises(KeyError), signal_log.observed_bulk(), transaction.atomic():
        Label.objects.all()._raw_delete("default")
        raise KeyError
    assert {(e.object_pk, e.outcome) for e in events} == {("1", "rolled_back"), ("2", "rolled_back")}


@pytest.mark.parametrize("block", [contextlib.nullcontext, transaction.atomic])
def test_failed_statement(shop, block):
    """A statement that the database refused is one failed event with the database's error."""
    with recorded() as events, pytest.raises(IntegrityError), signal_log.observed_bulk(), block():
        Category.objects.update(name="same")
    [event] = events
    assert (event.signal, event.outcome, event.object_repr) == ("silent_update", "failed", "0 rows")
    assert event.error.startswith("IntegrityError: ")
    assert event.origin["statement"].startswith('UPDATE "shop_category"')


def test_one_transaction_with_its_events(shop, monkeypatch):
    """If the events cannot be written, the rows are either unchanged or stay changed, as ON_ERROR says."""

    def refuse(*_, **__):
        raise RecordingError("full")

    monkeypatch.setattr(pipeline, "append", refuse)
    with mode("record"), pytest.raises(DatabaseError), signal_log.observed_bulk():
        Label.objects.update(text="x")
    assert set(Label.objects.values_list("text", flat=True)) == {"label 1", "label 2"}
    with mode("record", ON_ERROR="log"), signal_log.observed_bulk():
        Label.objects.update(text="x")
    assert set(Label.objects.values_list("text", flat=True)) == {"x"}


def test_many_rows_are_written_in_parts(monkeypatch):
    """At most a thousand events wait at a time, and all of them are written."""
    sizes = []

    def counting(events, *more, **named):
        sizes.append(len(events))
        append(events, *more, **named)

    monkeypatch.setattr(pipeline, "append", counting)
    with recorded() as events, signal_log.observed_bulk():
        Ticket.objects.bulk_create([Ticket(seat=str(n)) for n in range(2_500)], batch_size=2_500)
        Ticket.objects.update(seat=Concat(F("seat"), Value("!")))
    assert max(sizes) <= 1_000
    changes = [event.changes["seat"] for event in events]
    assert sorted(changes[:2_500], key=lambda pair: int(pair[1])) == [[None, str(n)] for n in range(2_500)]
    assert sorted(changes[2_500:], key=lambda pair: int(pair[0])) == [[str(n), f"{n}!"] for n in range(2_500)]


def elsewhere(statement):
    """Run it on a connection of its own, and return the exception."""
    raised = []

    def run():
        try:
            with signal_log.pause(), connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '300ms'")
                cursor.execute(statement)
        except DatabaseError as error:
            raised.append(error)
        finally:
            patient_again()
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised


def just_before(statement):
    """An execute wrapper that runs somebody else's statement between our SELECT and the update."""
    raised = []

    def wrapper(execute, sql, params, many, context):
        if sql.startswith("UPDATE"):
            raised.extend(elsewhere(statement))
        return execute(sql, params, many, context)

    return connection.execute_wrapper(wrapper), raised


@pytest.mark.postgresql
def test_nobody_changes_the_rows_between_the_look_and_the_update(shop):
    """The rows are locked, so the old value is what the update found."""
    between, raised = just_before("UPDATE \"Shop Labels\" SET text = 'theirs' WHERE id = 1")
    with recorded() as events, between, signal_log.observed_bulk():
        Label.objects.filter(pk=1).update(text="ours")
    assert isinstance(raised[0], OperationalError)
    assert [event.changes for event in events] == [{"text": ["label 1", "ours"]}]


@pytest.mark.postgresql
def test_a_row_that_came_between_the_look_and_the_update(shop):
    """A row inserted in between was changed, so it is recorded, with its old value unknown."""
    between, _ = just_before("INSERT INTO \"Shop Labels\" (id, text) VALUES (77, 'label 1')")
    with recorded() as events, between, signal_log.observed_bulk():
        assert Label.objects.filter(text="label 1").update(text="ours") == 2
    assert [(e.object_pk, e.changes) for e in events if e.object_pk] == [
        ("1", {"text": ["label 1", "ours"]}),
        ("77", {"text": [None, "ours"]}),
    ]


def test_the_log_is_read_inside_the_block(shop):
    """Reading the log inside the block works as in any transaction."""
    with transaction.atomic(), signal_log.observed_bulk():
        Label.objects.filter(pk=1).update(text="x")
        assert SignalEvent.objects.latest("id").changes == {"text": ["label 1", "x"]}
    assert SignalEvent.objects.filter(signal="silent_update").count() == 1
