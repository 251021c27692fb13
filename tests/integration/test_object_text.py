"""The text of an object is asked for without a query, and what a host makes of the refusal is not kept."""

import asyncio
import functools
import signal
from contextlib import nullcontext

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils.functional import SimpleLazyObject, cached_property

from signal_log.capture.model.column import copied
from signal_log.capture.model.object_text import repr_of
from signal_log.capture.model.registry import plan_of
from signal_log.capture.model.snapshot import text_of, values_equal
from tests.log import recorded
from tests.shop.models import Category, Item

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.one_database]


def saved(instance):
    """The text that was recorded of a save that makes no query but its own."""
    with recorded() as events:
        with CaptureQueriesContext(connection) as queries:
            instance.save(update_fields=["name"])
    assert [q["sql"].split()[0] for q in queries if q["sql"].split()[0] not in ("BEGIN", "COMMIT")] == ["UPDATE"]
    return events[-1].object_repr


@pytest.fixture
def item():
    """An object whose relation is not loaded."""
    Item.objects.create(name="a", category=Category.objects.create(name="books"))
    return Item.objects.get()


def swallowing(errors):
    """A way to name the category that answers something else if it cannot be asked for."""

    def shelf(self):
        try:
            return self.category.name
        except errors:
            return "no shelf"

    return shelf


@pytest.mark.parametrize("errors", [Exception, BaseException], ids=["except Exception", "bare except"])
@pytest.mark.parametrize("decorator", [cached_property, functools.cached_property], ids=["django", "python"])
def test_a_cached_property_that_swallows_errors(item, monkeypatch, decorator, errors):
    """The host finds the right answer afterwards, and the wrong one is not logged."""
    shelf = decorator(swallowing(errors))
    monkeypatch.setattr(Item, "shelf", shelf, raising=False)
    shelf.__set_name__(Item, "shelf")
    monkeypatch.setattr(Item, "__str__", lambda self: f"{self.name} on {self.shelf}")
    assert saved(item) == f"Item object ({item.pk})"
    assert "shelf" not in vars(item)
    assert item.shelf == "books"
    assert saved(item) == "a on books"


@pytest.mark.parametrize("errors", [Exception, BaseException], ids=["except Exception", "bare except"])
def test_an_attribute_that_was_set_before(item, monkeypatch, errors):
    """What the instance held before is given back, also where ``__str__`` replaced or deleted it."""

    def text(self):
        try:
            return self.category.name
        except errors:
            self.name, self.note = "broken", "broken"
            del self.weight
            return "broken"

    monkeypatch.setattr(Item, "__str__", text)
    before = dict(vars(item))
    assert repr_of(plan_of(Item), item) == f"Item object ({item.pk})"
    assert vars(item) == before


@pytest.mark.parametrize("errors", [Exception, BaseException], ids=["except Exception", "bare except"])
def test_a_related_object_that_keeps_the_answer(item, monkeypatch, errors):
    """The same for an object that the text only passes by, and for what a relation has loaded."""

    def full(self):
        try:
            self.items = self.item_set.count()
        except errors:
            self.items = 0
            self._state.fields_cache["broken"] = self
        return f"{self.name} ({self.items})"

    monkeypatch.setattr(Category, "__str__", full)
    category = item.category
    assert repr_of(plan_of(Item), item) == f"Item object ({item.pk})"
    assert "items" not in vars(category)
    assert "broken" not in category._state.fields_cache
    assert str(item) == "a in books (1)"


def test_answers_that_are_kept_elsewhere(item, monkeypatch):
    """The refusal passes a host's ``except Exception``, so nothing wrong reaches its caches."""

    @functools.lru_cache
    def shelf(pk):
        try:
            return Category.objects.get(pk=pk).name
        except Exception:  # noqa: BLE001  as a host would
            return "no shelf"

    def text(self):
        return cache.get_or_set("shelf", lambda: shelf(self.category_id))

    cache.delete("shelf")
    monkeypatch.setattr(Item, "__str__", text)
    assert saved(item) == f"Item object ({item.pk})"
    assert text(item) == "books"
    cache.delete("shelf")


def test_a_lazy_object_on_the_way(item, monkeypatch):
    """A lazy object whose evaluation was refused is evaluated when the host asks for it."""

    def ask():
        try:
            return Category.objects.get().name
        except BaseException:  # noqa: BLE001  what a bare except is
            return "no shelf"

    lazy = SimpleLazyObject(ask)
    monkeypatch.setattr(Item, "__str__", lambda self: str(lazy))
    assert repr_of(plan_of(Item), item) == f"Item object ({item.pk})"
    assert str(lazy) == "books"


@pytest.mark.parametrize("in_block", [False, True])
def test_what_a_text_sets_without_a_query(in_block, item, monkeypatch):
    """It is taken back, too: the host has not asked for the text, and would save what it sets."""

    def text(self):
        self.name, self.shelf = "by the text", "new"
        self._state.fields_cache["broken"] = self
        self.category.name = "by the text"
        return self.name

    item = Item.objects.select_related("category").get()
    monkeypatch.setattr(Item, "__str__", text)
    category = item.category
    before, known, state = dict(vars(item)), dict(vars(category)), dict(item._state.fields_cache)
    with transaction.atomic() if in_block else nullcontext():
        assert repr_of(plan_of(Item), item) == "by the text"
    assert vars(item) == before
    assert vars(category) == known
    assert item._state.fields_cache == state


def test_a_text_that_fails_in_a_block_of_its_own(item, monkeypatch):
    """The host's block is not marked for rollback, and a hook of the text's is not run."""
    ran = []

    def text(self):
        transaction.on_commit(lambda: ran.append(self))
        with transaction.atomic(savepoint=False):
            raise ValueError

    monkeypatch.setattr(Item, "__str__", text)
    with transaction.atomic():
        item.name = "new"
        item.save()
        assert not connection.needs_rollback
    item.refresh_from_db()
    assert item.name == "new"
    assert not ran


@pytest.mark.parametrize("kind", [SystemExit, GeneratorExit, asyncio.CancelledError, pytest.fail.Exception])
def test_a_text_that_raises_what_is_no_exception(kind, item, monkeypatch):
    """The host, whose own code never asked for it, does not see it; so with a value's copy and comparison."""

    class Weight(int):
        def fail(self, *_):
            raise kind

        __deepcopy__ = __eq__ = __str__ = fail
        __hash__ = int.__hash__

    monkeypatch.setattr(Item, "__str__", Weight.fail)
    item.name, item.weight = "new", Weight(7)
    item.save()
    item.delete()
    assert copied(Weight(7)) == "(unprintable Weight)"
    assert not values_equal(Weight(7), Weight(7))
    assert text_of(Weight(7)) == "(unprintable Weight)"


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interruption_of_a_text(kind, item, monkeypatch):
    """What a signal brings while a text is asked for reaches the host."""

    def handler(*_):
        raise kind

    monkeypatch.setattr(Item, "__str__", lambda self: signal.raise_signal(signal.SIGUSR1))
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with pytest.raises(kind):
            repr_of(plan_of(Item), item)
    finally:
        signal.signal(signal.SIGUSR1, before)
