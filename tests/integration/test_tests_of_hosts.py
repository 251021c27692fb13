"""A host's tests find the events of their own saves, whatever ran before them in the same class."""

from __future__ import annotations

from django.test import TestCase

from signal_log.models import SignalEvent
from tests.shop.models import Category


class EachTestStartsAnew(TestCase):
    """Two tests that do the same, after data that all tests of the class share."""

    @classmethod
    def setUpTestData(cls) -> None:
        """Save something that is observed, so that its events are held around all tests."""
        Category.objects.create(name="shared")

    def saves_one(self) -> None:
        """Save one row: two posts are there, that of the shared row and this."""
        Category.objects.create(name="own")
        events = SignalEvent.objects.filter(sender="shop.Category", signal="post_save")
        assert list(events.values_list("object_repr", "outcome")) == [("own", "committed"), ("shared", "committed")]

    def test_once(self) -> None:
        """The first of the two."""
        self.saves_one()

    def test_and_again(self) -> None:
        """The second finds nothing of the first."""
        self.saves_one()
