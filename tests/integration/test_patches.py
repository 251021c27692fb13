"""Everything replaced in Django is in one list, is put back in reverse, and tolerates later wrappers."""

import functools
import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from django.core.management.base import BaseCommand
from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.models import signals
from django.db.models.deletion import Collector
from django.db.models.signals import ModelSignal
from django.db.models.sql import DeleteQuery
from django.db.models.sql.compiler import SQLInsertCompiler, SQLUpdateCompiler
from django.test.utils import isolate_apps

from signal_log import pipeline
from signal_log.capture import patches
from tests.log import recorded
from tests.shop.models import Category

ROOT = Path(__file__).resolve().parents[2]

REPLACED = [
    "channels.consumer.AsyncConsumer.dispatch",
    "channels.consumer.SyncConsumer.dispatch",
    "django.core.management.base.BaseCommand.execute",
    "django.db.backends.base.base.BaseDatabaseWrapper._cursor",
    "django.db.backends.base.base.BaseDatabaseWrapper.close",
    "django.db.backends.base.base.BaseDatabaseWrapper.commit",
    "django.db.backends.base.base.BaseDatabaseWrapper.rollback",
    "django.db.backends.base.base.BaseDatabaseWrapper.set_autocommit",
    "django.db.backends.base.operations.BaseDatabaseOperations.execute_sql_flush",
    "django.db.backends.base.schema.BaseDatabaseSchemaEditor.execute",
    "django.db.migrations.operations.special.RunSQL._run_sql",
    "django.db.models.base.Model._save_table",
    "django.db.models.base.Model.save_base",
    "django.db.models.deletion.Collector.delete",
    "django.db.models.fields.related_descriptors.ForwardOneToOneDescriptor.get_object",
    "django.db.models.query.QuerySet.bulk_create",
    "django.db.models.query.QuerySet.bulk_update",
    "django.db.models.sql.compiler.SQLDeleteCompiler.execute_sql",
    "django.db.models.sql.compiler.SQLInsertCompiler.execute_sql",
    "django.db.models.sql.compiler.SQLUpdateCompiler.execute_sql",
    "django.db.models.sql.subqueries.DeleteQuery.delete_batch",
]

# Functions called when an observed object is saved and deleted.
BUSY = [
    (models.Model, "save_base"),
    (models.Model, "_save_table"),
    (Collector, "delete"),
    (DeleteQuery, "delete_batch"),
    (SQLInsertCompiler, "execute_sql"),
    (SQLUpdateCompiler, "execute_sql"),
    (BaseDatabaseWrapper, "_cursor"),
    (BaseDatabaseWrapper, "set_autocommit"),
    (BaseDatabaseWrapper, "commit"),
    (Category, "from_db"),
]
PAIR = ["pre_save", "post_save"]


@pytest.fixture
def stopped():
    """Stop the recorder for the test, and start it again afterwards."""
    pipeline.stop()
    yield
    pipeline.stop()
    pipeline.start()


def test_every_replaced_function_is_put_back():
    """`ready` changes exactly the list, in all classes of Django and Channels, and `stop` undoes all of it."""
    run = [sys.executable, "-m", "tests.integration.patch_snapshot"]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    report = json.loads(subprocess.run(run, cwd=ROOT, env=environment, check=True, capture_output=True).stdout)

    assert report["started"] == REPLACED
    assert report["stopped"] == []
    assert report["connections"] == [[]] * 6
    assert report["models"] == []
    assert report["signals"] == ["signal_log.capture.signals.dispatch", "django.db.models.signals"]


