"""Bulk writes recorded row by row: each row that a statement wrote is an event with its old and new values."""

import contextlib

import pytest
from django.apps.registry import Apps
from django.contrib.auth.models import User
from django.db import connection, models, transaction
from django.db.models import F, Value
from django.db.models.functions import Upper
from django.db.models.signals import post_init
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

import signal_log
from signal_log.errors import SilentWriteRefused
from tests.integration.bulk_cases import IDENTITY, MASKED, WRITES, as_tuples, fill_shop, unified, upsert
from tests.log import recorded
from tests.settings import SIGNAL_LOG
from tests.shop.models import Book, Category, CheapItem, Item, Label, Note, Ticket, Token

pytestmark = pytest.mark.django_db(transaction=True)


class Slot(models.Model):
    """A model with a composite key, a database default and a generated column."""

    pk = models.CompositePrimaryKey("shelf", "number")
    shelf = models.IntegerField()
    number = models.IntegerField()
    state = models.CharField(max_length=20, db_default=Value("free"))
    shown = models.GeneratedField(
        expression=Upper("state"), output_field=models.CharField(max_length=20), db_persist=True
    )

    class Meta:
        app_label = "shop"
        apps = Apps()


class Shadow(models.Model):
    """An unobserved model on the table of an observed one."""

    title = models.CharField(max_length=50, db_column="name")

    class Meta:
        app_label = "elsewhere"
        apps = Apps()
        db_table = "shop_category"
        managed = False


@pytest.fixture
def slots():
    """Create the table of slots, with two slots in it."""
    with connection.schema_editor() as editor:
        editor.create_model(Slot)
    with signal_log.pause():
        Slot.objects.bulk_create([Slot(shelf=1, number=1), Slot(shelf=1, number=2, state="taken")])
    yield
    with connection.schema_editor() as editor:
        editor.delete_model(Slot)


@pytest.fixture
def shop():
    """Create rows whose keys are known."""
    fill_shop()


def mode(value, **more):
    return override_settings(SIGNAL_LOG={**SIGNAL_LOG, "SILENT_WRITES": value, **more})


@pytest.mark.parametrize("name", WRITES)
def test_each_row_is_an_event(name, shop):
    """Each event has key, text, old and new values; time, statement and trace are shared; the result is unchanged."""
    write, result, expected = WRITES[name]
    with recorded() as events:
        with signal_log.observed_bulk():
            returned = write()
    assert result is ... or returned == result
    assert unified(name, as_tuples(events)) == expected
    for event in events:
        fellows = [e for e in events if e.occurred_at == event.occurred_at]
        assert event.origin == {"model": event.sender, "rows": len(fellows), "statement": event.origin["statement"]}
        assert " RETURNING " not in event.origin["statement"] or event.origin["statement"].endswith('."id"')
        assert (event.outcome, event.operation, event.caused_by) == ("committed", event.position, "")
        assert event.created is (True if event.signal == "silent_insert" else None)
        assert event.actor_repr.startswith("os:")
    assert len({event.trace_id for event in events}) <= 1
    assert len({event.position for event in events}) == len(events)
    assert "planted" not in str(as_tuples(events))
    assert "sesame" not in str(as_tuples(events))


@pytest.mark.parametrize("name", WRITES)
def test_the_host_sees_no_difference(name, shop):
    """The host's statements (PostgreSQL's apart from `RETURNING`) and rows are the same with and without the app."""
    write, _, _ = WRITES[name]
    seen = []
    for block in (contextlib.nullcontext(), signal_log.observed_bulk()):
        with transaction.atomic(), CaptureQueriesContext(connection) as queries, block:
            write()
            rows = [list(model.objects.order_by("pk").values()) for model in (Category, Item, Label, Ticket, Token)]
            transaction.set_rollback(True)
        texts = [query["sql"].partition(" RETURNING ")[0] for query in queries]
        seen.append((texts, [[{**row, "id": 0} for row in table] if name in IDENTITY else table for table in rows]))
        if connection.vendor == "postgresql":  # sequence numbers are not given back
            with connection.cursor() as cursor:
                cursor.execute("SELECT setval(pg_get_serial_sequence('shop_category', 'id'), 10)")
    assert seen[0] == seen[1]


def test_the_number_of_queries_inside_and_outside_the_block(shop):
    """An update makes one query before it, an insert or a delete none; outside the block there are none at all."""

    def sent(*blocks):
        texts = []

        def listen(execute, sql, params, many, context):
            texts.append(sql)
            return execute(sql, params, many, context)

        with contextlib.ExitStack() as stack:
            stack.enter_context(transaction.atomic())
            stack.enter_context(connection.execute_wrapper(listen))
            for block in blocks:
                stack.enter_context(block)
            Label.objects.filter(pk=1).update(text="x")
            Label.objects.bulk_create([Label(text="new")])
            Label.objects.filter(pk=1)._raw_delete("default")
        return [(text.split()[0], text.count(" RETURNING ")) for text in texts]

    assert sent() == [("UPDATE", 0), ("INSERT", 1), ("DELETE", 0)]
    assert sent(signal_log.observed_bulk(Item)) == sent()
    assert sent(signal_log.observed_bulk()) == [("SELECT", 0), ("UPDATE", 1), ("INSERT", 1), ("DELETE", 1)]


