"""Patterns in ``MASK_FIELDS``, ``EXCLUDE_FIELDS`` and ``UNMASK_FIELDS`` stand for every field that fits them."""

import uuid

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from signal_log import SignalEvent, pipeline
from signal_log.event import MASK
from tests.settings import SIGNAL_LOG

pytestmark = pytest.mark.django_db

GIVEN = {
    **SIGNAL_LOG,
    "MASK_FIELDS": {"*": ["*mail*"], "auth.User": ["first_*"]},
    "EXCLUDE_FIELDS": ["last_?ame"],
    "UNMASK_FIELDS": {"auth.User": ["pass*"]},
}


def test_fields_that_fit_a_pattern() -> None:
    """They are masked, left out or shown like those that are named."""
    pipeline.stop()
    with override_settings(SIGNAL_LOG=GIVEN):
        pipeline.start()
        name = uuid.uuid4().hex
        User.objects.create(username=name, email="ada@x.example", first_name="Ada", last_name="L.", password="shown")
        pipeline.stop()
    pipeline.start()
    changes = SignalEvent.objects.get(signal="post_save", sender="auth.User", object_repr=name).changes
    assert changes["email"] == changes["first_name"] == [None, MASK]
    assert "last_name" not in changes
    assert changes["password"] == [None, "shown"]
