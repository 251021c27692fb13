"""A process that forks within a block."""

import os

import pytest
from django.db import connections, transaction

from signal_log.capture.transaction.held import HELD
from tests.log import lines, recorded
from tests.shop.models import Category

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_child_leaves_what_its_parent_holds_to_the_parent():
    """The child has nothing to write, on whatever connection; the parent's events come with its COMMIT."""
    with recorded() as events, transaction.atomic():
        Category.objects.create(name="parent")
        child = os.fork()
        if not child:
            os._exit(HELD in connections["default"].__dict__)
        assert os.waitpid(child, 0)[1] == 0
        assert HELD in connections["default"].__dict__
    assert lines(events, "outcome") == [
        ("pre_save", "shop.Category", "committed"),
        ("post_save", "shop.Category", "committed"),
    ]