def transparent(function):
    """Wrap a function and say what is wrapped."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        wrapper.calls += 1
        return function(*args, **kwargs)

    wrapper.calls = 0
    return wrapper


def opaque(function):
    """Wrap a function without saying what is wrapped."""

    def wrapper(*args, **kwargs):
        wrapper.calls += 1
        return function(*args, **kwargs)

    wrapper.calls = 0
    return wrapper


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("theirs", [transparent, opaque], ids=["wraps", "plain closure"])
def test_a_later_wrapper_stays_when_we_go(stopped, theirs):
    """A wrapper put on after ours stays; ours below it does nothing until the next start reuses it."""
    originals = [vars(owner).get(name) for owner, name in BUSY]
    pipeline.start()
    ours = [vars(owner)[name] for owner, name in BUSY]
    wrappers = [theirs(getattr(function, "__func__", function)) for function in ours]
    for (owner, name), function, wrapper in zip(BUSY, ours, wrappers, strict=True):
        setattr(owner, name, classmethod(wrapper) if isinstance(function, classmethod) else wrapper)
    on_top = [vars(owner)[name] for owner, name in BUSY]

    pipeline.stop()
    assert [vars(owner)[name] for owner, name in BUSY] == on_top
    with recorded() as events:
        Category.objects.create(name="a").save()
        Category.objects.get().delete()
    assert events == []
    assert all(wrapper.calls for wrapper in wrappers)

    pipeline.start()
    with recorded() as events:
        Category.objects.create(name="b").save()
    assert [event.signal for event in events] == PAIR * 2

    pipeline.stop()
    for (owner, name), function in zip(BUSY, ours, strict=True):
        setattr(owner, name, function)  # as it was
    pipeline.start()
    pipeline.stop()
    assert [vars(owner).get(name) for owner, name in BUSY] == originals


@pytest.mark.django_db(transaction=True)
def test_a_signal_whose_method_somebody_wrapped_stays_usable(stopped):
    """A wrapper around one signal's `send` still calls our function after we have gone."""
    pipeline.start()
    with mock.patch.object(signals.post_save, "send", wraps=signals.post_save.send) as send:
        pipeline.stop()
        with recorded() as events:
            Category.objects.create(name="a")
        assert (events, send.call_count) == ([], 1)
    pipeline.start()
    with recorded() as events:
        Category.objects.create(name="b")
    assert [event.signal for event in events] == PAIR
    pipeline.stop()
    assert type(signals.post_save) is ModelSignal


def test_a_host_class_of_a_signal_is_kept(stopped):
    """A signal that already has a custom class gets it back."""

    class Theirs(ModelSignal):
        pass

    signals.m2m_changed.__class__ = Theirs
    try:
        pipeline.start()
        assert isinstance(signals.m2m_changed, Theirs)
        pipeline.stop()
        assert type(signals.m2m_changed) is Theirs
    finally:
        signals.m2m_changed.__class__ = ModelSignal


def test_the_list_keeps_no_class_alive(stopped):
    """Classes that migrations and tests create and drop leave nothing in the list."""
    pipeline.start()
    gc.collect()
    before = len(patches._installed)
    kind = type("Passing", (), {"work": lambda self: None})
    patches.replace(kind, "work", transparent)
    assert len(patches._installed) == before + 1
    del kind
    gc.collect()
    assert len(patches._installed) == before


def test_starting_twice_replaces_once(stopped):
    """A second start without a stop is a restart."""
    pipeline.start()
    pipeline.start()
    for owner, name in [(BaseCommand, "execute"), (BaseDatabaseOperations, "execute_sql_flush")]:
        function = vars(owner)[name]
        depth = 0
        while (function := getattr(function, "__wrapped__", None)) is not None:
            depth += 1
        assert depth == (2 if name == "execute_sql_flush" else 1)  # one for the log's key, one for expected writes


class Proxy:
    """A wrapper object like those of APM agents: it pretends to be what it wraps, and binds when it is looked up."""

    def __init__(self, wrapped, calls=None):
        self.__wrapped__, self.calls = wrapped, [] if calls is None else calls

    def __getattr__(self, name):
        return getattr(self.__wrapped__, name)

    def __get__(self, instance, owner):
        return Proxy(self.__wrapped__.__get__(instance, owner), self.calls)

    def __call__(self, *args, **kwargs):
        self.calls.append(args)
        return self.__wrapped__(*args, **kwargs)


