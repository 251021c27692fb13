"""When a save has left an object's values alone, so that its text need not be made again."""

import pytest

from signal_log.capture.saving import _same_values

A, B, C = object(), object(), object()


@pytest.mark.parametrize(
    ("now", "before", "same"),
    [
        ({"a": A, "at": B}, {"a": A, "at": B}, True),
        ({"a": A, "at": C}, {"a": A, "at": B}, True),
        ({"a": C, "at": B}, {"a": A, "at": B}, False),
        ({"a": A}, {"a": A}, True),
        ({"a": C}, {"a": A}, False),  # `at` is deferred
        ({"a": A}, {"a": A, "at": B}, False),
    ],
)
def test_only_the_moment_of_the_save_may_differ(now, before, same):
    """The moment may itself be deferred while another value was set by the database, as Django 6 reads it back."""
    assert _same_values(now, before, ["at"]) is same
