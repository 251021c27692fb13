"""How the seal stands is told from a few rows: how far it is behind, whether it is signed, and what is wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from signal_log import clock
from signal_log.models import SealCheckpoint, SealTree, SealWitness, SignalEvent, Verification
from signal_log.seal import state
from signal_log.seal.grow import begin_tree, checkpoint, grow
from signal_log.seal.state import seal_state
from tests.factories import make_event

pytestmark = pytest.mark.django_db
KEYED = {"MODELS": ["shop.*"], "SEAL_KEYS": ["/etc/log.key"]}


def test_a_log_that_was_never_sealed(settings, django_assert_max_num_queries, monkeypatch):
    """It has no tree, and says how much waits; far more than that is told by ids."""
    assert (seal_state().tree, seal_state().waiting, seal_state().waiting_seconds) == (None, 0, 0)
    first = make_event(occurred_at=clock.now() - timedelta(hours=1))
    make_event()
    with django_assert_max_num_queries(7):
        found = seal_state()
    assert (found.size, found.signed_size, found.waiting, found.is_late) == (0, 0, 2, True)
    assert found.waiting_seconds > 3_500
    assert found.problems[0].startswith("Checkpoints are not signed")
    assert found.problems[1].startswith("2 events are not sealed yet, the oldest for 3,6")
    assert found.waiting_told == "2 newer events"
    monkeypatch.setattr(state, "MOST_COUNTED", 1)
    found = seal_state()
    assert found.waiting == SignalEvent.objects.latest("pk").pk
    assert found.waiting_told == f"up to {found.waiting:,} newer events"
    assert found.problems[1].startswith(f"Up to {found.waiting:,} events are not sealed yet, the oldest for 3,6")
    assert first.pk


def test_signed_and_behind(settings, django_assert_max_num_queries):
    """The newest signed checkpoint counts, also while a newer one waits for its signature."""
    settings.SIGNAL_LOG = KEYED
    tree = begin_tree("here/log/1")
    for note in ("signed", "signed", ""):
        make_event()
        grow(tree, 2**62)
        made = checkpoint(tree)
        SealCheckpoint.objects.filter(pk=made.pk).update(note=note)
    make_event()
    with django_assert_max_num_queries(7):
        found = seal_state()
    assert (found.size, found.signed_size, found.waiting, found.is_signed, found.is_late) == (3, 2, 1, True, False)
    assert found.problems == ()
    SealTree.objects.update(problem="The signer does not answer.")
    assert (seal_state().is_signed, seal_state().problems) == (False, ("The signer does not answer.",))
    settings.SIGNAL_LOG = {"MODELS": ["shop.*"]}
    assert (seal_state().is_signed, seal_state().signed_size) == (False, 2)


def test_everything_that_is_wrong(settings):
    """The gravest first; what is not over, or all right again, is not among it."""
    settings.SIGNAL_LOG = KEYED
    now = clock.now()
    tree = begin_tree("here/log/1")
    SealTree.objects.update(state=SealTree.State.STOPPED, problem="The log was rewound.")
    for name, problem in (("b.example", "does not answer"), ("a.example", "")):
        SealWitness.objects.create(tree=tree, name=name, url="", tried_at=now, problem=problem)
    Verification.objects.create(begun_at=now, ended_at=now, verdict=Verification.Verdict.TAMPERED)
    Verification.objects.create(begun_at=now)
    found = seal_state()
    assert (found.stopped, found.unsigned) == ("The log was rewound.", "")
    assert found.problems == (
        "Verification has found that the log was tampered with.",
        "Sealing has stopped. The log was rewound.",
        "b.example: does not answer",
    )
    Verification.objects.create(begun_at=now, ended_at=now, verdict=Verification.Verdict.INTACT)
    assert seal_state().tampered  # by a part of the log nothing is settled
    Verification.objects.create(begun_at=now, ended_at=now, whole=True, verdict=Verification.Verdict.INTACT)
    assert not seal_state().tampered


def test_what_was_found_is_neither_changed_nor_deleted():
    """By statements, whoever runs them; a redaction can mask the texts, and a run its own row while it goes on."""
    now = clock.now()
    found = Verification.objects.create(begun_at=now, ended_at=now, verdict=Verification.Verdict.TAMPERED)
    running = Verification.objects.create(begun_at=now)
    for change in (lambda rows: rows.delete(), lambda rows: rows.update(verdict="intact")):
        with pytest.raises(DatabaseError, match="neither changed nor deleted"), transaction.atomic():
            change(Verification.objects.filter(pk=found.pk))
    Verification.objects.filter(pk=found.pk).update(findings=["masked"])
    Verification.objects.filter(pk=running.pk).update(verdict="intact")
    Verification.objects.filter(pk=running.pk).delete()
    assert Verification.objects.get().verdict == "tampered"
