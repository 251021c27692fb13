"""Each write that sends no signal is one event, or is refused; everything else is left alone."""

import json

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F, Value
from django.db.models.signals import post_save
from django.test import override_settings

import signal_log
from signal_log import pipeline
from signal_log.errors import SilentWriteRefused
from signal_log.models import SignalEvent
from signal_log.store.append import RecordingError
from tests.integration.silent_cases import WRITES, sql
from tests.log import lines, recorded
from tests.settings import SIGNAL_LOG
from tests.shop.models import Book, Category, Item, Label, Note

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shelves():
    """Create three categories with an item and a label each."""
    shelves = [Category.objects.create(name=name) for name in "abc"]
    for shelf in shelves:
        Item.objects.create(category=shelf, name=f"item {shelf}", api_token="sesame-open")
        Label.objects.create(category=shelf)
    return shelves


def mode(value, **more):
    return override_settings(SIGNAL_LOG={**SIGNAL_LOG, "SILENT_WRITES": value, **more})


@pytest.mark.parametrize("name", WRITES)
def test_each_statement_is_one_event(name, shelves):
    """The event has operation, model, number of rows and, if known, the values, and is committed like any other."""
    write, expected = WRITES[name]
    with recorded() as events:
        write(shelves)
    silent = [event for event in events if event.signal.startswith("silent_")]
    keys = [pk for shelf in shelves for pk in (shelf.pk,)]
    found = [
        (e.signal, e.sender, e.object_repr, {k: [old, "PK" if k == "category" and new in keys else new]
                                            for k, (old, new) in e.changes.items()})
        for e in silent
    ]  # fmt: skip
    assert found == [(s, "shop.Label" if m == "Label" else m, r, c) for s, m, r, c in expected]
    for event in silent:
        rows = int(event.object_repr.split()[0])
        assert event.origin == {"model": event.sender, "rows": rows, "statement": event.origin["statement"]}
        assert (event.outcome, event.object_pk, event.operation) == ("committed", "", event.position)
        assert event.actor_repr.startswith("os:")


def test_children_set_to_null(shelves):
    """Setting children to null in a delete leaves an event, unless there were no children."""
    with recorded() as events:
        shelves[0].delete()
    assert [line for line in lines(events, "object_repr", "changes") if "silent" in line[0]] == [
        ("silent_update", "shop.Label", "1 row", {"category": [None, None]})
    ]
    Label.objects.all().delete()
    with recorded() as events:
        Category.objects.all().delete()
    assert {event.signal for event in events} == {"pre_delete", "post_delete"}


def test_statement_without_what_it_was_given(shelves):
    """Neither parameters nor literals of a statement reach the log; the call site does."""
    with recorded() as events, mode("record", CALL_SITES=True):
        sql("UPDATE shop_item SET api_token = %s", ["planted-1"])
        sql("UPDATE shop_item SET api_token = 'planted-2' -- planted-3")
        Item.objects.filter(api_token="planted-4").update(api_token="planted-5")
        Item.objects.update(api_token=Value("planted-6"))
    assert [event.origin["statement"] for event in events[:2]] == [
        "UPDATE shop_item SET api_token = %s",
        "UPDATE shop_item SET api_token = ?",
    ]
    row = json.dumps(list(SignalEvent.objects.values()), default=str)
    assert "planted" not in row
    assert "tests/integration/silent_cases.py" in events[0].call_site
    assert "in test_statement_without_what_it_was_given" in events[2].call_site


def test_raw_sql_that_returns_rows():
    """The host gets its rows; SQLite counts them only once they are fetched, so the number is unknown there."""
    with recorded() as events:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO shop_category (name) VALUES ('x'), ('y') RETURNING name")
            rows = cursor.fetchall()
    assert rows == [("x",), ("y",)]
    assert [(e.signal, e.object_repr, e.outcome) for e in events] == [
        ("silent_insert", "rows" if connection.vendor == "sqlite" else "2 rows", "committed")
    ]


