"""The error of rolled-back work is the exception that undid it, and no other that is handled around it."""

from contextlib import suppress

import pytest
from django.db import transaction

from tests.log import recorded
from tests.shop.models import Category

pytestmark = pytest.mark.django_db(transaction=True)

new_savepoint = getattr(transaction, "savepoint_create", transaction.savepoint)  # its name on Django 6.1


def save():
    Category.objects.create(name="undone")


def given_up():
    """Roll back without an exception."""
    with transaction.atomic():
        save()
        transaction.set_rollback(True)


def savepoint_given_up():
    with transaction.atomic():
        savepoint = new_savepoint()
        save()
        transaction.savepoint_rollback(savepoint)


def raised_within():
    with suppress(KeyError), transaction.atomic():
        save()
        raise KeyError("this one")


def raised_in_a_function():
    """As a decorator."""

    @transaction.atomic
    def work():
        save()
        raise KeyError("this one")

    with suppress(KeyError):
        work()


def raised_and_rolled_back_by_hand():
    with transaction.atomic():
        savepoint = new_savepoint()
        try:
            save()
            raise KeyError("this one")
        except KeyError:
            transaction.savepoint_rollback(savepoint)


def raised_through_a_manager_of_the_host():
    class Savepoint:
        def __enter__(self):
            self.name = new_savepoint()

        def __exit__(self, *raised):
            transaction.savepoint_rollback(self.name)

    with transaction.atomic(), suppress(KeyError), Savepoint():
        save()
        raise KeyError("this one")


WAYS = {
    given_up: "", savepoint_given_up: "", raised_within: "KeyError: 'this one'",
    raised_in_a_function: "KeyError: 'this one'", raised_and_rolled_back_by_hand: "KeyError: 'this one'",
    raised_through_a_manager_of_the_host: "KeyError: 'this one'",
}  # fmt: skip


def caught(way):
    """Go that way while something else is handled, in the same function as the block and above it."""
    try:
        raise ValueError("another")
    except ValueError:
        way()


def caught_here():
    try:
        raise ValueError("another")
    except ValueError:
        with transaction.atomic():
            save()
            transaction.set_rollback(True)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("around", [lambda way: way(), caught], ids=["alone", "handling"])
def test_only_what_undid_the_work_is_its_error(way, around):
    """Whatever is handled around it, and however the work was undone."""
    with recorded() as events:
        around(way)
    assert [(e.outcome, e.error) for e in events] == [("rolled_back", WAYS[way])] * 2


def test_nothing_is_blamed_on_what_is_handled_by_the_same_code():
    """A block within an ``except`` block that rolls back by itself."""
    with recorded() as events:
        caught_here()
    assert [(e.outcome, e.error) for e in events] == [("rolled_back", "")] * 2
