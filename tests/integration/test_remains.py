"""What a redaction leaves of an event is proved: whoever alters it afterwards is found, in archives too."""

from __future__ import annotations

import base64
import json
import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from signal_log import clock
from signal_log.audit.redaction.batch import as_dict
from signal_log.audit.redaction.erase import kept_hashes
from signal_log.errors import ProofError
from signal_log.event import MASK
from signal_log.maintenance import maintenance
from signal_log.models import SealTree, SignalEvent
from signal_log.seal import archive, archive_writing
from signal_log.seal.ranges import Ranges
from signal_log.seal.redacted import still_holds
from signal_log.seal.verify.proof_file import NotSealedYet, proof_file
from signal_log.show.pages.event import proof
from tests.factories import make_event
from tests.integration.redacting import assert_intact, run, sealed
from tests.sealed import unguarded

pytestmark = pytest.mark.django_db

WHO = ("--reason", "a request", "--no-vacuum")


@pytest.fixture
def masked(db) -> SignalEvent:
    """An event of another, in which two people are masked in turn; it stands in a sealed log."""
    event = make_event(
        sender="shop.Item", object_pk="1", actor_pk="5", object_repr="Bench", path="/items/1/",
        changes={"by": ["quillon", "mira"], "price": [10, 20]},
    )  # fmt: skip
    make_event(object_pk="77", object_repr="quillon")
    make_event(object_pk="79", object_repr="mira")
    sealed()
    run("auth.User", "77", *WHO)
    run("auth.User", "79", *WHO)
    event.refresh_from_db()
    assert event.changes == {"by": [MASK, MASK], "price": [10, 20]}
    assert_intact()
    unguarded()
    return event


def verified(*archives: Path) -> list[tuple[str, str]]:
    """The findings: of which kind, and in which events."""
    out = StringIO()
    with suppress(SystemExit):
        call_command("signal_verify", json=True, archive=list(archives), stdout=out)
    return [(one["kind"], one["events"]) for one in json.loads(out.getvalue())["findings"]]


def shown(event: SignalEvent) -> tuple[bool, bool]:
    """Whether its page says that it is what was sealed, and whether there may be a proof of it."""
    event = SignalEvent.objects.get(pk=event.pk)
    try:
        proof_file(event)
    except NotSealedYet:
        return proof(event).holds, True
    except ProofError:
        return proof(event).holds, False
    return proof(event).holds, True


def altered(event: SignalEvent, **values: Any) -> None:
    """Change a row as whoever owns the table can."""
    SignalEvent.objects.filter(pk=event.pk).update(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"object_repr": "Throne"},
        {"changes": {"by": [MASK, MASK], "price": [10, 21]}},
        {"path": ""},
        {"labels": {}},
        {"kept_hashes": 64},
        {"kept_hashes": 79},
    ],
)
def test_an_altered_rest_is_found(masked, values):
    """It is in no digest any more, and in the hash that the redaction's event names."""
    assert shown(masked) == (True, True)
    if "kept_hashes" in values:
        values = {"kept_hashes": bytes(masked.kept_hashes)[: values["kept_hashes"]]}
    altered(masked, **values)
    assert verified() == [("modified", str(masked.pk))]
    assert shown(masked) == (False, False)


@pytest.mark.parametrize(
    "values", [{"error": "she did it"}, {"actor_repr": ""}, {"origin": {}}, {"kept_hashes": bytes(16)}]
)
def test_an_erased_event_stays_empty(masked, values):
    """Nothing can be put where nothing is left."""
    erased = SignalEvent.objects.get(pk=masked.pk + 1)
    assert shown(erased) == (True, True)
    if "kept_hashes" in values:
        values = {"kept_hashes": bytes(erased.kept_hashes) + values["kept_hashes"]}
    altered(erased, **values)
    assert verified() == [("modified", str(erased.pk))]
    assert shown(erased) == (False, False)


def test_what_stood_there_after_an_earlier_redaction_does_not_count(masked):
    """Only the newest redaction of a row does: the name that it has masked cannot be put back."""
    first = SignalEvent.objects.filter(source="command:signal_redact", labels__what="masked").last()
    assert str(masked.pk) in first.labels["events"]
    altered(masked, changes={**masked.changes, "by": [MASK, "mira"]})
    assert verified() == [("modified", str(masked.pk))]


def test_the_hashes_tell_nothing_of_what_is_erased_later():
    """Each has a salt of its own, which goes when the rest is erased."""
    events = [make_event(sender="shop.Item", object_pk="9", object_repr="quillon's", actor_pk="6") for _ in range(3)]
    make_event(object_pk="77", object_repr="quillon")
    run("auth.User", "77", *WHO)
    (told,) = SignalEvent.objects.filter(source="command:signal_redact", labels__what="masked")
    hashes = base64.b64decode(told.labels["remains"])
    assert len({hashes[at : at + 24] for at in (0, 24, 48)}) == len(events)
    salts = {bytes(event.kept_hashes)[64:] for event in SignalEvent.objects.filter(sender="shop.Item")}
    assert len(salts) == len(events)
    run("shop.Item", "9", *WHO)
    for event in SignalEvent.objects.filter(sender="shop.Item"):
        assert len(bytes(event.kept_hashes)) == 64
        assert still_holds(event)


