"""What of the log gets into a written test is a literal of what the field holds, or nothing."""

from __future__ import annotations

import ast
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import models

from signal_log.capture.model.snapshot import json_safe
from signal_log.show.trace.literals import literal, triple_quoted
from signal_log.show.trace.rows_for_test import Rows
from signal_log.show.trace.written_test import MOST_LINES, tree_asserted
from tests.factories import event_value
from tests.shop.fields import GramsField
from tests.shop.models import Category

HOSTILE = "__import__('os').system('id')"
NAMES = {
    "Decimal": Decimal, "UUID": uuid.UUID, "date": date, "datetime": datetime, "time": time, "timedelta": timedelta,
}  # fmt: skip

VALUES = [
    (models.FloatField(), 1.5),
    (models.FloatField(), float("inf")),
    (models.FloatField(), float("-inf")),
    (models.FloatField(), 1e300),
    (models.DecimalField(), Decimal("2.50")),
    (models.IntegerField(), 2**60),
    (models.BooleanField(), True),
    (models.UUIDField(), uuid.uuid4()),
    (models.DateField(), date(2026, 3, 1)),
    (models.DateTimeField(), datetime(2026, 3, 1, 9, 42, 0, 17, UTC)),
    (models.TimeField(), time(9, 42)),
    (models.DurationField(), timedelta(days=3, hours=1)),
    (models.DurationField(), timedelta(days=1, microseconds=7)),
    (models.DurationField(), -timedelta(days=2, hours=3)),
    (models.DurationField(), timedelta(0)),
    (models.BinaryField(), b"\x00\xff\"'"),
    (models.BinaryField(), b""),
    (models.CharField(), 'He said """no"""\n\\\x1b\u202e'),
    (models.JSONField(), {"a": [1, None, True, "x'"], "b": {}}),
    (models.FileField(), "pictures/a b.png"),
    (models.CharField(), None),
]


def test_a_value_comes_back_from_its_literal() -> None:
    """What the log has of a value, written as Python, is the value again."""
    for field, value in VALUES:
        found = literal(field, json_safe(value, 4096, ()))
        assert found is not None
        assert eval(found.text, dict(NAMES)) == value, field  # noqa: S307  what is tried
        if found.needs:
            assert found.text.lstrip("-").startswith(found.needs.rpartition(" ")[2])


def test_what_a_field_cannot_hold_is_no_literal() -> None:
    """A text of code in a column of anything but text is left out, and quoted in one of text."""
    for field, _ in VALUES:
        found = literal(field, HOSTILE)
        if isinstance(field, (models.CharField, models.JSONField, models.FileField)):
            assert found == (repr(HOSTILE), "")
        else:
            assert found is None, field
    nested: Any = 1
    for _ in range(100):
        nested = [nested]
    assert literal(models.JSONField(), nested) is None
    assert literal(models.JSONField(), float("nan")) is None
    assert literal(GramsField(), "3 kg") == ("'3 kg'", "")


def test_text_in_a_tree_or_docstring_does_not_end_it() -> None:
    """Quotes and backslashes are written so that they are read again as they were."""
    for text in ('a"""+x+"""', 'a\\"""', '""""', "\\", 'ends with "', "a\\n"):
        assert ast.literal_eval(f'"""{triple_quoted(text)}\n"""') == f"{text}\n"


def test_a_long_tree_is_asserted_in_part() -> None:
    """And the test says so."""
    lines = tree_asserted([f"created a.B{number}" for number in range(MOST_LINES + 5)])
    assert len(lines) == MOST_LINES + 3
    assert lines[-2:] == ['""", exact=False)', "# 5 more lines of the tree are not asserted"]


@pytest.fixture
def rows() -> Rows:
    """Of a trace with one event."""
    from signal_log.models import SignalEvent

    return Rows([SignalEvent(pk=1, **event_value()._asdict())])


def test_names_are_never_those_that_the_test_needs(rows: Rows) -> None:
    """An object called “date”, a model called “Class”: their variables have other names."""
    said = [
        rows._new_name("shop.Item", str(pk), text)
        for pk, text in enumerate(("date", "client", "print", "ada", "ada", "ada", "item", "None", "lambda"))
    ]
    assert said == ["item", "item_row", "item_2", "ada", "ada_item", "ada_2", "item_3", "none", "item_4"]
    assert rows._new_name("school.Class", "1", "") == "class_row"
    assert rows._new_name("crm.Client", "1", "seen") == "client_row"


def test_classes_and_managers_are_named_as_they_are(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models of one name, a model that no module has, a default manager that is not called objects."""
    rows._classes["Item"] = Category
    assert rows._manager("shop.Item") == "ShopItem.objects"
    assert rows._manager("shop.Item") == "ShopItem.objects"
    assert rows._manager("auth.User_groups") == "apps.get_model('auth.User_groups').objects"
    assert rows.imports == {"from tests.shop.models import Item as ShopItem", "from django.apps import apps"}
    assert rows._manager("auth.User") == "User.objects"
    monkeypatch.setitem(User._meta.managers_map, "people", User._meta.default_manager)
    monkeypatch.setattr(User._meta.default_manager, "name", "people")
    assert rows._manager("auth.User") == "User.people"
    monkeypatch.setattr(User._meta.default_manager, "name", "no name")
    assert rows._manager("auth.User") == "User._default_manager"
