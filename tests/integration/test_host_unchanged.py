"""Cases found by Django's own tests: the host's classes, keys and settings work as they do without the app."""

from __future__ import annotations

import gc
import inspect
import itertools
import os
import subprocess
import sys
import warnings
import weakref
from datetime import UTC, datetime, timedelta

import pytest
from django.apps.registry import Apps
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, models, transaction
from django.db.models import signals
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext, isolate_apps

from signal_log import pipeline
from signal_log.capture.model.registry import plan_of
from signal_log.capture.signals.dispatch import observe
from signal_log.event import MODEL_SIGNALS
from signal_log.models import SignalEvent
from signal_log.seal.canonical import event_digest
from signal_log.store.read import as_mapping
from tests.log import recorded
from tests.shop.models import Category, Note, Ticket

pytestmark = pytest.mark.django_db(transaction=True)


@isolate_apps("tests.shop")
def test_a_class_made_late_keeps_its_keys():
    """A many-to-many's through model is prepared before its owner has a key, and Django's cache stays right."""

    class Shelf(models.Model):
        items = models.ManyToManyField("shop.Category")

        class Meta:
            app_label = "shop"

    assert plan_of(Shelf) is not None
    assert [field.name for field in Shelf._meta.pk_fields] == ["id"]
    assert plan_of(Shelf.items.through).attnames == ("id", "shelf_id", "category_id")


def test_a_saved_object_goes_with_its_last_reference():
    """No cycle of ours keeps an object that was created or updated until a garbage collection."""
    gc.disable()
    try:
        created = Category.objects.create(name="created")
        updated = Category.objects.get()
        updated.save()
        alive = [weakref.ref(created), weakref.ref(updated)]
        del created, updated
        assert [reference() for reference in alive] == [None, None]
    finally:
        gc.enable()


@isolate_apps("tests.shop")
def test_a_class_made_late_leaves_no_receiver_behind():
    """The class is observed while it exists, and no entry in Django's list of receivers outlives it."""
    before = [len(getattr(signals, name).receivers) for name in MODEL_SIGNALS]

    class Shelf(models.Model):
        class Meta:
            app_label = "shop"

    assert signals.post_delete.has_listeners(Shelf)
    assert [len(getattr(signals, name).receivers) for name in MODEL_SIGNALS] == before
    assert observe in signals.post_delete._live_receivers(Category)[0]


@isolate_apps("tests.shop")
def test_a_from_db_of_the_host_shows_its_own_signature():
    """Django 6.1 inspects whether `from_db` takes a `fetch_mode`, and a host's older one may not."""

    class Old(models.Model):
        class Meta:
            app_label = "shop"
            db_table = "shop_category"

        @classmethod
        def from_db(cls, db, field_names, values):
            return super().from_db(db, field_names, values)

    assert plan_of(Old) is not None
    assert list(inspect.signature(Old.from_db).parameters) == ["db", "field_names", "values"]
    Category.objects.create(name="a")
    with warnings.catch_warnings(action="ignore"):
        assert Old.objects.count() == len(Old.objects.all()) == 1
    assert inspect.signature(Category.from_db) == inspect.signature(Note.from_db)


def test_ready_may_run_twice():
    """Setting up the apps again restarts the recorder, and stopping it once restores the class."""
    pipeline.start()
    try:
        pipeline.stop()
        assert "from_db" not in Category.__dict__
        assert "refresh_from_db" not in Category.__dict__
    finally:
        pipeline.start()


def test_a_project_without_time_zones_is_recorded():
    """With `USE_TZ = False` the host's saves succeed, and the log's times are right."""
    with override_settings(USE_TZ=False, TIME_ZONE="Asia/Tokyo"):
        with recorded() as events:
            Category.objects.create(name="books")
        now = datetime.now(UTC)
        assert len(events) == 2
        for event in events:
            assert abs(now - event.occurred_at) < timedelta(minutes=1)
            assert event_digest(as_mapping(event), bytes(event.salt)) == bytes(event.digest)
        log = SignalEvent.objects.filter(pk__in=[event.pk for event in events])
        for moment in (now, datetime.now()):  # noqa: DTZ005  naive, as such a project gives it
            assert log.filter(occurred_at__lte=moment, occurred_at__gt=moment - timedelta(minutes=1)).count() == 2
    assert {event.occurred_at for event in log} == {event.occurred_at for event in events}


def test_pages_of_a_project_without_time_zones():
    """The times are shown in the project's time zone."""
    with override_settings(USE_TZ=False, TIME_ZONE="Asia/Tokyo"):
        Category.objects.create(name="books")
        client = Client()
        client.force_login(User.objects.create_superuser("ada"))
        event = SignalEvent.objects.filter(sender="shop.Category").latest("id")
        assert client.get("/events/", {"since": "2020-01-01T00:00"}).status_code == 200
        assert client.get(f"/events/{event.pk}/").status_code == 200
        assert client.get(f"/admin/signal_log/signalevent/{event.pk}/change/").status_code == 200