def test_a_redaction_that_does_not_say_what_it_left(masked):
    """It allows nothing: hashes are missing, or there are too few of them."""
    event = make_event(sender="shop.Item", object_pk="2")
    hashes = kept_hashes(as_dict(SignalEvent.objects.get(pk=event.pk)))
    altered(event, kept_hashes=hashes + bytes(16), redacted_at=event.occurred_at)
    named = {"events": str(event.pk), "digests": base64.b64encode(bytes(event.digest)).decode()}
    for labels in (
        {"what": "masked", "remains": "AAAA"},
        {"what": "masked", "remains": "?"},
        {"what": "erased", "digests": "AAAA"},
        {"what": "erased", "digests": "?"},
        {"what": "erased", "indexes": "g1:0"},
        {},
    ):
        with maintenance(connection, "signal_redact", why="x", rows={**named, **labels}):
            pass
    sealed()
    assert verified() == [("redacted", str(event.pk))]


@pytest.fixture
def archived(db, tmp_path, monkeypatch) -> tuple[Path, SignalEvent]:
    """An archive of which one was redacted in the table before, and another is not yet; and that other's item."""
    folder = tmp_path / "archive"
    make_event(sender="shop.Item", object_pk="1", object_repr="quillon's bench", path="/items/1/")
    other = make_event(sender="shop.Item", object_pk="2", object_repr="mira's bench", path="/items/2/")
    make_event(object_pk="77", object_repr="quillon")
    make_event(object_pk="79", object_repr="mira")
    sealed()
    run("auth.User", "77", *WHO)
    sealed()
    with monkeypatch.context() as later:
        now = clock.now()
        later.setattr(clock, "now", lambda: now + timedelta(days=9))
        call_command("signal_prune", "--keep-days", "1", "--archive", str(folder), stdout=StringIO())
    assert not SignalEvent.objects.filter(sender="shop.Item").exists()
    assert_intact(folder)
    return folder, other


@pytest.mark.parametrize("how", ["masked", "erased"])
def test_an_archive_that_was_redacted(archived, how):
    """Redacted in the table before or in the archive afterwards, what is left of its lines is compared."""
    folder, other = archived
    run("auth.User", "79", *WHO)
    assert_intact(folder)
    (manifest,) = archive.manifests(folder)
    lines = list(archive.lines(folder, manifest))
    assert {line.event["object_repr"] for line in lines if line.event and line.event["path"]} == {f"{MASK}'s bench"}
    wanted = next(line for line in lines if (line.id == other.pk if how == "masked" else line.id == other.pk + 1))
    other = archive.Line(wanted.index, wanted.leaf, wanted.id, {**wanted.event, "error": "he did it"})
    assert other.holds
    archive_writing.rewrite(folder, manifest, [other if line is wanted else line for line in lines], manifest.made_at)
    assert verified(folder) == [("modified", str(wanted.id))]
    assert SealTree.objects.count() == 1


def test_an_archive_that_was_put_back(archived, tmp_path):
    """As it was before the newest redaction, of which the log tells that it was done; each line of it is told."""
    folder, other = archived
    kept = tmp_path / "kept"
    shutil.copytree(folder, kept)
    run("auth.User", "79", *WHO)
    assert verified(folder) == []
    assert verified(kept) == [("modified", f"{other.pk},{other.pk + 2}")]


def test_a_line_that_tells_another_time(archived):
    """When it was redacted stands in no digest, and in the event of the redaction."""
    folder, _ = archived
    (manifest,) = archive.manifests(folder)
    lines = [
        replace(one, event={**one.event, "redacted_at": one.event["occurred_at"]})
        if one.event and one.event["redacted_at"] else one for one in archive.lines(folder, manifest)
    ]  # fmt: skip
    changed = Ranges.of(one.id for one in lines if one.event and one.event["redacted_at"])
    archive_writing.rewrite(folder, manifest, lines, manifest.made_at)
    assert verified(folder) == [("modified", str(changed))]


def test_a_redaction_of_an_archive_that_was_interrupted(archived, monkeypatch):
    """That it was begun is told, nobody is blamed, and the next run ends it."""
    folder, other = archived
    with monkeypatch.context() as broken, pytest.raises(CommandError):
        broken.setattr(archive_writing, "rewrite", interrupt)
        run("auth.User", "79", *WHO)
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("signal_verify", json=True, archive=[folder], stdout=out)
    told = json.loads(out.getvalue())
    assert (ended.value.code, told["findings"]) == (2, [])
    assert [f"not ended: {other.pk}. Run signal_redact again" in one for one in told["not_checked"]].count(True) == 1
    run("auth.User", "79", *WHO)
    assert_intact(folder)


def interrupt(*_: object) -> None:
    """Be killed."""
    raise KeyboardInterrupt
