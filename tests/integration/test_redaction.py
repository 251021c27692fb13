"""A person redacted: no byte of their data is left anywhere in the log's database, and every event still verifies."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection

from signal_log import clock
from signal_log.audit.redaction import batch, redact
from signal_log.audit.redaction.own_names import _full
from signal_log.audit.thing import Thing, thing
from signal_log.event import MAINTENANCE, MASK
from signal_log.filters import Filters
from signal_log.models import (
    SharedView,
    SignalEvent,
)
from signal_log.seal import archive, archive_writing
from signal_log.seal.canonical import ERASED
from signal_log.seal.ranges import Ranges, parse_ranges
from signal_log.store import vacuum
from signal_log.store.read import as_mapping, filtered
from tests.factories import make_event
from tests.integration.redacting import REASON, assert_all_verify, assert_intact, halves, life_of, run, sealed
from tests.tail import database_url

pytestmark = pytest.mark.django_db(transaction=True)


SECRETS = ("quillon", "quillon@mail.example", "Zdenka Quillonová", "gardens on the moon", "203.0.113.77", "flagstones")


def database_bytes() -> bytes:
    """Everything in the database's files, its write-ahead log on SQLite too."""
    if connection.vendor == "sqlite":
        path = Path(connection.settings_dict["NAME"])
        # By another process: whoever closes one of these files in this one gives up SQLite's locks on it.
        command = ["cat", *path.parent.glob(f"{path.name}*")]
        return subprocess.run(command, capture_output=True, check=True).stdout
    with psycopg.connect(database_url(), autocommit=True) as other:
        other.execute("CHECKPOINT")
        folder = Path(other.execute("SHOW data_directory").fetchone()[0])
        paths = other.execute(
            "SELECT pg_relation_filepath(c.oid) FROM pg_class c WHERE relname LIKE 'signal_log%' "
            "AND pg_relation_filepath(c.oid) IS NOT NULL"
        ).fetchall()
    return b"".join((folder / path).read_bytes() for (path,) in paths)


def test_no_byte_is_left_and_everything_verifies():
    """In the database's files, by name, address, IP address and text, however they were written."""
    user = life_of()
    before = {event.pk: bytes(event.digest) for event in SignalEvent.objects.all()}
    assert b"quillon" in database_bytes().lower()
    told = run("auth.User", user.key, "--reason", REASON, "--text", "flagstones", "--full")
    assert_all_verify()
    assert {pk: SignalEvent.objects.get(pk=pk).digest for pk in before} == before
    held = database_bytes()
    assert b"quillonette" in held
    held = held.replace(b"quillonette", b"")
    for secret in SECRETS:
        assert secret.encode() not in held, secret
        assert secret not in told or secret in told.splitlines()[1]
    assert b"mira@mail.example" in held
    assert not SignalEvent.objects.filter(object_pk=user.key, sender="auth.User").exists()
    item = SignalEvent.objects.get(sender="shop.Item")
    assert item.object_repr == f"Item of {MASK}"
    assert item.changes == {"owner": [None, MASK], "tags": [[], [MASK, "also quillonette", "Ölbild"]]}
    assert item.labels == {"user": MASK, "seen by": f"{MASK}'s boss"}
    assert found(q="Ölbild") == [item.pk]
    assert item.path == f"/admin/auth/user/{MASK}/change/"
    assert (item.object_pk, halves(item)) == ("9", (b"0123456789abcdef", ERASED))
    group = SignalEvent.objects.get(sender="auth.Group")
    assert group.changes["user_set"][1][0] == MASK
    assert group.changes["user_set"][1][1] != MASK
    events = SignalEvent.objects.filter(signal=MAINTENANCE)
    assert {(event.labels["why"], event.labels["of"]) for event in events} == {(REASON, "auth.User")}
    assert {event.labels["what"] for event in events} == {"erased", "masked"}
    redacted = SignalEvent.objects.exclude(redacted_at=None)
    assert {one.redacted_at for one in redacted} == {event.occurred_at for event in events}
    assert "Zdenka" in told
    assert "users.Profile" in told
    again = run("auth.User", str(item.actor_pk), "--reason", REASON, "--dry-run")
    assert "mira" in again


def test_a_dry_run_changes_nothing_and_shows_everything():
    """It counts by kind, gives examples masked, and names the rows that belong to the person."""
    user = life_of()
    before = [as_mapping(event) for event in SignalEvent.objects.all()]
    told = run("auth.User", user.key, "--reason", REASON, "--dry-run")
    assert [as_mapping(event) for event in SignalEvent.objects.all()] == before
    assert SharedView.objects.get().name == "quillon"
    for line in (
        "Known as: “quillon@mail.example”, “quillon”, “Zdenka Quillonová”",
        "Recorded of them, but not looked for in other events: “Quillonová”, “Zdenka”. Add by --name ",
        "Would be erased: ",
        "Would be masked: 2 events",
        "Would be masked: 1 shared view",
    ):
        assert line in told
    assert MASK in told


def found(**wanted: str) -> list[int]:
    """The events that a search finds."""
    filters = Filters.parse({name: [value] for name, value in wanted.items()})
    return list(filtered(SignalEvent.objects.all(), filters).values_list("pk", flat=True))