@isolate_apps("tests.shop")
def test_a_new_object_whose_key_has_a_default_is_not_looked_up():
    """Django inserts it without an UPDATE first, so there is no old row to query; a parent's key counts too."""

    class Coupon(models.Model):
        code = models.CharField(max_length=9, primary_key=True, db_default="none")

        class Meta:
            app_label = "shop"

    class Voucher(Coupon):
        class Meta:
            app_label = "shop"

    with connection.schema_editor() as editor:
        editor.create_model(Coupon)
        editor.create_model(Voucher)
    try:
        with CaptureQueriesContext(connection) as queries:
            Coupon(code="a").save()
            Voucher(code="b").save()
        assert [q["sql"] for q in queries if q["sql"].startswith(("SELECT", "UPDATE"))] == []
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Voucher)
            editor.delete_model(Coupon)


def test_a_fixture_that_replaces_a_row_knows_its_old_values():
    """When a fixture is loaded raw, a key with a default may exist already, and the old values are recorded."""
    ticket = Ticket.objects.create(seat="A1")
    with recorded() as events:
        Ticket(id=ticket.pk, seat="B2").save_base(raw=True)
    believed, actual = events
    assert (believed.changes, believed.overwrote) == ({"id": [None, str(ticket.pk)], "seat": [None, "B2"]}, None)
    assert (actual.changes, actual.overwrote) == ({"seat": ["A1", "B2"]}, ["seat"])


def test_the_question_for_the_old_row_is_not_the_hosts():
    """Saving over a row that was never loaded records its old values, and the host's own query count is unchanged."""
    category = Category.objects.create(name="books")
    with recorded() as events:
        with CaptureQueriesContext(connection) as queries:
            Category(pk=category.pk, name="toys").save()
        assert [q["sql"] for q in queries if q["sql"].startswith("SELECT")] == []
    assert (events[1].changes, events[1].overwrote) == ({"name": ["books", "toys"]}, ["name"])
    with CaptureQueriesContext(connection) as queries:
        Category.objects.get(pk=category.pk)
    assert len(queries) == 1


@isolate_apps("tests.shop")
def test_a_missing_table_raises_the_databases_own_error():
    """The query for the old row must not break the transaction and change the error that the save raises."""

    class Ghost(models.Model):
        class Meta:
            app_label = "shop"

    with pytest.raises(DatabaseError, match="shop_ghost"), transaction.atomic():
        Ghost(pk=1).save()


def test_a_key_the_database_cannot_have_is_refused_by_the_save():
    """The error comes from the save, not from the recorder's query, and the save is recorded as failed."""
    with recorded() as events, pytest.raises(ValidationError):
        Ticket(id="nonsense").save_base(raw=True)
    assert [(event.signal, event.outcome) for event in events] == [("pre_save", "failed")]


def test_a_composite_key_of_which_a_migration_leaves_out_a_part():
    """In a migration's state, apps without migrations have no relations, not even those of their keys."""

    class Slot(models.Model):
        pk = models.CompositePrimaryKey("shelf_id", "number")
        number = models.IntegerField()

        class Meta:
            app_label = "shop"
            apps = Apps()

    assert plan_of(Slot).key_attnames == ("number",)


def test_first_migrations_run_before_the_log_has_its_table(tmp_path):
    """`migrate` works on an empty database with every model observed; recording starts once the log's table exists."""
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite3'}"}
    script = (
        "from django.conf import settings; import tests.settings as s; s.SIGNAL_LOG['MODELS'] = ['*'];"
        "import django; django.setup(); from django.core.management import call_command as call;"
        "call('migrate', verbosity=0); from signal_log.models import SignalEvent as E;"
        "print(sorted(set(E.objects.values_list('source', flat=True))))"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['migration']"


@pytest.mark.one_database
def test_saves_in_receivers_go_nearly_as_deep():
    """Between a save and its receivers there is one frame of ours, because each counts in the host's recursion."""

    def deepest() -> int:
        levels = itertools.count(1)
        reached = 0

        def receiver(**_):
            nonlocal reached
            reached = next(levels)
            Category(name=f"deep {reached}").save()

        signals.post_save.connect(receiver, sender=Category)
        try:
            with pytest.raises(RecursionError), transaction.atomic():
                Category(name="deep").save()
        finally:
            signals.post_save.disconnect(receiver, sender=Category)
        return reached

    recorded_too = deepest()
    pipeline.stop()
    try:
        assert recorded_too > deepest() * 0.75  # 4 of 5 frames a level, less what our deepest call takes
    finally:
        pipeline.start()