def test_rolled_back_with_its_block(shelves):
    """Blocks and savepoints decide the outcome of silent writes, as for saves."""
    with recorded() as events, transaction.atomic():
        Category.objects.filter(name="a").update(name="kept")
        with pytest.raises(KeyError), transaction.atomic():
            sql("UPDATE shop_category SET name = 'undone' WHERE name = 'b'")
            raise KeyError
    assert [(e.object_repr, e.outcome) for e in events] == [("1 row", "committed"), ("1 row", "rolled_back")]
    with recorded() as events, pytest.raises(KeyError), transaction.atomic():
        Category.objects.bulk_create([Category(name="x")])
        raise KeyError
    assert lines(events, "outcome", "error") == [("silent_insert", "shop.Category", "rolled_back", "KeyError: ")]


@pytest.mark.parametrize("block", [True, False])
def test_failed_statement_is_a_failed_event(shelves, block):
    """A statement that the database refused is recorded with its error, in a block and in autocommit."""
    with recorded() as events, pytest.raises(IntegrityError):
        if block:
            with transaction.atomic():
                sql("UPDATE shop_category SET name = 'same'")
        else:
            sql("UPDATE shop_category SET name = 'same'")
    [event] = events
    assert (event.signal, event.outcome, event.object_repr) == ("silent_update", "failed", "0 rows")
    assert event.error.startswith("IntegrityError: ")


def test_orm_write_in_autocommit_is_one_transaction_with_its_event(shelves, monkeypatch):
    """If the event cannot be written, an `update()` in autocommit is undone too."""

    def refuse(*_, **__):
        raise RecordingError("full")

    monkeypatch.setattr(pipeline, "append", refuse)
    with pytest.raises(RecordingError):
        Category.objects.filter(name="a").update(name="z")
    assert not Category.objects.filter(name="z").exists()


def test_cause_of_a_silent_write():
    """A write inside a receiver names it as its cause, and the save's own statements are not silent writes."""

    def relabel(instance, **_):
        Category.objects.filter(pk=instance.pk).update(name="by receiver")

    post_save.connect(relabel, sender=Category)
    try:
        with recorded() as events:
            Category.objects.create(name="a")
    finally:
        post_save.disconnect(relabel, sender=Category)
    pre, post, silent = sorted(events, key=lambda event: event.position)
    assert [pre.signal, post.signal, silent.signal] == ["pre_save", "post_save", "silent_update"]
    assert silent.parent_position == post.position
    assert silent.caused_by.partition(".<locals>")[0].endswith("test_cause_of_a_silent_write")
    assert silent.trace_id == post.trace_id


def migrate_schema(_):
    field = models.IntegerField(default=7)
    field.set_attributes_from_name("extra")
    nullable = models.CharField(max_length=50, null=True)
    nullable.set_attributes_from_name("text")
    with connection.schema_editor() as editor:
        editor.add_field(Label, field)
        editor.remove_field(Label, field)
        editor.alter_field(Label, Label._meta.get_field("text"), nullable)
        editor.alter_field(Label, nullable, Label._meta.get_field("text"))


def load_fixture(tmp_path):
    file = tmp_path / "shop.json"
    item = {"model": "shop.item", "pk": 1, "fields": {"name": "x", "changed_at": "2026-01-01T00:00:00Z"}}
    file.write_text(json.dumps([{"model": "shop.book", "pk": 1, "fields": {"pages": 3}}, item]))
    call_command("loaddata", str(file), verbosity=0)


