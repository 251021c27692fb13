"""What is missing when a new generation begins is said for ever; what was left is compared for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from signal_log.audit.own_events import SEALED, tell
from signal_log.models import SealCheckpoint, SealTree, SignalEvent
from signal_log.seal.verify.acknowledged import left_told, told_of
from tests.factories import event_value
from tests.integration.verified import log_in, said
from tests.sealed import Sealed, seal, sql

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
SECOND = "log.example/0123456789abcdef/2"


@pytest.fixture
def log(db: None, settings: Any, tmp_path: Path) -> Sealed:
    """A log of 600 sealed events, and no witness."""
    return log_in(tmp_path, settings)


@contextmanager
def undone() -> Iterator[None]:
    """Take back what is done in the block."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def go_on(log: Sealed, *sizes: int, out: StringIO | None = None) -> SealTree:
    """Begin the next generation, as an operator does, and seal it."""
    SealTree.objects.filter(state="growing").update(state=SealTree.State.STOPPED, problem="It was rewound.")
    call_command("signal_seal", "new-generation", reason="the disk died", stdout=out or StringIO(), stderr=StringIO())
    tree = SealTree.objects.latest("generation")
    seal(log, tree, sizes)
    return tree


def rewrite(log: Sealed, *places: int) -> None:
    """Change rows, and their digests with them."""
    for event in SignalEvent.objects.filter(pk__in=[log.ids[place] for place in places]):
        value = event_value(object_repr="mallory", trace_id=event.trace_id, salt=bytes(event.salt))
        SignalEvent.objects.filter(pk=event.pk).update(**{**value._asdict(), "trace_id": event.trace_id})


def remove(log: Sealed, first: int, last: int) -> None:
    """Remove rows."""
    sql("DELETE FROM {log} WHERE id BETWEEN %s AND %s", log.ids[first], log.ids[last])


def found(told: dict[str, Any]) -> list[tuple[str, str | None]]:
    """What and where."""
    return [(one["kind"], one.get("indexes")) for one in told["findings"]]


def test_what_was_left_is_compared_for_ever(log, tmp_path):
    """However little of the old generation is there by then; and a checkpoint of what is missing counts."""
    kept = tmp_path / "kept"
    kept.write_text(SealCheckpoint.objects.get(number=3).note)
    remove(log, 500, 501)
    remove(log, 590, 604)
    out = StringIO()
    go_on(log, 2, out=out)
    assert "12 sealed events are missing. Each verification will say so, and that you" in out.getvalue()
    code, told = said()
    assert (code, told["findings"], told["verdict"]) == (0, [], "acknowledged"), told
    begun = told_of(SealTree.objects.get(generation=2))
    assert told["text"].startswith("12 sealed events are missing since the log was rewound, acknowledged by os:")
    assert f" UTC (event {begun.pk}): the disk died. Nothing is wrong with the 589 events" in told["text"]
    assert any(one.startswith(f"Missing, as event {begun.pk} ack") and "g1:500-501,590-599" in one
               for one in told["notes"])  # fmt: skip
    code, told = said(checkpoint=[kept])
    assert (code, found(told)) == (1, [("rewound", "g1:500-501")])
    last = log.ids[589]
    for attack, what in (
        (lambda: remove(log, 300, 589), [("missing", "g1:300-499"), ("missing", "g1:502-589")]),
        (lambda: remove(log, 0, 589), [("missing", "g1:0-499"), ("missing", "g1:502-589")]),
        (lambda: rewrite(log, 7, 589), [("modified", "g1:7,589")]),
        (lambda: (rewrite(log, 589), remove(log, 0, 588)), None),
        (lambda: sql("UPDATE {log} SET id = %s WHERE id = %s", last + 1000, last), None),
    ):
        with undone():
            attack()
            code, told = said()
            assert code == 1
            assert what is None or found(told) == what
            assert told["text"].startswith("12 sealed events are missing ")


def test_only_the_sealed_event_says_what_was_left(log):
    """Neither the tree's row nor another event does."""
    remove(log, 590, 604)
    go_on(log, 2)
    event = told_of(SealTree.objects.get(generation=2))
    remove(log, 580, 589)
    assert found(said()[1]) == [("missing", "g1:580-589")]
    with undone():
        SealTree.objects.filter(generation=2).update(after_id=log.ids[579])
        SealTree.objects.filter(generation=1).update(last_id=log.ids[579])
        assert ("missing", "g1:580-599") in found(said()[1])
    with undone():
        tell(SEALED, {**event.labels, "lost": "g1:580-599"}, action="new-generation")
        seal(log, SealTree.objects.get(generation=2), (3,))
        assert {"generation", "missing"} <= {kind for kind, _ in found(said()[1])}
    for labels in ({"size": 590}, {"lost": "all"}, {"root": "", "size": None}):
        with undone():
            value = {**event.labels, **labels}
            SignalEvent.objects.filter(pk=event.pk).update(labels=value)
            assert {"generation", "missing"} <= {kind for kind, _ in found(said()[1])}


def test_what_is_sealed_again_is_not_missing(log, settings):
    """Events above the last signature are, as the owner of the database could have rewritten them; nothing is cut."""
    settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"MAX_VALUE_CHARS": 64}
    SealCheckpoint.objects.filter(number=4).delete()
    remove(log, 550, 559)
    go_on(log, 2, 60)
    code, told = said()
    left = left_told(told_of(SealTree.objects.get(generation=2)))
    assert (code, told["findings"], left.left) == (0, [], 512)
    assert told["text"].startswith("10 sealed events are missing ")
    assert (str(left.lost[1]), str(left.again[1])) == ("550-559", "512-549,560-599")
    remove(log, 570, 570)
    assert [kind for kind, _ in found(said()[1])] == ["missing"]


def test_a_loss_in_each_generation(log):
    """The next one says what is missing of all before it, and only what was not said before."""
    remove(log, 590, 604)
    go_on(log, 2)
    remove(log, 30, 31)
    assert found(said()[1]) == [("missing", "g1:30-31")]
    third = go_on(log, 2)
    assert (third.origin, str(left_told(told_of(third)).lost[1])) == (f"{SECOND[:-1]}3", "30-31")
    code, told = said()
    assert (code, told["findings"]) == (0, []), told
    assert told["text"].startswith("10 sealed events are missing ")
    assert ". 2 sealed events are missing since the log was rewound, " in told["text"]
    remove(log, 40, 40)
    assert found(said()[1]) == [("missing", "g1:40")]
