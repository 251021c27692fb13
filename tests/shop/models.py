"""Models of an imaginary shop, all observed except ``Note``."""

import uuid

from django.db import models

from tests.shop.fields import EncryptedTextField, GramsField, HiddenField
from tests.shop.things import (  # noqa: F401
    Careful,
    Gadget,
    Part,
    Reticent,
    Thing,
    ThingByHand,
    ThingOnTheSide,
    Valued,
)


class Category(models.Model):
    """Has dependents that are deleted or set to null with it; none protects it."""

    name = models.CharField(max_length=50, unique=True)

    def __str__(self) -> str:
        return self.name


class Item(models.Model):
    """Fields of many kinds; some change in place, one is a secret."""

    category = models.ForeignKey(Category, models.CASCADE, null=True)
    name = models.CharField(max_length=50, default="thing")
    price = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    weight = models.FloatField(default=0)
    stock = models.IntegerField(default=0)
    tags = models.JSONField(default=list)
    api_token = models.CharField(max_length=50, blank=True)
    picture = models.FileField(blank=True)
    sold_on = models.DateField(null=True)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.name} in {self.category}"  # a query, if the category is not loaded


class Label(models.Model):
    """Survives its category, without one; its table has another name than Django's default."""

    category = models.ForeignKey(Category, models.SET_NULL, null=True)
    text = models.CharField(max_length=50, blank=True)

    class Meta:
        db_table = "Shop Labels"


class CheapItem(Item):
    """A proxy, which is the sender of its own signals."""

    class Meta:
        proxy = True


class Book(Item):
    """A multi-table child."""

    pages = models.IntegerField(default=1)


class Ticket(models.Model):
    """A key that is made in Python, before the row exists."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    seat = models.CharField(max_length=20, blank=True)


class Token(models.Model):
    """A row whose key and text are themselves the secret, as in token authentication."""

    key = models.CharField(max_length=40, primary_key=True)
    note = models.CharField(max_length=50, blank=True)

    def __str__(self) -> str:
        return self.key


class Setting(models.Model):
    """A row of key and value, as packages for settings and preferences keep them."""

    key = models.CharField(max_length=50)
    value = models.CharField(max_length=200, blank=True)


class Grumpy(models.Model):
    """An object whose text raises."""

    name = models.CharField(max_length=50, blank=True)

    def __str__(self) -> str:
        raise RuntimeError("go away")


class Patient(models.Model):
    """Has columns that are encrypted by their class, in ways that hosts and packages do it, and one that is not."""

    name = models.CharField(max_length=20)
    diagnosis = EncryptedTextField(blank=True)
    history = HiddenField(blank=True)
    weight = GramsField(default=0)

    def __str__(self) -> str:
        return f"{self.name}: {self.diagnosis}"


class Note(models.Model):
    """Not observed."""

    text = models.CharField(max_length=50, blank=True)