FROM_DB = {
    "function": lambda: lambda *args, **more: models.Model.from_db.__func__(Category, *args, **more),
    "bound method": lambda: Category.from_db,
    "partial": lambda: functools.partial(models.Model.from_db.__func__, Category),
    "static method": lambda: staticmethod(functools.partial(models.Model.from_db.__func__, Category)),
    "mock": lambda: mock.MagicMock(wraps=Category.from_db),
    "proxy": lambda: Proxy(vars(models.Model)["from_db"]),
}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", FROM_DB)
def test_from_db_may_be_anything_callable(stopped, kind):
    """A model is loaded through whatever its host has put in place of `from_db`, and gets it back."""
    Category.objects.create(name="a")
    theirs = FROM_DB[kind]()
    Category.from_db = theirs
    try:
        pipeline.start()
        row = Category.objects.get()
        with recorded() as events:
            row.name = "b"
            row.save()
        assert events[0].changes == {"name": ["a", "b"]}
        pipeline.stop()
        assert vars(Category)["from_db"] is theirs
        assert Category.from_db("default", ["id", "name"], [row.pk, "b"]).name == "b"
    finally:
        del Category.from_db


@pytest.mark.django_db
@pytest.mark.filterwarnings("ignore:.*must accept a fetch_mode")
@isolate_apps("tests.shop")
def test_from_db_of_a_class_defined_later_may_be_an_old_one():
    """Without the argument that Django 6.1 passes to those that take it, as migrations' classes may inherit it."""

    class Older(models.Model):
        class Meta:
            abstract = True

        @classmethod
        def from_db(cls, db, field_names, values):
            return super().from_db(db, field_names, values)

    class Late(Older):
        name = models.CharField(max_length=100)

        class Meta:
            app_label = "shop"
            db_table = Category._meta.db_table

    Category.objects.create(name="a")
    for before, after in ("ab", "bc"):
        row = Late.objects.get()
        with recorded() as events:
            row.name = after
            row.save()
        assert events[0].changes == {"name": [before, after]}


@pytest.mark.django_db
def test_refreshing_is_passed_on_as_it_was_called(stopped):
    """A field tracker wraps the method of its model, and reads ``fields`` among the keywords alone."""
    calls = []

    def theirs(self, *args, **kwargs):
        calls.append((args, kwargs))
        models.Model.refresh_from_db(self, *args, **kwargs)

    Category.refresh_from_db = theirs
    try:
        pipeline.start()
        row = Category.objects.create(name="a")
        row.refresh_from_db()
        row.refresh_from_db(fields=("name",))
        row.refresh_from_db("default", {"name"})
        assert calls == [((), {}), ((), {"fields": ("name",)}), (("default", {"name"}), {})]
        for args, kwargs in (((), {"fields": iter(["name"])}), ((None, iter(["name"])), {})):
            row.name = "b"
            row.refresh_from_db(*args, **kwargs)
            assert row.name == "a"
        pipeline.stop()
    finally:
        del Category.refresh_from_db


@pytest.mark.django_db
def test_a_method_below_ours_is_called_bound(stopped):
    """A proxy, a partial method or a mock that was there before us receives the arguments it would without us."""
    proxy = Proxy(models.Model.save_base)
    partly = functools.partialmethod(models.Model._save_table)
    mocked = mock.MagicMock(wraps=lambda: None)
    with (
        mock.patch.object(models.Model, "save_base", proxy),
        mock.patch.object(models.Model, "_save_table", partly),
        mock.patch.object(BaseDatabaseWrapper, "savepoint", mocked),
    ):
        pipeline.start()
        with recorded() as events:
            Category.objects.create(name="a")
        connection.savepoint()
        pipeline.stop()
        assert vars(models.Model)["save_base"] is proxy
        assert vars(models.Model)["_save_table"] is partly
    assert [event.signal for event in events] == PAIR
    assert all(not isinstance(argument, Category) for arguments in proxy.calls for argument in arguments)
    assert proxy.calls
    mocked.assert_called_once_with()


@pytest.mark.django_db
def test_a_proxy_on_top_of_ours_stays(stopped):
    """A wrapper that forwards every attribute, `__func__` too, is not taken for ours."""
    pipeline.start()
    ours = vars(Category)["from_db"]
    proxy = Category.from_db = Proxy(ours)
    try:
        Category.objects.create(name="a")
        pipeline.stop()
        assert vars(Category)["from_db"] is proxy
        assert Category.objects.get().name == "a"
        assert proxy.calls
        Category.from_db = ours
        pipeline.start()
        pipeline.stop()
        assert "from_db" not in vars(Category)
    finally:
        vars(Category).get("from_db") and delattr(Category, "from_db")