def test_composite_keys_and_what_the_database_works_out(slots):
    """Rows are found by all parts of the key, before and after; defaults and generated values are those of the row."""
    with recorded() as events, signal_log.observed_bulk(Slot):
        Slot.objects.filter(number=2).update(state="free")
        Slot.objects.update(shelf=F("shelf") + 1)
        Slot.objects.bulk_create([Slot(shelf=9, number=1)])
        Slot.objects.filter(shelf=9)._raw_delete("default")
    assert [(e.signal, e.object_pk, e.changes) for e in sorted(events, key=lambda e: (e.occurred_at, e.object_pk))] == [
        ("silent_update", '["1","2"]', {"state": ["taken", "free"], "shown": ["TAKEN", "FREE"]}),
        ("silent_update", '["1","1"]', {"shelf": [1, 2]}),
        ("silent_update", '["1","2"]', {"shelf": [1, 2]}),
        ("silent_insert", '["9","1"]',
         {"shelf": [None, 9], "number": [None, 1], "state": [None, "free"], "shown": [None, "FREE"]}),
        ("silent_delete", '["9","1"]',
         {"shelf": [9, None], "number": [1, None], "state": ["free", None], "shown": ["FREE", None]}),
    ]  # fmt: skip


def test_raw_sql_stays_one_event_a_statement(shop):
    """The rows written by raw SQL are not known one by one, and the block's effect ends with it."""
    with recorded() as events:
        with signal_log.observed_bulk(), connection.cursor() as cursor:
            cursor.execute("UPDATE shop_category SET name = name || '!'")
        Label.objects.update(text="x")
    assert [(e.signal, e.object_pk, e.object_repr) for e in events] == [
        ("silent_update", "", "2 rows"),
        ("silent_update", "", "2 rows"),
    ]


def test_limited_to_models_and_databases(shop):
    """Other models are recorded as usual; a child includes its parents, a proxy its model; nested blocks add up."""

    def keys(*models, **using):
        with recorded() as events, signal_log.observed_bulk(*models, **using):
            Label.objects.filter(pk=1).update(text="x")
            Book.objects.update(name="x")
        return [bool(event.object_pk) for event in events]

    assert keys(Label) == [True, False]
    assert keys(Book) == [False, True]
    assert keys(CheapItem, using="default") == [False, True]
    assert keys(using="elsewhere") == [False, False]
    with signal_log.observed_bulk(Label):
        assert keys(Item) == [True, True]
    with pytest.raises(TypeError, match=r"observed_bulk\(Order\)"), signal_log.observed_bulk("shop.Label"):
        pass


def test_not_observed_models_stay_so(shop):
    """Unobserved models are not recorded, nor is anything while the recorder is paused."""
    with recorded() as events, signal_log.observed_bulk():
        Note.objects.bulk_create([Note(text="x")])
        with signal_log.pause():
            Label.objects.update(text="x")
    assert events == []


def test_it_works_with_every_setting_of_silent_writes(shop):
    """The block works even if silent writes are refused, as that error suggests, and if they are not watched."""
    for value in ("raise", "off"):
        with mode(value), recorded() as events, signal_log.observed_bulk():
            Label.objects.filter(pk=1).update(text=value)
        assert [event.object_pk for event in events] == ["1"]
    with mode("raise"), pytest.raises(SilentWriteRefused, match=r"signal_log\.observed_bulk\(\)"):
        Label.objects.update(text="x")
    with mode("raise"), pytest.raises(SilentWriteRefused), signal_log.observed_bulk(Item):
        Label.objects.update(text="x")


def test_no_object_of_the_hosts_is_made(shop):
    """Reading the rows calls neither the models' `__init__` nor receivers of `post_init`."""
    made = []
    post_init.connect(receiver := lambda instance, **_: made.append(instance), sender=Label)
    try:
        with signal_log.observed_bulk():
            Label.objects.update(text="x")
            Label.objects.all()._raw_delete("default")
    finally:
        post_init.disconnect(receiver, sender=Label)
    assert made == []


def test_an_execute_wrapper_of_the_hosts_changes_nothing(shop):
    """An execute wrapper may write before the statement, as tools do that mark where it comes from."""

    def comment(execute, sql, params, many, context):
        return execute(f"/* from here */ {sql}", params, many, context)

    with recorded() as events, connection.execute_wrapper(comment), signal_log.observed_bulk():
        assert Label.objects.update(text="x") == 2
    assert {event.object_pk for event in events} == {"1", "2"}
    assert connection.execute_wrappers.count(comment) == 0


def test_an_upsert_by_an_expression_is_one_event(shop):
    """The rows that such an upsert will meet cannot be known before, so it is one event, as outside the block."""
    with recorded() as events, signal_log.observed_bulk():
        upsert(Category, [Category(name=Upper(Value("x")))], "name", "name")
    assert [(e.object_pk, e.object_repr) for e in events] == [("", "1 row")]


def test_another_class_on_an_observed_table_is_one_event(shop):
    """Another class may name the columns differently, so its rows are not recorded as rows of the observed class."""
    with recorded() as events, signal_log.observed_bulk():
        assert Shadow.objects.filter(title="one").update(title="uno") == 1
    assert [(e.sender, e.object_pk, e.object_repr) for e in events] == [("shop.Category", "", "1 row")]


def test_the_row_of_an_account(shop):
    """The host's own masked fields stay masked on both sides."""
    with signal_log.pause():
        user = User.objects.create_user("ada", password="planted-1")
    with recorded() as events, signal_log.observed_bulk():
        User.objects.filter(pk=user.pk).update(password="planted-2", first_name="Ada")
    [event] = events
    assert event.changes == {"password": [MASKED, MASKED], "first_name": ["", "Ada"]}
    assert (event.object_pk, event.object_repr) == (str(user.pk), "ada")
