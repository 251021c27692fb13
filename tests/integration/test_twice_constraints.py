"""Constraints that are checked late, coroutines, and another database work as without the app (G4)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, connections, transaction
from django.db.models import signals

from tests.integration.twice import Host, both_ways, compare
from tests.shop.models import Category, Note, Part, Thing

pytestmark = pytest.mark.django_db(transaction=True)


@both_ways
def test_a_foreign_key_that_fails_at_the_commit(block):
    """In autocommit the save itself raises, before anybody is told that it is done; a block raises at its end."""

    def program(host: Host) -> None:
        thing = Thing.objects.create(name="mine")
        host.step(lambda: Part(thing_id=999, name="orphan").save())
        part = Part.objects.create(thing=thing, name="wheel")
        part.thing_id = 998
        host.step(part.save)
        host.step(lambda: Part(pk=part.pk, thing_id=997, name="wheel").save())
        host.step(lambda: Thing.objects.filter(pk=thing.pk)._raw_delete("default"))
        host.step(lambda: (Part(thing_id=5, name="early").save(), Thing(pk=5, name="late").save()))

        def checked_early() -> None:
            with transaction.atomic():
                Part(thing_id=7, name="early").save()
                host.attempt(connection.check_constraints)

        host.step(checked_early)

    compare(program, block=block)


@both_ways
def test_a_receiver_that_leaves_a_broken_foreign_key(block):
    """The error comes from whoever commits, as ever."""

    def program(host: Host) -> None:
        host.once("pre_save", lambda thing: Part(thing_id=999, name="orphan").save())
        host.step(lambda: Thing(name="pre").save())
        host.once("post_save", lambda thing: Part(thing_id=999, name="orphan").save())
        host.step(lambda: Thing(name="post").save())

    compare(program, block=block)


@both_ways
def test_receivers_that_are_coroutines(block):
    """An asynchronous receiver runs where it would run, and finds and saves what it would."""

    def program(host: Host) -> None:
        async def before(instance: Thing, **_: Any) -> None:
            host.tell("async", await Thing.objects.filter(name=instance.name).acount())

        async def after(instance: Thing, **_: Any) -> None:
            host.tell("async", await Thing.objects.filter(name=instance.name).acount())
            await Category.objects.acreate(name=f"after {instance.name}")

        host.receive("pre_save", before)
        host.receive("post_save", after)
        host.step(lambda: Thing(name="sync").save())
        host.step(lambda: async_to_sync(Thing.objects.acreate)(name="async"))
        host.step(lambda: Thing.objects.get(name="sync").delete())

    compare(program, block=block)


def test_coroutines_at_the_same_time():
    """Saves that are awaited together wait for each other as they would."""

    async def several() -> list[Any]:
        saves = (Thing.objects.acreate(name=name) for name in ("a", "b", "a"))
        return [str(result) for result in await asyncio.gather(*saves, return_exceptions=True)]

    def program(host: Host) -> None:
        host.step(async_to_sync(several))

    compare(program)


@pytest.fixture
def other() -> Iterator[str]:
    """Another alias, for a connection of its own to the same database."""
    fresh = connection.copy("other")
    if connection.vendor == "postgresql":
        fresh.settings_dict["OPTIONS"] = {**fresh.settings_dict["OPTIONS"], "pool": False}
    else:
        fresh.settings_dict["OPTIONS"] = {**fresh.settings_dict["OPTIONS"], "timeout": 0.2}
    connections["other"] = fresh
    yield "other"
    connections["other"].close()
    del connections["other"]


@both_ways
def test_receivers_that_write_through_another_connection(other, block):
    """A receiver's save through another alias finds the row, or waits for it, as it would."""

    def program(host: Host) -> None:
        host.once("pre_save", lambda thing: host.attempt(lambda: Note.objects.using(other).create(text="pre").pk))
        host.step(lambda: Thing(name="a").save())
        host.once("post_save", lambda thing: host.attempt(lambda: Thing.objects.using(other).get(name="b").qty))
        host.step(lambda: Thing(name="b").save())
        host.once("post_save", lambda thing: host.attempt(lambda: Category.objects.using(other).create(name="c").pk))
        host.step(lambda: Thing(name="c").save())
        host.step(lambda: Thing(name="d").save(using=other))
        host.step(lambda: Thing.objects.using(other).get(name="d").delete())
        connections[other].close()

    compare(program, block=block)


@both_ways
def test_receivers_for_every_model(block):
    """A receiver that is connected without a sender is called as often, in the same order."""

    def program(host: Host) -> None:
        def everything(sender: type, signal: Any, **_: Any) -> None:
            if sender.__module__.startswith("tests.shop"):
                host.tell("everything", sender.__name__, host.place(), host.names())

        for signal in (signals.pre_save, signals.post_save, signals.pre_delete, signals.post_delete):
            signal.connect(everything)
        try:
            host.step(lambda: Part.objects.create(thing=Thing.objects.create(name="a"), name="wheel"))
            host.step(Thing.objects.all().delete)
        finally:
            for signal in (signals.pre_save, signals.post_save, signals.pre_delete, signals.post_delete):
                signal.disconnect(everything)

    compare(program, block=block)
