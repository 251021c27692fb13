"""The map of receivers: the command, the page and the system checks; what is connected and what was seen of it."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import sys
import uuid
from types import ModuleType

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.signals import m2m_changed, post_save, pre_save
from django.test import Client, override_settings

import signal_log
from signal_log import clock
from signal_log.capture.signals.connected import connected
from signal_log.capture.trace.call_site import call_site
from signal_log.checks import receivers as checks
from signal_log.models import SignalTrace
from signal_log.show.cascade import findings
from signal_log.show.receivers import recent
from signal_log.telemetry import keeper
from tests.factories import make_event
from tests.shop.models import Category, Item
from tests.tail import make_observer

HERE = "tests/integration/test_receivers_map.py"


@pytest.fixture
def connect():
    """Connect receivers to a signal for one test."""
    mine = []

    def connect(receiver, signal=post_save, sender=Category, **how):
        signal.connect(receiver, sender=sender, weak=False, **how)
        mine.append((signal, receiver, sender, how.get("dispatch_uid")))
        return receiver

    yield connect
    for signal, receiver, sender, uid in mine:
        signal.disconnect(receiver, sender=sender, dispatch_uid=uid)


def stock(sender, **kwargs):
    Item.objects.filter(pk=-1).delete()


def audit(sender, **kwargs):
    pass


def make_item(sender, instance, **kwargs):
    if not Item.objects.filter(category=instance).exists():
        Item.objects.create(name="made", category=instance)


def stock_up(sender, instance, **kwargs):
    Item.objects.create(name="made", category=instance)


async def notify(sender, **kwargs):
    pass


class Index:
    def update(self, sender, **kwargs):
        pass

    def __call__(self, sender, **kwargs):
        pass


def of(model: str, signal: str = "post_save"):
    return [one for one in connected() if one.model == model and one.signal == signal]


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("signal_receivers", *arguments, stdout=out)
    return out.getvalue()


def test_receivers_are_told_in_the_order_of_calls_with_where_and_how(connect):
    index = Index()
    connect(notify)
    connect(stock, dispatch_uid="shop-stock")
    connect(functools.partial(audit, level=3), sender=None)
    connect(index.update)
    connect(index)
    told = of("shop.Category")
    assert [(one.order, one.receiver.removeprefix("tests.integration.test_receivers_map.")) for one in told] == [
        (1, "stock"), (2, "audit"), (3, "Index.update"), (4, "Index"), (5, "notify"),
    ]  # fmt: skip
    first, partial, _, called, last = told
    assert (first.dispatch_uid, first.is_weak, first.file) == ("shop-stock", False, HERE)
    assert first.line == stock.__code__.co_firstlineno
    assert (partial.for_every_sender, partial.dispatch_uid) == (True, "")
    assert called.line == Index.__call__.__code__.co_firstlineno
    assert (last.is_async, first.is_async) == (True, False)


def test_our_own_and_dead_receivers_are_not_told(connect):
    def gone(sender, **kwargs):
        pass

    post_save.connect(gone, sender=Category)
    assert len(of("shop.Category")) == 1
    del gone
    assert of("shop.Category") == []


def test_relations_are_told_below_the_model_that_has_them(connect):
    connect(audit, m2m_changed, User.groups.through)
    assert [one.receiver.rpartition(".")[2] for one in of("auth.User", "m2m_changed")] == ["audit"]


@pytest.mark.django_db(transaction=True)
def test_the_map_joins_what_is_connected_with_what_was_seen(connect, client: Client):
    client.force_login(make_observer())  # before the map is drawn: on a busy machine this is slow, and kept
    connect(make_item)
    connect(audit)
    Category.objects.create(name="a")
    keeper.write_kept()
    rows = {row["receiver"].rpartition(".")[2]: row for row in json.loads(run("--json"))["receivers"]
            if row["model"] == "shop.Category"}  # fmt: skip
    made, idle = rows["make_item"], rows["audit"]
    assert (made["calls"], made["errors"], made["connected"], made["signal"]) == (1, 0, True, "post_save")
    assert made["caused"] == [{"verb": "created", "model": "shop.Item", "times": 1}]
    assert made["last_seen"]
    assert idle["caused"] == []

    text = run()
    assert "shop.Category\n  post_save 1  tests.integration.test_receivers_map.make_item\n" in text
    assert "created shop.Item × 1" in text
    assert "no writes" in text
    drawn = run("--mermaid")
    assert drawn.startswith("flowchart LR\n")
    assert '-->|"post_save 1 · make_item<br/>created × 1 · p95 ' in drawn
    assert '-.->|"post_save 2 · audit"|' in drawn

    page = client.get("/receivers/").content.decode()
    assert "make_item" in page
    assert "Who causes whom" in page
    assert client.get("/receivers/?format=json").json()["format"] == "signal_log.receivers/1"
    assert client.get("/receivers/?format=mermaid").content.decode() == drawn


def refuse(sender, instance, **kwargs):
    raise ValueError("no more items")


def copy(sender, instance, **kwargs):
    """Tries to write and goes on."""
    with contextlib.suppress(ValueError):
        Item.objects.create(name="copy", category=instance)


@pytest.mark.django_db(transaction=True)
def test_a_double_connection_has_two_rows_with_their_own_calls(connect, client: Client):
    """Each shows what it did itself, and that it is not the only one."""
    connect(stock_up)
    connect(stock_up, dispatch_uid="again")
    for name in "abc":
        Category.objects.create(name=name)
    keeper.write_kept()
    rows = [row for row in json.loads(run("--json"))["receivers"] if row["receiver"].endswith("stock_up")]
    assert [(row["order"], row["calls"], row["caused"]) for row in rows] == [
        (order, 3, [{"verb": "created", "model": "shop.Item", "times": 3}]) for order in (1, 2)
    ]
    assert run().count("connected 2 times") == 2
    client.force_login(make_observer())
    assert client.get("/receivers/").content.decode().count("connected 2 times</span>") == 2


@pytest.mark.django_db(transaction=True)
def test_what_a_receiver_tried_and_failed_to_write_is_told(connect, client: Client):
    connect(copy)
    connect(refuse, sender=Item, signal=pre_save)
    Category.objects.create(name="a")
    Category.objects.create(name="b")
    keeper.write_kept()
    (row,) = [row for row in json.loads(run("--json"))["receivers"] if row["receiver"].endswith(".copy")]
    assert row["caused"] == [{"verb": "failed to save", "model": "shop.Item", "times": 2}]
    assert "failed to save shop.Item × 2" in run()
    client.force_login(make_observer())
    page = client.get("/receivers/").content.decode()
    assert "failed to save shop.Item × 2" in page
    assert "receiver=tests.integration.test_receivers_map.copy" in page, "a finding of two traces lists them"


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_is_gone_is_told_as_such(connect, client: Client):
    connect(audit)
    Category.objects.create(name="a")
    keeper.write_kept()
    post_save.disconnect(audit, sender=Category)
    row = json.loads(run("--json"))["receivers"][-1]
    assert (row["receiver"].rpartition(".")[2], row["connected"], row["calls"], row["order"]) == ("audit", False, 1, 0)
    client.force_login(make_observer())
    assert "not connected any more" in client.get("/receivers/").content.decode()


@pytest.mark.django_db
def test_an_empty_map_says_how_to_connect(client: Client):
    with signal_log.pause():
        client.force_login(make_observer())
    with override_settings(SIGNAL_LOG={"MODELS": []}):
        assert "No receivers" in client.get("/receivers/").content.decode()
        assert run() == "No receivers are connected to observed models.\n"


@pytest.mark.django_db
@pytest.mark.parametrize("rows", [0, 30])
def test_the_number_of_queries_does_not_grow_with_the_log(connect, client, rows, django_assert_max_num_queries):
    connect(audit)
    for number in range(rows):
        Category.objects.create(name=str(number))
    client.force_login(make_observer())
    with django_assert_max_num_queries(40):
        client.get("/receivers/")


def test_a_receiver_connected_twice_is_found(connect):
    connect(audit)
    assert checks.check_connected() == []
    connect(audit, dispatch_uid="again")
    (found,) = checks.check_connected()
    assert found.id == "signal_log.W015"
    assert "is connected 2 times to post_save of shop.Category" in found.msg
    assert "Their dispatch_uids are none, 'again'." in found.hint


def test_a_receiver_under_two_names_of_its_module_is_found(connect):
    twin = type(audit)(audit.__code__, audit.__globals__, "audit")
    twin.__module__ = "other.path.to.it"
    connect(audit)
    connect(twin)
    (found,) = checks.check_connected()
    assert "other.path.to.it.audit" in found.msg


def test_a_receiver_for_every_sender_and_for_one_runs_twice(connect):
    connect(audit, sender=None)
    connect(audit)
    assert [found.id for found in checks.check_connected()] == ["signal_log.W015"]


def test_methods_of_two_objects_are_two_receivers(connect):
    connect(Index().update)
    connect(Index().update)
    assert checks.check_connected() == []


def test_a_receiver_without_keyword_arguments_is_found(connect, settings):
    settings.DEBUG = False

    def strict(sender, instance, created, raw, using, update_fields, signal):
        pass

    connect(strict)
    assert [found.id for found in checks.check_connected()] == ["signal_log.W016"]


class Silent:
    """A dispatch_uid that cannot be told."""

    def __str__(self):
        raise ValueError("not told")


def test_a_strange_uid_and_a_folder_that_is_gone_break_nothing(connect, monkeypatch):
    """Neither the list of receivers nor a save, whose line is then told with its whole path."""

    def gone():
        raise FileNotFoundError

    connect(audit, dispatch_uid=Silent())
    monkeypatch.setattr(os, "getcwd", gone)
    (one,) = [found for found in connected() if found.receiver.endswith("audit")]
    assert (one.dispatch_uid, one.file) == ("a Silent", __file__)
    assert call_site().startswith(f"{__file__}:")


def test_signals_that_nothing_imports_are_found(monkeypatch):
    assert checks.check_imported() == []
    monkeypatch.delitem(sys.modules, "users.signals")
    (found,) = checks.check_imported()
    assert found.id == "signal_log.W017"
    assert "users.signals connects receivers" in found.msg


def test_a_module_that_only_declares_signals_is_left_alone(monkeypatch, tmp_path):
    (tmp_path / "signals.py").write_text("from django.dispatch import Signal\npaid = Signal()\n")
    spec = ModuleType("spec")
    spec.origin = str(tmp_path / "signals.py")
    monkeypatch.delitem(sys.modules, "users.signals")
    monkeypatch.setattr(checks.importlib.util, "find_spec", lambda name: spec)
    assert checks.check_imported() == []


def write_again(sender, instance, **kwargs):
    Category.objects.create(name=f"{instance.name} again") if "again" not in instance.name else None


@pytest.mark.django_db(transaction=True)
def test_what_traces_show_is_found_with_the_database_only(connect, monkeypatch):
    monkeypatch.setattr(findings, "is_slow", lambda own_us, total_us: False)  # whatever the machine's load
    connect(write_again)
    Category(name="fixture").save_base(raw=True)
    keeper.write_kept()
    assert checks.check_seen() == []
    (found,) = checks.check_seen(databases=[connection.alias])
    assert found.id == "signal_log.W020"
    assert "writes while a fixture is loaded" in found.msg
    with pytest.raises(CommandError, match="1 finding") as raised:
        run("--check")
    assert raised.value.returncode == 1
    with override_settings(SILENCED_SYSTEM_CHECKS=["signal_log.W020"]):
        assert run("--check") == "Nothing found.\n"


@pytest.mark.django_db
def test_a_huge_trace_does_not_hide_what_others_show(monkeypatch):
    """What is read is shared out among the traces, and of the huge one the first events are read."""
    monkeypatch.setattr(recent, "EVENTS", 10)
    twice = [{"receiver": "shop.f", "duration_us": 1}] * 2
    for positions in (2, 2, 30):
        trace = uuid.uuid4()
        for position in range(1, positions + 1):
            make_event(trace_id=trace, position=position, operation=position, receivers=twice)
        SignalTrace.objects.create(
            trace_id=trace, source="http", name="GET /", started_at=clock.now(), duration_us=9, events=positions,
            operations=positions, failed=0, silent=0, slowest_us=1,
        )  # fmt: skip
    (found,) = recent.recent_findings()
    assert (found.finding.kind, found.traces) == ("runs_twice", 3)
