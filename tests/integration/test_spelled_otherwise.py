"""A row that holds what its writer assigned, spelled otherwise, is known to the writer (G11)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, models
from django.test.utils import isolate_apps

from signal_log.capture.faults import faults
from tests.integration.actual import save, shop_model, table
from tests.shop.models import Thing

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:DateTimeField .* received a naive datetime:RuntimeWarning"),
]

ADDRESS = models.GenericIPAddressField


class QuietField(models.CharField):
    """Stores everything in small letters."""

    def get_prep_value(self, value):
        """Spell it the field's own way."""
        return str(value).lower()


class ThingField(models.IntegerField):
    """Loads a thing by its number, and so asks the database whenever a value is loaded."""

    def from_db_value(self, value, expression, connection):
        """Number and name of the thing."""
        return value, Thing.objects.get(pk=value).name

    def get_prep_value(self, value):
        """The number of the thing."""
        return value[0]


def spelled() -> Iterator[tuple[str, Any, Any, Any]]:
    """For each field, a value that the database spells otherwise, and the same and another one for a second writer."""
    yield "Address", ADDRESS(), "2001:DB8::0001", "::1"
    yield "Quiet", QuietField(max_length=9), "ABC", "d"
    yield "Local", models.DateTimeField(), datetime(2026, 1, 2, 3, 4), datetime(2026, 1, 2)  # noqa: DTZ001
    yield "Rounded", models.DecimalField(max_digits=6, decimal_places=2), Decimal("2.674"), Decimal(1)
    if connection.vendor != "postgresql":
        return
    from django.contrib.postgres.fields import ArrayField, DateRangeField, DecimalRangeField, IntegerRangeField
    from django.db.backends.postgresql.psycopg_any import DateRange, NumericRange

    decimals = models.DecimalField(max_digits=6, decimal_places=2)
    yield "Seats", IntegerRangeField(), NumericRange(2, 6, "[]"), (1, 2)
    yield "NoSeats", IntegerRangeField(), NumericRange(2, 2, "[)"), NumericRange(1, None, "(]")
    yield "Days", DateRangeField(), DateRange(date(2026, 1, 1), date(2026, 1, 3), "(]"), (date(2026, 1, 1), None)
    yield "Prices", DecimalRangeField(), NumericRange(None, Decimal(5), "[]"), NumericRange(2, 2, "()")
    yield "Marks", ArrayField(models.IntegerField()), (3, 4), ["5", 6]
    yield "Weights", ArrayField(decimals), ["1.5", None], ()
    yield "Addresses", ArrayField(ArrayField(ADDRESS())), (("2001:DB8::1", "::1"), ["1.2.3.4", "::A"]), []
    yield "Spans", ArrayField(IntegerRangeField()), [NumericRange(2, 6, "[]")], [(1, 2)]


@isolate_apps("tests.shop")
def test_a_value_that_the_writer_has_spelled_otherwise():
    """It is not said to be overwritten after a save, a bulk insert or a bulk update; another writer's value is."""
    other = models.IntegerField(default=0)
    for name, field, value, more in spelled():
        model = shop_model(name, v=field, other=other.clone())
        with table(model):
            one = model(v=value)
            told = [save(one).overwrote, save(one, v=more).overwrote, save(one, v=value).overwrote]
            many = model.objects.bulk_create([model(v=value)])[0]
            told.append(save(many, v=more).overwrote)
            many.v = value
            model.objects.bulk_update([many], ["v"])
            told.append(save(many, v=more).overwrote)
            event = save(many, other=1)
            assert (name, told, event.changes) == (name, [[]] * 5, {"other": [0, 1]})
            model.objects.update(v=value)
            assert (name, save(many, v=value).changes) == (name, {})
            model.objects.update(v=more)
            assert (name, save(one, v=value).overwrote) == (name, ["v"])


@isolate_apps("tests.shop")
def test_a_value_that_only_a_query_can_convert(monkeypatch):
    """We may not ask on the host's behalf; what the field stores of the loaded value tells that it is the same."""
    monkeypatch.setattr(faults, "untold_models", {})
    things = [(Thing.objects.create(name=name).pk, name) for name in "abc"]
    model = shop_model("Referring", thing=ThingField())
    with table(model):
        model.objects.create(thing=things[0])
        event = save(model.objects.get(), thing=things[1])
        assert (event.changes["thing"], event.overwrote) == ([things[0][0], things[1][0]], [])
        loaded = model.objects.get()
        model.objects.update(thing=things[2])
        assert save(loaded, thing=things[0]).overwrote == ["thing"]
