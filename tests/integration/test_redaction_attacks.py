"""What somebody who may write the database, or has a copy of it, would have a redaction do."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from signal_log.audit.hold import hold
from signal_log.audit.redaction import archived
from signal_log.audit.redaction.whom import find
from signal_log.audit.thing import thing
from signal_log.event import MASK
from signal_log.models import SignalEvent
from signal_log.seal.grow import begin_tree, checkpoint, grow
from signal_log.store.vacuum import NOTHING_OLD_LEFT
from tests.factories import event_value, make_event
from tests.integration.redacting import REASON, run
from tests.sealed import sql, unguarded

pytestmark = pytest.mark.django_db


def seal() -> None:
    """Let the tree take in all events."""
    tree = begin_tree("log.example/1")
    grow(tree, 2**62)
    checkpoint(tree)


def test_a_row_that_was_forged_with_its_digest_is_evidence():
    """It stays, and what it says gives no names: they would be masked in everybody's events."""
    mine = make_event(object_pk="77", object_repr="quillon")
    others = make_event(sender="shop.Item", object_pk="1", object_repr="a widely used word", actor_pk="")
    make_event(object_pk="77", object_repr="quillon")
    seal()
    unguarded()
    forged = event_value(
        object_pk="77", object_repr="widely used", trace_id=mine.trace_id, salt=bytes(mine.salt)
    )._asdict()
    SignalEvent.objects.filter(pk=mine.pk).update(**{**forged, "trace_id": mine.trace_id})
    assert find("auth.User", "77").shown == ("quillon",)
    out = StringIO()
    with pytest.raises(CommandError, match="Something was left"):
        call_command("signal_redact", "auth.User", "77", "--reason", REASON, "--no-vacuum", stdout=out)
    assert f"not what was sealed: 1 event ({mine.pk})" in out.getvalue()
    assert f"No name was taken from what is not as it was sealed: 1 event ({mine.pk})" in out.getvalue()
    assert SignalEvent.objects.get(pk=mine.pk).object_repr == "widely used"
    assert SignalEvent.objects.get(pk=others.pk).object_repr == "a widely used word"


def test_a_copy_of_the_database_leaves_the_archives_of_the_other(tmp_path, monkeypatch):
    """Its events name them, too; only who names one himself has it rewritten."""
    make_event(object_pk="77", object_repr="quillon")
    make_event(object_pk="1")
    seal()
    call_command("signal_prune", "--before", "0d", "--archive", str(tmp_path), stdout=StringIO())
    make_event(object_pk="77", object_repr="quillon")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert f"in 1 file:\n  {tmp_path}" in run("auth.User", "77", "--reason", REASON, "--dry-run")
    monkeypatch.setattr(archived, "place", lambda _: "elsewhere")
    out = StringIO()
    with pytest.raises(CommandError, match="Something was left"):
        call_command("signal_redact", "auth.User", "77", "--reason", REASON, "--no-vacuum", stdout=out)
    assert f"the archive {tmp_path} was written where this database was not" in out.getvalue()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    make_event(object_pk="77", object_repr="quillon")
    assert "in 1 file:" in run("auth.User", "77", "--reason", REASON, "--no-vacuum", "--archive", str(tmp_path))


def test_the_archive_of_another_log_is_refused(tmp_path):
    """Before anything is written."""
    make_event(object_pk="77")
    make_event(object_pk="1")
    seal()
    call_command("signal_prune", "--before", "0d", "--archive", str(tmp_path), stdout=StringIO())
    sql("UPDATE signal_log_sealtree SET origin = 'another.example/1'")
    with pytest.raises(CommandError, match=r"is of another log, log\.example/1") as refused:
        run("auth.User", "77", "--reason", REASON, "--no-vacuum", "--archive", str(tmp_path))
    assert refused.value.returncode == 2


def test_what_a_hold_has_kept_is_not_said_to_be_gone(monkeypatch):
    """The last sentence is true of what was done, and of the file."""
    monkeypatch.setattr(
        "signal_log.management.commands.signal_redact.vacuum", lambda *_, **__: (True, NOTHING_OLD_LEFT)
    )
    monkeypatch.setattr("signal_log.management.commands.signal_redact._in_a_block", lambda: False)
    make_event(object_pk="77", object_repr="quillon")
    make_event(object_pk="5", object_repr="of quillon")
    hold("a court", thing=thing("auth.User", "5"))
    out = StringIO()
    with pytest.raises(CommandError, match="Something was left"):
        call_command("signal_redact", "auth.User", "77", "--reason", REASON, stdout=out)
    assert "Kept: 1 event by hold" in out.getvalue()
    assert "Nothing of what was looked for" not in out.getvalue()
    assert NOTHING_OLD_LEFT in out.getvalue()


def test_however_a_name_is_spelled_it_is_found():
    """Also in JSON within a text, of which the database's text has each backslash twice."""
    make_event(object_pk="77", changes={"first_name": [None, "Zoë"], "last_name": [None, "Quastenflosser"]})
    spelled = {
        "line": "Zoë\nQuastenflosser", "json": '{"n": "Zo\\u00eb\\nQuastenflosser"}', "dot": "Zoë.Quastenflosser",
        "nested": '"{\\"n\\": \\"Zo\\\\u00eb Quastenflosser\\"}"', "entity": "Zo&euml; Quastenflosser",
        "last first": "Quastenflosser, Zoë",
        "bare": "Zoe Quastenflosser", "mail": "=?utf-8?q?Zo=C3=AB_Quastenflosser?=",
    }  # fmt: skip
    other = make_event(
        sender="shop.Item", object_pk="1", actor_pk="", changes={k: [None, v] for k, v in spelled.items()}
    )
    run("auth.User", "77", "--reason", REASON, "--no-vacuum")
    left = SignalEvent.objects.get(pk=other.pk).changes
    assert [name for name, (_, text) in left.items() if MASK not in text or "uastenf" in text] == []