@pytest.mark.parametrize("killed", [False, True])
def test_archives_are_redacted_too_and_all_of_it_verifies(tmp_path, monkeypatch, killed):
    """The person's own events are in an archive by then; the tree still fits both the table and the archive."""
    folder = tmp_path / "archive"
    user = life_of()
    sealed()
    digests = {event.pk: bytes(event.digest).hex() for event in SignalEvent.objects.all()}
    call_command("signal_prune", "--before", "1d", "--archive", str(folder), stdout=StringIO())
    with monkeypatch.context() as later:
        later.setattr(clock, "now", lambda: datetime.now(UTC) + timedelta(days=10))
        call_command("signal_prune", "--keep-days", "5", "--archive", str(folder), stdout=StringIO())
    left = SignalEvent.objects.filter(pk__lte=max(digests))
    assert {event.operation for event in left} == {SignalEvent.objects.get(pk=max(digests)).operation}
    assert b"quillon" in archive_bytes(folder)
    assert_intact(folder)
    if killed:
        with monkeypatch.context() as broken:
            broken.setattr(archive_writing, "rewrite", interrupt)
            with pytest.raises(CommandError) as caught:
                run("auth.User", user.key, "--reason", REASON, "--no-vacuum")
            assert caught.value.returncode == 130
    told = run("auth.User", user.key, "--reason", REASON, "--text", "flagstones", "--no-vacuum")
    assert "in archives: " in told
    content = archive_bytes(folder).replace(b"quillonette", b"")
    assert not [secret for secret in SECRETS if secret.encode() in content]
    assert b"mira" in content
    assert_intact(folder)
    named = Ranges()
    for event in SignalEvent.objects.filter(signal=MAINTENANCE, source="command:signal_redact"):
        named.update(parse_ranges(event.labels.get("events", "")))
    (manifest,) = archive.manifests(folder)
    for line in archive.lines(folder, manifest):
        if line.event is not None:
            assert line.holds
            assert line.event["digest"] == digests[line.id]
            assert (line.event["redacted_at"] is not None) == (line.id in named)
    folder.rename(tmp_path / "elsewhere")
    make_event(object_pk="88", object_repr="quillon")
    out = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("signal_redact", "auth.User", "88", "--reason", REASON, "--no-vacuum", stdout=out)
    assert caught.value.returncode == 1
    assert f"the archive {folder} is not there" in out.getvalue()


def interrupt(*_):
    """Be killed."""
    raise KeyboardInterrupt


def archive_bytes(folder: Path) -> bytes:
    """What the files of an archive hold, unpacked."""
    return b"".join(
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in folder.iterdir()
    )


def test_verification_finds_a_redacted_log_intact():
    """Sealed before or after, in the table: it is named what was redacted, and nothing is wrong."""
    user = life_of()
    sealed()
    run("auth.User", user.key, "--reason", REASON, "--no-vacuum")
    assert_intact()


@pytest.mark.parametrize("at", range(1, 4))
def test_an_interrupted_run_goes_on(monkeypatch, at):
    """Killed between two batches, what was done stays, and the rest is found again."""
    user = life_of()
    monkeypatch.setattr(redact, "ROWS_A_BATCH", 2)
    real, calls = batch.maintenance, []

    def killed(*args, **options):
        calls.append(options)
        if len(calls) == at:
            raise KeyboardInterrupt
        return real(*args, **options)

    monkeypatch.setattr(batch, "maintenance", killed)
    with pytest.raises(CommandError) as caught:
        run("auth.User", user.key, "--reason", REASON, "--no-vacuum")
    assert caught.value.returncode == 130
    assert_all_verify()
    assert SignalEvent.objects.filter(signal=MAINTENANCE).count() == at - 1
    monkeypatch.setattr(batch, "maintenance", real)
    run("auth.User", user.key, "--reason", REASON, "--no-vacuum")
    assert_all_verify()
    left = json.dumps([as_mapping(event) for event in SignalEvent.objects.all()], ensure_ascii=False)
    left = left.replace("quillonette", "")
    assert not [secret for secret in SECRETS[:4] if secret in left]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("held", "names"),
    [
        ({"name": "Zoë Quasten"}, ["Zoë Quasten"]),
        ({"full_name": "Zoë Quasten", "first_name": "Zoë", "last_name": "Q"}, ["Zoë Quasten", "Zoë Q"]),
        ({"display_name": "Zoë", "name": None, "first_name": "Zoë", "last_name": ""}, []),
    ],
)
def test_the_whole_name_of_a_custom_user_model(held, names):
    """In one field as in two; a single word is not looked for, and no name of what is no account."""
    assert _full(thing("auth.User", str(User.objects.create_user("zoe").pk)), held) == names
    assert _full(Thing("shop.Item", ("shop.Item",), "1", {}), held) == []


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("where", "work"),
    [
        # Nothing of the log, whose tables are then free to be rewritten.
        ({}, "SELECT count(*) FROM auth_user"),
        # A snapshot is as old as the oldest writer of the whole server, VACUUM's own too.
        ({"dbname": "postgres"}, "SELECT pg_current_xact_id()"),
    ],
)
def test_bytes_that_another_transaction_can_still_see_are_named(other_connection, monkeypatch, where, work):
    """PostgreSQL keeps them through VACUUM FULL; one that ends in time is waited for."""
    monkeypatch.setattr(vacuum, "PATIENCE", 0.0)
    make_event(object_pk="7", object_repr="quillon")
    out = StringIO()
    with psycopg.connect(database_url(), **where) as other:
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        other.execute(work)
        with pytest.raises(CommandError, match="Something was left") as ended:
            call_command("signal_redact", "auth.User", "7", reason=REASON, full=True, stdout=out)
        assert (ended.value.returncode, b"quillon" in database_bytes()) == (1, True)
    (again,) = re.findall(r"as the tables' owner: (VACUUM .*);", out.getvalue())
    own = other_connection()
    own.autocommit = True
    own.execute(again)
    assert b"quillon" not in database_bytes()
