"""A host's test that freezes or moves clocks sees the times that it would see without the app."""

import asyncio
import datetime
import itertools
import time
from contextlib import ExitStack
from datetime import timedelta
from io import StringIO
from unittest import mock

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from django.utils import timezone
from freezegun import freeze_time

from signal_log import clock, observed_bulk, pipeline
from signal_log.capture.middleware import SignalLogMiddleware
from signal_log.tail import doorbell, layer_publisher
from tests.log import recorded
from tests.settings import SIGNAL_LOG
from tests.shop.models import Category, Item
from tests.shop.signals import order_paid

pytestmark = pytest.mark.django_db(transaction=True)
THEN = datetime.datetime(2001, 2, 3, 4, 5, 6, tzinfo=datetime.UTC)


@pytest.fixture
def readings():
    """The clocks as a host's receivers read them, each reading moving freezegun's clock on."""
    seen = []

    def read(**_):
        seen.append((time.time(), time.monotonic(), time.perf_counter_ns(), timezone.now(), datetime.date.today()))

    signals = (pre_save, post_save, pre_delete, post_delete, order_paid)
    for signal in signals:
        signal.connect(read)
    yield seen
    for signal in signals:
        signal.disconnect(read)


def ticking():
    """Each reading of the clock moves it on, but for those of Hypothesis, which times every garbage collection."""
    return freeze_time(THEN, auto_tick_seconds=15, ignore=["hypothesis"])


def work():
    """Change rows in each way that is recorded, within a request, a command and neither.

    All of it in one block: Django reads the clock at each BEGIN and COMMIT.
    """

    def view(request):
        Item.objects.create(name="in a request", sold_on=datetime.date.today())
        return HttpResponse()

    with transaction.atomic():
        book = Category.objects.create(name="books")
        Item.objects.create(category=book, name="a").save()
        SignalLogMiddleware(view)(RequestFactory().post("/"))
        order_paid.send(Item)
        Item.objects.update(stock=3)
        with observed_bulk():
            Item.objects.bulk_create([Item(name="b"), Item(name="c")])
        with connection.cursor() as cursor:
            cursor.execute("UPDATE shop_category SET name = 'raw'")
        with pytest.raises(RuntimeError), transaction.atomic():
            Category.objects.create(name="rolled back")
            raise RuntimeError
        call_command("check", verbosity=0, stderr=StringIO())
        book.delete()


SETTINGS = {**SIGNAL_LOG, "EXTRA_SIGNALS": ["tests.shop.signals.order_paid"], "CALL_SITES": True}


@pytest.fixture
def without_and_with_the_app():
    """Run something without the app, then with it, and return both results."""

    def both(run):
        with override_settings(SIGNAL_LOG=SETTINGS):
            work()  # what is done once in a process, such as opening the connection, is not compared
            doorbell.flush()  # nor is a ring that is just going out
            with ticking():
                timezone.now()  # nor what freezegun imports, as it looks through all modules for clocks
            pipeline.stop()
            without = run()
            pipeline.start()
            return without, run()

    yield both
    pipeline.start()


@pytest.mark.one_database  # psycopg and its pool read the clock at any time
def test_a_clock_that_each_reading_moves_on(readings, without_and_with_the_app):
    """The recorder reads no clock of freezegun's: with ``auto_tick_seconds`` no tick is missing."""

    def run():
        readings.clear()
        with ticking():
            work()
            return [*readings, time.time()]

    without, with_the_app = without_and_with_the_app(run)
    assert len(without) > 10
    assert with_the_app == without


@pytest.mark.one_database
def test_saves_in_autocommit(readings, without_and_with_the_app):
    """Neither does what the recorder commits by itself, right at the row's own statement."""

    def run():
        readings.clear()
        with ticking():
            category = Category.objects.create(name="a")
            category.name = "b"
            category.save()
            category.delete()
            return [*readings, time.time()]

    without, with_the_app = without_and_with_the_app(run)
    assert with_the_app == without


@pytest.mark.one_database
def test_no_ring_reads_the_clock_in_the_background(monkeypatch):
    """A channel layer's client reads it for each command, from a thread of the app's: not while it is the test's."""
    sent = []

    class Layer:
        async def group_send(self, *_):
            sent.append(time.monotonic())

    monkeypatch.setattr(layer_publisher, "remote_layer", Layer)
    publisher = layer_publisher.LayerPublisher("a")
    loop = asyncio.new_event_loop()
    loop.time = clock.monotonic
    for tool in (ticking(), time_machine.travel(THEN), mock.patch("time.time"), mock.patch("time.monotonic")):
        with tool:
            loop.run_until_complete(publisher._publish())
    assert sent == []
    loop.run_until_complete(publisher._publish())
    assert len(sent) == 1
    loop.close()


def test_listed_moments(readings, without_and_with_the_app):
    """The moments that a mock hands out one after the other all reach the host."""

    def run():
        moments = itertools.count(1_000_000)
        places = ("time.time", "time.time_ns", "time.monotonic", "time.perf_counter_ns", "django.utils.timezone.now")
        with ExitStack() as stack:
            for place in places[:4]:
                stack.enter_context(mock.patch(place, side_effect=moments))
            stack.enter_context(mock.patch(places[4], side_effect=lambda: THEN + timedelta(seconds=next(moments))))
            work()
            return next(moments)

    without, with_the_app = without_and_with_the_app(run)
    assert with_the_app == without


@pytest.mark.parametrize("tick", [False, True])
def test_a_travelling_clock(readings, without_and_with_the_app, tick):
    """The same with time-machine, which moves the clock itself, and from its first reading on if it ticks."""

    def run():
        readings.clear()
        with time_machine.travel(THEN, tick=tick):
            work()
            if tick:
                return readings[0][0]
            return [(now, today) for _, _, _, now, today in readings] + [time.time()]

    without, with_the_app = without_and_with_the_app(run)
    assert with_the_app == without


def test_what_the_log_says_under_a_frozen_clock():
    """With freezegun an event happened when it really did; its values are the host's, in their usual form."""
    with recorded() as events:
        before = clock.now()
        with freeze_time(THEN):
            Item.objects.create(name="a", sold_on=datetime.date.today())
        after = clock.now()
    event = events[-1]
    assert before <= event.occurred_at <= after
    assert event.changes["sold_on"] == [None, "2001-02-03"]
    assert event.changes["changed_at"] == [None, "2001-02-03T04:05:06+00:00"]


def test_what_the_log_says_to_a_traveller():
    """The same with time-machine."""
    with recorded() as events:
        before = clock.now()
        with time_machine.travel(THEN):
            Item.objects.create(name="a", sold_on=datetime.date.today())
        after = clock.now()
    assert all(before <= event.occurred_at <= after for event in events)
    assert events[-1].changes["sold_on"] == [None, "2001-02-03"]
    assert events[-1].changes["changed_at"][1].startswith("2001-02-03T04:05:06")


def test_durations_under_a_frozen_clock():
    """What is measured is real time: a frozen clock does not stop a deadline, nor a ticking one shorten it."""
    with freeze_time(THEN, auto_tick_seconds=1000):
        began = clock.monotonic(), clock.perf_counter_ns()
        assert 0 <= clock.monotonic() - began[0] < 100
        assert 0 <= clock.perf_counter_ns() - began[1] < 100e9
    with freeze_time(THEN):
        began = clock.time_ns()
        while clock.time_ns() == began:
            pass
