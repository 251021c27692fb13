"""Models whose relations Django's signal does not describe, all observed."""

from django.db import models
from taggit.managers import TaggableManager


class Person(models.Model):
    """Somebody who can be invited."""

    name = models.CharField(max_length=20)


class Party(models.Model):
    """Has two relations to the same model through the same through model."""

    hosts = models.ManyToManyField(
        Person, through="Invitation", through_fields=("party", "host"), related_name="hosted"
    )  # fmt: skip
    guests = models.ManyToManyField(
        Person, through="Invitation", through_fields=("party", "guest"), related_name="visited"
    )  # fmt: skip


class Invitation(models.Model):
    """The through model of both, which is the host's own and so sends signals itself."""

    party = models.ForeignKey(Party, models.CASCADE)
    host = models.ForeignKey(Person, models.CASCADE, null=True, related_name="+")
    guest = models.ForeignKey(Person, models.CASCADE, null=True, related_name="+")


class Article(models.Model):
    """Has django-taggit's relation, as a stock content management system's pages do."""

    title = models.CharField(max_length=20)
    tags = TaggableManager()
