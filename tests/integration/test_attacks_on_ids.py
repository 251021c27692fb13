"""Ids are in no hash: who shifts them, or moves what was redacted or pruned, is found by what sealed events name."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F
from django.test import override_settings

from signal_log.maintenance import maintenance
from signal_log.models import SealTile, SealTree, SignalEvent
from signal_log.seal.canonical import inner_hashes
from signal_log.seal.ranges import Ranges, parse_indexes
from signal_log.seal.remains import ERASED_PAYLOAD, ERASED_SUBJECT
from tests.integration.verified import said
from tests.sealed import ORIGIN, Sealed, seal, sealed_log, sql, unguarded
from tests.settings import SIGNAL_LOG as PROJECT

pytestmark = pytest.mark.django_db

REDACTED, PRUNED = 300, (20, 29)
"""Places of what is redacted and pruned in the log of these tests."""


@pytest.fixture(scope="module")
def shared(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[Sealed]:
    """A log in which an event was redacted before it was sealed, another after, and ten were pruned."""
    with django_db_blocker.unblock(), transaction.atomic():
        sealed = sealed_log(tmp_path_factory.mktemp("keys"))
        with override_settings(SIGNAL_LOG={**PROJECT, **sealed.settings(WITNESSES=[])}):
            for key in (str(REDACTED), "603"):
                call_command("signal_redact", "auth.User", key, reason="a request", no_vacuum=True, stdout=StringIO())
            first, last = (sealed.ids[place] for place in PRUNED)
            rows = {"events": f"{first}-{last}", "indexes": f"g1:{PRUNED[0]}-{PRUNED[1]}"}
            with maintenance(connection, "signal_prune", why="old", rows=rows):
                SignalEvent.objects.filter(pk__range=(first, last))._raw_delete("default")
            seal(sealed, SealTree.objects.get(), (608,))
            unguarded()
            yield sealed
        transaction.set_rollback(True)


@pytest.fixture
def log(shared: Sealed, settings: Any) -> Sealed:
    """The log, as it is configured; each test's changes are undone."""
    settings.SIGNAL_LOG = {**PROJECT, **shared.settings(WITNESSES=[])}
    return copy.copy(shared)


def shift(log: Sealed, first: int, last: int, by: int) -> None:
    """Give the rows at these places other ids, and have the tiles name these: nothing is in another order."""
    low, high = log.ids[first], log.ids[last]
    sql("UPDATE {log} SET id = -id WHERE id BETWEEN %s AND %s", low, high)
    sql("UPDATE {log} SET id = -id + %s WHERE id < 0", by)
    for name in ("first_id", "last_id"):
        SealTile.objects.filter(**{f"{name}__range": (low, high)}).update(**{name: F(name) + by})


def erase(log: Sealed, number: int) -> None:
    """Erase a row as its redaction would have, with everything that belongs to it."""
    event = SignalEvent.objects.get(pk=number)
    row = {field.attname: getattr(event, field.attname) for field in event._meta.concrete_fields}
    told = SignalEvent.objects.filter(source="command:signal_redact").earliest("pk")
    SignalEvent.objects.filter(pk=number).update(
        **ERASED_SUBJECT, **ERASED_PAYLOAD, salt=bytes(32), redacted_at=told.occurred_at,
        kept_hashes=b"".join(inner_hashes(row, bytes(event.salt), None)),
    )  # fmt: skip


def another_erased(log: Sealed) -> None:
    """Make room, so that the next event has the redacted one's id; and erase that."""
    shift(log, 30, REDACTED + 1, -1)
    erase(log, log.ids[REDACTED])


def another_erased_beside(log: Sealed) -> None:
    """Have the redacted event pruned in its turn, so that only the id is left of it."""
    shift(log, 30, REDACTED - 1, -1)
    sql("DELETE FROM {log} WHERE id = %s", log.ids[REDACTED])
    sql("UPDATE {log} SET id = %s WHERE id = %s", log.ids[REDACTED], log.ids[REDACTED + 1])
    erase(log, log.ids[REDACTED])


def at(*places: int) -> Callable[[Sealed], str]:
    """The ids that events at these places had."""
    return lambda log: str(Ranges.of(log.ids[place] for place in places))


