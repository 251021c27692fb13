"""Errors of the recorder itself never reach the host: they are counted, logged, and said by the event."""

from __future__ import annotations

import logging
from unittest import mock

import pytest
from django.db import connection, transaction

from signal_log.capture import deleting, faults, saving
from signal_log.capture.signals import m2m
from signal_log.models import SignalEvent
from tests.log import recorded
from tests.shop.models import Category

pytestmark = pytest.mark.django_db(transaction=True)


class BrokenError(Exception):
    """What our own code raises in these tests."""


def broken(*_: object, **__: object) -> None:
    """Fail as a fault of ours would."""
    raise BrokenError("hunter2")


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Count from nothing, and log at once."""
    monkeypatch.setattr(faults.faults, "total", 0)
    monkeypatch.setattr(faults.faults, "_next_line", float("-inf"))


@pytest.mark.parametrize(
    ("module", "name"),
    [(saving, "repr_of"), (saving, "row_written"), (saving, "seen_after"), (saving.loaded, "belief")],
)
@pytest.mark.parametrize("in_block", [False, True])
def test_a_save(module, name, in_block, monkeypatch, caplog):
    """The row is saved, both events are there, and the incomplete one says so."""
    category = Category.objects.create(name="a")
    monkeypatch.setattr(module, name, broken)
    category.name = "b"
    with caplog.at_level(logging.ERROR), recorded() as events:
        if in_block:
            with transaction.atomic():
                category.save()
        else:
            category.save()
    category.refresh_from_db()
    assert category.name == "b"
    assert [(e.signal, e.outcome) for e in events] == [("pre_save", "committed"), ("post_save", "committed")]
    assert any("Not fully recorded: BrokenError" in event.error for event in events)
    assert not any("hunter2" in event.error for event in events)
    assert faults.faults.total >= 1
    assert [record.levelname for record in caplog.records] == ["ERROR"]  # once a minute
    log = caplog.records[0].getMessage()
    assert caplog.records[0].exc_info is None  # what reports errors elsewhere would take local variables along
    assert 'test_recorder_faults.py", line 26, in broken\nBrokenError: ' in log
    assert "raise BrokenError" not in log


def test_people_are_told(monkeypatch, admin_client, client):
    """The live page and the metrics say that there was a fault."""
    assert b"The recorder failed" not in admin_client.get("/").content
    category = Category.objects.create(name="a")
    monkeypatch.setattr(saving, "row_written", broken)
    category.name = "b"
    category.save()
    assert b"The recorder failed once in this server process" in admin_client.get("/").content
    assert b"signal_log_recorder_faults_total 1.0" in admin_client.get("/metrics").content


@pytest.mark.parametrize("name", ["repr_of", "row_deleted", "origin_of"])
def test_a_delete(name, monkeypatch):
    """The row is deleted, and both events are there."""
    category = Category.objects.create(name="a")
    monkeypatch.setattr(deleting, name, broken)
    with recorded() as events:
        category.delete()
    assert not Category.objects.exists()
    assert [(e.signal, e.outcome) for e in events] == [("pre_delete", "committed"), ("post_delete", "committed")]
    assert any("Not fully recorded: BrokenError" in event.error for event in events)


def test_a_relation(monkeypatch, django_user_model):
    """Groups are added, whatever the event of it comes to."""
    from django.contrib.auth.models import Group

    user = django_user_model.objects.create(username="ada")
    group = Group.objects.create(name="g")
    monkeypatch.setattr(m2m, "_changes", broken)
    with recorded() as events:
        user.groups.add(group)
    assert list(user.groups.all()) == [group]
    assert [e.outcome for e in events] == ["committed", "committed"]
    assert all("Not fully recorded: BrokenError" in event.error for event in events)


@pytest.mark.parametrize("in_block", [False, True])
def test_a_vendor_that_a_hosts_test_fakes(in_block):
    """The recorder asks the driver, not ``connection.vendor``."""
    category = Category.objects.create(name="a")
    category.name = "b"
    with mock.patch.object(connection, "vendor", "microsoft"), recorded() as events:
        if in_block:
            with transaction.atomic():
                category.save()
        else:
            category.save()
    assert events[1].changes == {"name": ["a", "b"]}
    assert SignalEvent.objects.filter(sender="shop.Category").count() == 4
