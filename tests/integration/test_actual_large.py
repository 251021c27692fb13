"""A save beside a large column moves no more bytes than without the app, and what is logged of it is right."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings

from signal_log import pipeline
from signal_log.event import MASK
from tests.integration.actual import pair, post, save
from tests.integration.twice import recording
from tests.servers.network_link import NetworkLink
from tests.shop.models import Valued

pytestmark = pytest.mark.django_db(transaction=True)
LARGE = 2_000_000
ALLOWED = 100_000
"""What events, statements and answers may take, which is far from a column of that size."""
Meter = Callable[[], int]


@contextmanager
def metered() -> Iterator[Meter]:
    """Count the bytes between Django and the database: on the wire, or in the rows that SQLite hands over."""
    with over_the_wire() if connection.vendor == "postgresql" else out_of_the_file() as meter:
        yield meter


@contextmanager
def over_the_wire() -> Iterator[Meter]:
    """Lead the connection through a link that weighs what it carries."""
    place, pool = connection.settings_dict, connection.settings_dict["OPTIONS"].pop("pool")
    port = place["PORT"]
    link = NetworkLink(int(port))
    connection.close()
    connection.close_pool()
    place["HOST"], host, place["PORT"] = "127.0.0.1", place["HOST"], link.port
    try:
        connection.ensure_connection()
        yield lambda: link.carried
    finally:
        connection.close()
        link.close()
        place["HOST"], place["PORT"], place["OPTIONS"]["pool"] = host, port, pool


@contextmanager
def out_of_the_file() -> Iterator[Meter]:
    """Weigh every row that the driver makes for anybody."""
    weight = 0

    def weigh(cursor: Any, row: tuple) -> tuple:
        nonlocal weight
        weight += sum(map(sys.getsizeof, row))
        return row

    connection.ensure_connection()
    connection.connection.row_factory = weigh
    try:
        yield lambda: weight
    finally:
        connection.connection.row_factory = None


def moved(acts: Sequence[Callable[[], Any]], *, app: bool) -> list[int]:
    """Return the bytes that each act moves beside a large text and a large binary column."""
    found = []
    with recording(app):
        Valued.objects.all()._raw_delete("default")
        Valued(pk=1, text="x" * LARGE, blob=b"y" * LARGE).save_base(raw=True)
        for act in acts:
            with metered() as meter:
                act()
                found.append(meter())
    return found


def only_a_field() -> None:
    valued = Valued.objects.defer("text", "blob").get()
    valued.qty = 5
    valued.save(update_fields=["qty"])


def what_is_loaded() -> None:
    valued = Valued.objects.defer("text", "blob").get()
    valued.qty = 6
    valued.save()


def without_a_change() -> None:
    Valued.objects.defer("text", "blob").get().save(update_fields=["qty"])


def deleted() -> None:
    Valued.objects.defer("text", "blob").get().delete()


def short_over_large() -> None:
    valued = Valued.objects.defer("text", "blob").get()
    valued.text, valued.blob = "short", b"short"
    valued.save()


def test_large_columns_are_not_carried_back_and_forth():
    """Neither the old nor the new value comes over, whether the save is about the column or not."""
    acts = [only_a_field, what_is_loaded, without_a_change, short_over_large]
    without, with_app = moved(acts, app=False), moved(acts, app=True)
    for act, more, fewer in zip(acts, with_app, without, strict=True):
        assert more <= fewer + ALLOWED, act.__name__


def test_the_delete_of_a_large_row():
    """What went is told without being fetched."""
    (without,), (with_app,) = moved([deleted], app=False), moved([deleted], app=True)
    assert with_app <= without + ALLOWED


def test_the_meter_weighs():
    """A row that is read whole weighs what it holds."""
    assert moved([Valued.objects.get], app=False) > [2 * LARGE]


def test_excluded_columns_are_not_read():
    """A column that the log leaves out is nobody's business, however short its limit."""
    acts = [only_a_field, deleted]
    chosen = {**settings.SIGNAL_LOG, "EXCLUDE_FIELDS": {"shop.Valued": ["text", "blob"]}, "MAX_VALUE_CHARS": 10**9}
    without = moved(acts, app=False)
    with override_settings(SIGNAL_LOG=chosen):
        pipeline.start()
        with_app = moved(acts, app=True)
    pipeline.start()
    for more, fewer in zip(with_app, without, strict=True):
        assert more <= fewer + ALLOWED


def test_a_large_text_is_told_by_its_beginning_length_and_hash():
    """The log says that it changed, from what to what, and does not take it for changed when it is not."""
    length = LARGE // 2
    old, new = "a" * length, "b" * length
    valued = Valued.objects.create(text=old)
    assert save(Valued.objects.get()).changes == {}
    event = save(valued, text=new)
    told_old, told_new = event.changes["text"]
    for told, text in ((told_old, old), (told_new, new)):
        assert len(told) < 5000
        assert hashlib.sha256(text.encode()).hexdigest() in told
        assert str(length) in told
    assert event.overwrote == []
    Valued.objects.update(text="c" * length)
    event = save(valued, qty=2)
    assert set(event.changes) == {"qty", "twice", "text"}
    assert event.overwrote == ["text"]


def test_a_large_blob_is_compared():
    """A change of one byte is a change; none is none."""
    valued = Valued.objects.create(blob=b"a" * (LARGE // 2))
    assert save(valued, qty=3).changes == {"qty": [1, 3], "twice": [2, 6]}
    event = save(valued, blob=b"a" * (LARGE // 2 - 1) + b"b")
    assert set(event.changes) == {"blob"}
    assert event.changes["blob"][0] != event.changes["blob"][1]
    gone = post(valued.delete)
    assert gone.changes["blob"][1] is None
    assert MASK not in str(gone.changes["blob"])


@pytest.mark.parametrize("before", [0, 6_000])
def test_a_large_text_that_hides_something(before):
    """Its hash is keyed in both events, also if what it hides stands behind what the database leaves of it."""
    told = []
    for secret in ("482913", "482914"):
        text = f"{'a' * before} otp={secret}; {'z' * 5_000}"
        events = pair(lambda text=text: Valued.objects.create(text=text))
        told += [event.changes["text"][1] for event in events]
        assert secret not in str(told)
        assert hashlib.sha256(text.encode()).hexdigest() not in str(told)
    assert [told[at][-65:] for at in (1, 3)] == [told[at][-65:] for at in (0, 2)]
    assert told[0][-65:] != told[2][-65:]