ATTACKS: dict[str, tuple[Callable[[Sealed], Any], str, Callable[[Sealed], str]]] = {
    # what is done: how, the kind of the finding, its events
    "ids above a prune shifted": (
        lambda log: shift(log, 30, 604, -5), "renumbered",
        at(*range(25, 30), *range(295, 301)),
    ),
    "ids below a prune shifted": (
        lambda log: shift(log, 15, 19, 5), "renumbered", at(*range(20, 25)),
    ),
    "ids up to a redacted one shifted": (
        lambda log: shift(log, 30, REDACTED, -1), "renumbered", at(29, REDACTED - 1),
    ),
    "an id at a tile's end shifted": (
        lambda log: (
            sql("DELETE FROM {log} WHERE id = %s", log.ids[604]),
            sql("UPDATE {log} SET id = id + 1 WHERE id = %s", log.ids[603]),
        ), "redacted", at(604),
    ),
    "another erased under a redacted id": (another_erased, "redacted", at(REDACTED)),
    "the redacted one replaced by another": (another_erased_beside, "redacted", at(REDACTED)),
    "the time of a redaction changed": (
        lambda log: sql("UPDATE {log} SET redacted_at = occurred_at WHERE id = %s", log.ids[REDACTED]),
        "modified", at(REDACTED),
    ),
    "a redacted one filled again": (
        lambda log: sql("UPDATE {log} SET redacted_at = NULL, kept_hashes = NULL WHERE id = %s", log.ids[603]),
        "modified", at(603),
    ),
    "the tree's beginning moved": (
        lambda log: SealTree.objects.update(after_id=log.ids[9]), "tree", lambda log: "",
    ),
    "the tree's number changed": (lambda log: SealTree.objects.update(generation=2), "generation", lambda log: ""),
    "the tree's name changed": (
        lambda log: SealTree.objects.update(origin=f"{ORIGIN[:-1]}2"), "checkpoint", lambda log: "",
    ),
    "the first event taken for a generation's beginning": (
        lambda log: (
            sql("DELETE FROM {log} WHERE id = %s", log.ids[0]), SealTree.objects.update(previous=b"x" * 32),
            SealTile.objects.filter(level=0, index=0).update(first_id=log.ids[1]),
        ),
        "tree", lambda log: "",
    ),
}  # fmt: skip


def test_what_was_redacted_and_pruned_is_as_it_should_be(log: Sealed) -> None:
    """Nothing is found, however it is divided."""
    assert [said()[1]["findings"], said(shard=(2, 2))[1]["findings"], said(since=256)[1]["findings"]] == [[], [], []]
    events = SignalEvent.objects.filter(source="command:signal_redact").order_by("pk")
    assert [sorted({"indexes", "digests"} & event.labels.keys()) for event in events] == [["indexes"], ["digests"]]


@pytest.mark.parametrize("attack", ATTACKS)
def test_it_is_found_and_named(log: Sealed, attack: str) -> None:
    """With the exit code that says so, and the ids that it is about."""
    do, kind, events = ATTACKS[attack]
    do(log)
    code, told = said()
    found = [one.get("events", "") for one in told["findings"] if one["kind"] == kind]
    assert code == 1, told
    assert events(log) in found, told["findings"]


def test_a_forged_row_beside_pruned_ones_is_told_at_its_place(log: Sealed) -> None:
    """Once, at its own index: what was pruned is missing no row."""
    row = SignalEvent.objects.get(pk=log.ids[19])
    sql("UPDATE {log} SET object_repr = 'eve', digest = %s WHERE id = %s", b"x" * 32, row.pk)
    sql("UPDATE {log} SET object_repr = 'eve', digest = %s WHERE id = %s", b"x" * 32, log.ids[30])
    found = [(one["kind"], one["events"], one["indexes"]) for one in said()[1]["findings"]]
    assert found == [("modified", f"{row.pk},{log.ids[30]}", "g1:19,30")]


@pytest.mark.parametrize("leaves", ["g1:0-100000", "g1:608-617", "g2:0-9"])
def test_a_prune_of_what_is_sealed_later_allows_nothing(log: Sealed, leaves: str) -> None:
    """Whoever writes an event of a prune cannot name leaves that are to come."""
    ((first, last),) = parse_indexes(leaves).popitem()[1]
    with maintenance(connection, "signal_prune", why="", rows={"events": f"1-{last - first + 1}", "indexes": leaves}):
        pass
    seal(log, SealTree.objects.get(), (609,))
    found = {one["kind"]: one["text"] for one in said()[1]["findings"]}
    assert "no command has written it" in found["maintenance"]


def test_a_prune_of_what_stays_is_told(log: Sealed) -> None:
    """Events of maintenance are never pruned."""
    told = SignalEvent.objects.filter(source="command:signal_redact").earliest("pk").pk
    index = told - log.ids[0]
    with maintenance(connection, "signal_prune", why="", rows={"events": str(told), "indexes": f"g1:{index}"}):
        pass
    assert "which no prune removes" in {one["kind"]: one["text"] for one in said()[1]["findings"]}["maintenance"]


def test_a_copy_that_was_sealed_again_is_told(log: Sealed) -> None:
    """The same salt and the same digest under another id: no event is written twice."""
    event = SignalEvent.objects.get(pk=log.ids[50])
    event.pk = SignalEvent.objects.latest("pk").pk + 5
    SignalEvent.objects.bulk_create([event])
    seal(log, SealTree.objects.get(), (609,))
    (found,) = said()[1]["findings"]
    assert (found["kind"], found["indexes"]) == ("inserted", "g1:608")
    assert "the same event as those at the indexes 50" in found["text"]