# Saves and deletes send signals; nothing else here changes observed data.
LOUD = {
    "save of a child": lambda _: Book.objects.create().save(),
    "forced": lambda _: Category(pk=987, name="x").save(force_insert=True),
    "get_or_create and update_or_create": lambda _: (
        Category.objects.get_or_create(name="x"),
        Category.objects.update_or_create(name="x", defaults={"name": "y"}),
    ),
    "delete of a child": lambda _: Book.objects.create().delete(),
    "queryset delete": lambda _: (Book.objects.create(), Book.objects.create(), Item.objects.all().delete()),
    "loaddata": load_fixture,
    "schema work": migrate_schema,
    "not observed": lambda _: (Note.objects.bulk_create([Note(text="x")]), Note.objects.update(text="y"),
                               sql("UPDATE shop_note SET text = 'UPDATE shop_item SET x = 1'")),
    "locks and reads": lambda _: (
        transaction.atomic()(lambda: list(Item.objects.select_for_update()))(),
        sql("SELECT * FROM shop_item WHERE name = 'DELETE FROM shop_item'"),
        sql("WITH x AS (SELECT 1) SELECT * FROM shop_item"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOUD)
@pytest.mark.parametrize("silent_writes", ["record", "raise"])
def test_writes_that_are_not_silent(name, silent_writes, tmp_path):
    """They are neither recorded as silent nor refused."""
    with mode(silent_writes), recorded() as events:
        LOUD[name](tmp_path)
    assert [event.signal for event in events if event.signal.startswith("silent_")] == []


def test_flush_is_not_a_silent_write():
    """Django empties the tables between tests, which is nobody's change."""
    Category.objects.create(name="a")
    call_command("flush", interactive=False, verbosity=0)
    assert not Category.objects.exists()
    assert not SignalEvent.objects.filter(sender__startswith="shop.").exists()


@pytest.mark.parametrize("name", [name for name in WRITES if "finds nothing" not in name])
def test_refused(name, shelves):
    """With "raise" nothing is written, and the error names the model, the line and the remedy."""
    write, expected = WRITES[name]
    before = [list(model.objects.order_by("pk").values()) for model in (Category, Label)]
    with mode("raise"), pytest.raises(SilentWriteRefused) as refused:
        write(shelves)
    assert [list(model.objects.order_by("pk").values()) for model in (Category, Label)] == before
    text = str(refused.value)
    assert expected[0][1] in text
    assert "silent_cases.py:" in text
    assert "one by one" in text
    assert not SignalEvent.objects.filter(signal__startswith="silent_").exists()


def test_delete_that_sets_children_to_null_is_refused_only_if_there_are_any(shelves):
    """Django sends that statement with each delete, so it is judged by the rows it found, and undone."""
    with mode("raise"):
        with pytest.raises(SilentWriteRefused, match=r"shop\.Label"):
            shelves[0].delete()
        assert Category.objects.filter(pk=shelves[0].pk).exists()
        assert Label.objects.filter(category=shelves[0]).exists()
        Label.objects.all().delete()
        shelves[0].delete()
    assert not Category.objects.filter(pk=shelves[0].pk).exists()


def test_switched_off(shelves):
    """With "off", and while the recorder is paused, silent writes go unnoticed."""
    for quiet in (mode("off"), signal_log.pause()):
        with quiet, recorded() as events:
            Category.objects.update(name=F("name"))
            sql("UPDATE shop_category SET name = name")
        assert events == []


def test_data_migration_in_sql(shelves):
    """A migration's own SQL is a silent write and not refused; the schema editor's SQL is not one."""
    from django.db.migrations.operations import RunSQL

    operation = RunSQL(["CREATE TABLE shop_extra (id integer)", "UPDATE shop_category SET name = name || 'x'",
                        "DROP TABLE shop_extra"])  # fmt: skip
    with recorded() as events:
        with connection.schema_editor() as editor:
            operation.database_forwards("shop", editor, None, None)
    assert lines(events, "object_repr") == [("silent_update", "shop.Category", "3 rows")]


def test_save_after_bulk_update(shelves):
    """The object is compared with what the row holds now, not with what was once loaded."""
    shelf = Category.objects.get(name="a")
    shelf.name = "z"
    Category.objects.bulk_update([shelf], ["name"])
    with recorded() as events:
        shelf.save()
    assert [event.changes for event in events] == [{}, {}]
