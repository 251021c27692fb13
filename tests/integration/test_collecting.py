"""Events collected when they fire, in a test's transaction, which never commits."""

import pytest
from django.db import transaction

from signal_log.capture.transaction.collecting import collecting
from tests.shop.models import Category


@pytest.mark.django_db
def test_events_are_collected_when_they_fire_in_a_transaction_that_never_commits():
    """A test's transaction is rolled back, so nothing settles; what fires is known all the same."""
    with collecting() as heard:
        Category.objects.create(name="a")
        Category.objects.filter(name="nobody").update(name="b")
    assert [(event.signal, event.outcome) for event in heard.fired()] == [("pre_save", "open"), ("post_save", "open")]
    assert heard.fired()[1].changes["name"] == [None, "a"]


@pytest.mark.django_db(transaction=True)
def test_their_outcome_becomes_known_with_the_block():
    """Open while the transaction is, committed afterwards."""
    with collecting() as heard:
        with transaction.atomic():
            Category.objects.create(name="a")
            assert {event.outcome for event in heard.fired()} == {"open"}
        assert {event.outcome for event in heard.fired()} == {"committed"}
