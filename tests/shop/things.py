"""Models whose saves do more than write a row: hooks in fields, methods of Django's overridden, an order, a parent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import models


class Hooked(models.IntegerField):
    """A field that calls what a test has put into `at_save` while Django collects the values to write."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.at_save: list[Callable[[models.Model], None]] = []

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        for act in list(self.at_save):
            act(model_instance)
        return super().pre_save(model_instance, add)


class Thing(models.Model):
    """Only one may have a name."""

    name = models.CharField(max_length=50, unique=True)
    qty = models.IntegerField(default=0)
    hooked = Hooked(default=0)
    friends = models.ManyToManyField("self", blank=True)

    def __str__(self) -> str:
        return self.name


class Gadget(Thing):
    """A multi-table child."""

    watts = models.IntegerField(default=1)


class Part(models.Model):
    """Deleted with its thing, and kept in an order, which is a query in each first save."""

    thing = models.ForeignKey(Thing, models.CASCADE)
    name = models.CharField(max_length=50)

    class Meta:
        order_with_respect_to = "thing"


class Careful(models.Model):
    """Asks whether the row is there before it updates it."""

    name = models.CharField(max_length=50, unique=True)

    class Meta:
        select_on_save = True


class ThingOnTheSide(Thing):
    """A proxy, the sender of its own signals."""

    class Meta:
        proxy = True


class ThingByHand(Thing):
    """Overrides every method of Django's that a save goes through; a test says what is done there."""

    class Meta:
        proxy = True

    around: dict[str, Callable[..., Any]] = {}  # noqa: RUF012  one for the class, emptied by the test

    def _by(self, name: str, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        around = self.around.get(name)
        return around(self, original, *args, **kwargs) if around else original(*args, **kwargs)

    def save_base(self, *args: Any, **kwargs: Any) -> Any:
        return self._by("save_base", super().save_base, *args, **kwargs)

    def _save_table(self, *args: Any, **kwargs: Any) -> Any:
        return self._by("_save_table", super()._save_table, *args, **kwargs)

    def _save_parents(self, *args: Any, **kwargs: Any) -> Any:
        return self._by("_save_parents", super()._save_parents, *args, **kwargs)

    def _do_update(self, *args: Any, **kwargs: Any) -> Any:
        return self._by("_do_update", super()._do_update, *args, **kwargs)

    def _do_insert(self, *args: Any, **kwargs: Any) -> Any:
        return self._by("_do_insert", super()._do_insert, *args, **kwargs)


class Valued(models.Model):
    """Columns in which the database does not keep what it was given."""

    price = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    sold_on = models.DateField(null=True)
    sold_at = models.DateTimeField(null=True)
    number = models.UUIDField(null=True)
    data = models.JSONField(default=list)
    blob = models.BinaryField(null=True)
    lasts = models.DurationField(null=True)
    flag = models.BooleanField(default=False)
    qty = models.IntegerField(default=1)
    text = models.TextField(default="", blank=True)
    state = models.CharField(max_length=9, db_default="new")
    twice = models.GeneratedField(expression=models.F("qty") * 2, output_field=models.IntegerField(), db_persist=True)


class Withholding(models.Manager["Reticent"]):
    """Loads no more than it must."""

    def get_queryset(self) -> models.QuerySet[Reticent]:
        return super().get_queryset().defer("text")


class Reticent(models.Model):
    """Its default manager defers a column."""

    name = models.CharField(max_length=50)
    text = models.TextField(default="")

    objects = Withholding()
