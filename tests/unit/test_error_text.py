"""What the log tells of an exception: its class, and what of its message is no value."""

import sqlite3

import pytest
from django.db import OperationalError
from django.db.models import ProtectedError

from signal_log.capture.model.error_text import error_text, traceback_text
from signal_log.capture.model.masked_values import MOST, MaskedValues
from signal_log.event import MASK


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("UNIQUE constraint failed: shop_category.name", None),
        ("no such table: signal_log_event", None),
        ('null value in column "name" of relation "t" violates not-null constraint', None),
        ('insert or update on table "a" violates foreign key constraint "b"', None),
        ('connection to server at "127.0.0.1", port 5432 failed', None),
        ("database is locked", None),
        ("couldn't get a connection after 10.00 sec", None),
        ("can't adapt type 'hunter2'", None),
        ("couldn't read 'hunter2' of \"hunter2\"", f"couldn't read {MASK} of {MASK}"),
        (
            'duplicate key value violates unique constraint "u"\nDETAIL:  Key (token)=(hunter2) already exists.',
            'duplicate key value violates unique constraint "u"',
        ),
        ("Key (token)=(hunter2) already exists.", f"Key (token)=({MASK})"),
        ('invalid input syntax for type integer: "hunter2"', f"invalid input syntax for type integer: {MASK}"),
        ('column "hunter2" does not exist', f"column {MASK} does not exist"),
        ('near "hunter2": syntax error', f"near {MASK}: syntax error"),
        ("no such column: hunter2", f"no such column: {MASK}"),
        ('unrecognized token: "\'hunter2"', f"unrecognized token: {MASK}"),
        ('syntax error at or near "hunter2', f"syntax error at or near {MASK}"),
    ],
)
@pytest.mark.parametrize("kind", [OperationalError, sqlite3.OperationalError])
def test_messages_of_databases(kind, message, told):
    """Names of tables, columns and constraints are kept; what may be a value of the statement is not."""
    assert error_text(kind(message)) == f"OperationalError: {told or message}"


def test_other_messages():
    """Secrets are masked by their shape or their name; Django's own words about models stay."""
    assert error_text(ValueError("Field 'pin' expected a number but got '12a'.")) == (
        f"ValueError: Field 'pin' expected a number but got {MASK}"
    )
    text = "Field 'stock' expected a number but got '12a'."
    assert error_text(ValueError(text)) == f"ValueError: {text}"
    assert error_text(RuntimeError("redis://:hunter2@h")) == f"RuntimeError: redis://:{MASK}@h"
    assert "model 'Category'" in error_text(ProtectedError("Cannot delete some instances of model 'Category'", set()))
    assert error_text(KeyError()) == "KeyError: "
    assert error_text(None) == ""


def test_masked_values():
    """A message that shows one is masked whole, short values only in quotes; with very many, every message is."""
    secrets = MaskedValues()
    secrets.note(["hunter2", 17, ["nested-one"], {"a": b"in bytes"}, None, True])
    for text in ("x hunter2 y", "is '17'", "nested-one", "in bytes", "hunter2"):
        assert error_text(ValueError(text), (), secrets) == f"ValueError: {MASK}"
    for text in ("in 17 minutes", "True", "None", "hunter"):
        assert error_text(ValueError(text), secrets) == f"ValueError: {text}"
    secrets.note(map(str, range(2_000)))
    assert error_text(ValueError("anything"), secrets) == f"ValueError: {MASK}"


def test_a_traceback_tells_where_and_not_what():
    """Files, lines and functions of the error and its causes, without source and without values."""

    def inner():
        raise KeyError("hunter2")

    def outer():
        try:
            inner()
        except KeyError as error:
            raise ValueError("password=hunter2") from error

    with pytest.raises(ValueError, match="hunter2") as raised:
        outer()
    text = traceback_text(raised.value, ["hunter2"])
    assert "hunter2" not in text
    assert "raise KeyError" not in text
    assert [line.split(", in ")[1] for line in text.splitlines() if ", in " in line][-2:] == [
        "test_a_traceback_tells_where_and_not_what", "outer",
    ]  # fmt: skip
    assert f"KeyError: {MASK}\nwhich led to:" in text


def test_values_that_are_hidden_from_errors_alone():
    """Copies of them elsewhere are another field's, unless they are secret as well; the latest thousand are known."""
    values = MaskedValues()
    values.note_hidden([f"row-{number}-otter" for number in range(MOST + 1)])
    assert error_text(ValueError("row-7-otter is odd"), values) == f"ValueError: {MASK}"
    assert error_text(ValueError("row-0-otter is odd"), values) == "ValueError: row-0-otter is odd"
    assert not values.is_in("row-7-otter")
    values.note(["row-7-otter"])
    assert values.is_in("row-7-otter")
