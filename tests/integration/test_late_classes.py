"""Classes defined after the start, as `migrate` renders them by the thousand: observed, and cheap until used."""

import gc
import weakref

import pytest
from django.apps.registry import Apps
from django.db import models
from django.db.migrations.state import ModelState, ProjectState
from django.db.models.base import ModelBase

from signal_log import pipeline
from signal_log.capture.model.plan import Plan
from signal_log.capture.model.registry import PLAN, is_observed
from tests.log import recorded
from tests.shop.models import Category, Item

pytestmark = pytest.mark.django_db(transaction=True)


def rendered(*classes):
    """The classes as a migration gets them, by name."""
    state = ProjectState(models={("shop", c._meta.model_name): ModelState.from_model(c) for c in classes})
    return [state.apps.get_model("shop", c.__name__) for c in classes]


def is_planned(model):
    return type(vars(model)[PLAN]) is Plan


@pytest.fixture
def plans(monkeypatch):
    """The labels of the plans that are made."""
    made = []
    original = Plan.__init__
    monkeypatch.setattr(Plan, "__init__", lambda self, model: made.append(model._meta.label) or original(self, model))
    return made


def test_rendering_makes_no_plan(plans):
    """Of a class that nobody uses nothing is worked out."""
    old = rendered(Category, Item)
    assert plans == []
    assert all(is_observed(model) and not is_planned(model) for model in old)


def test_a_save_is_recorded(plans):
    """The first signal makes the plan, once."""
    [category] = rendered(Category)
    with recorded() as events:
        category.objects.create(name="a").delete()
    assert [e.signal for e in events] == ["pre_save", "post_save", "pre_delete", "post_delete"]
    assert plans == ["shop.Category"]


def test_what_was_loaded_before_the_first_signal_is_known(plans):
    """The first row makes the plan too, so that what an instance believes is known."""
    Category.objects.create(name="a")
    [category] = rendered(Category)
    loaded = category.objects.get()
    assert plans == ["shop.Category"]
    loaded.name = "b"
    with recorded() as events:
        loaded.save()
    assert events[-1].changes == {"name": ["a", "b"]}


def test_a_proxy_of_a_class_that_was_not_used():
    """Rows load through a class that inherits from one that still waits for its first row."""
    Category.objects.create(name="a")
    registry_of_its_own = Apps()

    class Shelf(models.Model):
        name = models.CharField(max_length=50)

        class Meta:
            app_label, apps, db_table, managed = "shop", registry_of_its_own, "shop_category", False

    class Board(Shelf):
        class Meta:
            app_label, apps, proxy = "shop", registry_of_its_own, True

    with recorded() as events:
        board = Board.objects.get()
        board.name = "b"
        board.save()
    assert events[-1].changes == {"name": ["a", "b"]}
    assert Shelf.objects.get().name == "b"


class Loading(models.Model):
    """Has something to say when a row is loaded."""

    class Meta:
        abstract = True

    @classmethod
    def from_db(cls, *args, **kwargs):
        instance = super().from_db(*args, **kwargs)
        instance.loaded_by = cls
        return instance


@pytest.mark.parametrize("own", [True, False], ids=["own", "inherited"])
def test_a_from_db_of_the_hosts(own):
    """It runs once for each row, whether the class has it itself or inherits it."""
    Category.objects.create(name="a")
    body = {"from_db": classmethod(models.Model.from_db.__func__)} if own else {}
    meta = type("Meta", (), {"app_label": "shop", "apps": Apps(), "db_table": "shop_category", "managed": False})
    fields = {"name": models.CharField(max_length=50), "__module__": __name__, "Meta": meta}
    late = ModelBase("Late", (models.Model if own else Loading,), {**fields, **body})
    found = late.objects.get()
    assert own or found.loaded_by is late
    found.name = "b"
    with recorded() as events:
        found.save()
    assert events[-1].changes == {"name": ["a", "b"]}


def test_stop_leaves_nothing_behind():
    """A class that was never used is given back its own ``from_db``, and start observes it again."""
    [category] = rendered(Category)
    pipeline.stop()
    try:
        assert "from_db" not in vars(category)
        assert not is_observed(category)
    finally:
        pipeline.start()
    assert is_observed(category)
    with recorded() as events:
        category.objects.create(name="a")
    assert [e.signal for e in events] == ["pre_save", "post_save"]


def test_unused_classes_do_not_leak():
    """They are collected with their state."""
    [category] = rendered(Category)
    gone = weakref.ref(category)
    del category
    gc.collect()
    assert gone() is None


def test_a_class_costs_one_attribute():
    """What stands on all of them is one function, and no wrapper is made for any of them."""
    old = rendered(Category, Item)
    assert len({id(vars(model)["from_db"]) for model in old}) == 1
    assert not any("refresh_from_db" in vars(model) for model in old)
