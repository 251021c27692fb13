"""A person redacted: no byte of their data is left anywhere in the log's database, and every event still verifies."""

from __future__ import annotations

import gzip
import json
import subprocess
import uuid
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection

from signal_log import clock, context, pause
from signal_log.audit import batch, hold, redact
from signal_log.audit.whom import find, thing
from signal_log.event import MAINTENANCE, MASK
from signal_log.filters import Filters
from signal_log.models import (
    DebugSession,
    LegalHold,
    ReceiverCall,
    SessionTrace,
    SharedView,
    SignalEvent,
    SignalTrace,
)
from signal_log.seal import archive
from signal_log.seal.canonical import ERASED, row_holds
from signal_log.seal.grow import begin_tree, checkpoint, grow
from signal_log.seal.ranges import Ranges, parse_ranges
from signal_log.seal.stored import current_tree
from signal_log.seal.verify.run import TAMPERED, Wanted, verify
from signal_log.store.read import as_mapping, filtered
from tests.factories import make_event
from tests.tail import database_url

pytestmark = pytest.mark.django_db(transaction=True)

REASON = "erasure request of 3 November, file A-17"
SECRETS = ("quillon", "quillon@mail.example", "Zdenka Quillonová", "gardens on the moon", "203.0.113.77", "flagstones")


def run(*args: str) -> str:
    """Return what the command prints."""
    out = StringIO()
    call_command("signal_redact", *args, stdout=out)
    return out.getvalue()


def assert_all_verify():
    """Each row gives its digest, by the kept hashes where it must, and then a maintenance event names it."""
    named = Ranges()
    for event in SignalEvent.objects.filter(signal=MAINTENANCE, source="command:signal_redact"):
        named.update(parse_ranges(event.labels["events"]))
    for event in SignalEvent.objects.all():
        kept = bytes(event.kept_hashes) if event.kept_hashes else None
        assert row_holds(vars(event), bytes(event.salt), kept, bytes(event.digest)), event
        assert (event.redacted_at is not None) == (event.pk in named) == (ERASED in halves(event)), event


def halves(event: SignalEvent) -> tuple[bytes, bytes]:
    """The two salts of a row."""
    return bytes(event.salt)[:16], bytes(event.salt)[16:]


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


def life_of(username: str = "quillon") -> User:
    """Somebody who was registered, did this and that, is named by others, and is gone."""
    other = User.objects.create_user("mira", "mira@mail.example")
    with context(actor=other):
        user = User.objects.create_user(
            username, f"{username}@mail.example", first_name="Zdenka", last_name="Quillonová"
        )
        user.profile.bio = "gardens on the moon"
        user.profile.save()
    with context(actor=user, customer=user.pk, note=f"for {user.email}"):
        other.last_name = "flagstones"
        other.save()
    trace = uuid.uuid4()
    make_event(
        sender="shop.Item", object_pk="9", object_repr=f"Item of {username.upper()}", actor_pk=str(other.pk),
        changes={"owner": [None, "Zdenka%20Quillonov%C3%A1"], "tags": [[], [username, "also quillonette", "Ölbild"]]},
        labels={"user": user.pk, "seen by": f"{username}'s boss"}, path=f"/admin/auth/user/{user.pk}/change/",
        error=f"Key (email)=({username}@mail.example) already exists.", trace_id=trace,
    )  # fmt: skip
    make_event(
        sender="auth.Group",
        object_pk="3",
        actor_pk="900",
        changes={"user_set": [None, [user.pk, other.pk]]},
        trace_id=trace,
    )
    SignalTrace.objects.create(
        trace_id=trace, source="http", name=f"GET /actors/{user.pk}/", actor_pk=str(user.pk), actor_repr=username,
        started_at=clock.now(), duration_us=1, events=1, operations=1, failed=0, silent=0, slowest_us=0,
    )  # fmt: skip
    ReceiverCall.objects.create(
        trace_id=trace, position=1, sender="shop.Item", signal="post_save", receiver="x", started_us=0, duration_us=1,
        queries=0, error=f"ValueError: {username}",
    )  # fmt: skip
    session = DebugSession.objects.create(
        name=f"What {username} did", scope="user", target=str(user.pk), started_by_pk=str(user.pk),
        started_by_repr=username, started_at=clock.now(), stops_at=clock.now(), expires_at=clock.now(),
    )  # fmt: skip
    SessionTrace.objects.create(
        session=session, trace_id=trace, source="http", name=f"GET /u/{username}/", started_at=clock.now(),
        duration_us=1, events=1, operations=1, failed=0, silent=0, bytes=2,
        data=json.dumps({"request": {"form": {"q": "Zdenka Quillonov\u00e1"}}}),
    )  # fmt: skip
    SharedView.objects.create(
        name=username, query=f"actor={user.pk}&q=quillon%40mail.example", shared_by_pk=str(user.pk),
        shared_by_repr=username, shared_at=clock.now(),
    )  # fmt: skip
    user.key = str(user.pk)
    user.delete()
    with pause():
        User.objects.update(last_name="")
    return user


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


def sealed() -> None:
    """Let the tree take in every event, with a checkpoint."""
    tree = current_tree() or begin_tree("here/log/1")
    while grow(tree, 2**62):
        pass
    checkpoint(tree)


def assert_intact(*archives: Path) -> None:
    """The verifier finds nothing wrong, once everything is sealed, in these archives neither."""
    sealed()
    result = verify(Wanted(archives=archives))
    assert not result.report.findings, result.report.findings
    assert result.verdict != TAMPERED


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
            broken.setattr(archive, "rewrite", interrupt)
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
        named.update(parse_ranges(event.labels["events"]))
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


def test_bad_input_is_one_sentence_and_writes_nothing():
    """Unknown label or key, no reason, a reason that names them, a hold."""
    user = life_of()
    number = SignalEvent.objects.count()
    for args, words in {
        ("auth.Usr", user.key, "--reason", REASON): "There is no model 'auth.Usr'",
        ("auth.User", "no such", "--reason", REASON): "no auth.User with the key 'no such'",
        ("auth.User", "99999", "--reason", REASON): "no auth.User with the key '99999'",
        ("auth.User", user.key): "needs a reason",
        ("auth.User", user.key, "--reason", f"account no. {user.key}"): "names whom it is about",
        ("auth.User", user.key, "--reason", "QUILLON asked"): "names whom it is about",
    }.items():
        with pytest.raises(CommandError, match=words) as caught:
            run(*args)
        assert caught.value.returncode == 2
        assert str(caught.value).count("\n") == 0
    assert SignalEvent.objects.count() == number
    held = hold.hold("a court", thing=thing("auth.User", user.key))
    with pytest.raises(CommandError, match=rf"hold {held.pk} on auth.User {user.key} \(a court\)") as caught:
        run("auth.User", user.key, "--reason", REASON)
    assert caught.value.returncode == 2
    assert not SignalEvent.objects.exclude(redacted_at=None).exists()


def test_what_a_hold_on_another_keeps_is_said_and_kept():
    """Their doings on an object that is held stay, and the exit status says that something was left."""
    make_event(sender="shop.Item", object_pk="5", actor_pk="77", actor_repr="quillon")
    make_event(sender="shop.Item", object_pk="6", actor_pk="77", actor_repr="quillon")
    hold.hold("a court", thing=thing("shop.Item", "5"))
    out = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("signal_redact", "auth.User", "77", "--reason", REASON, "--no-vacuum", stdout=out)
    assert caught.value.returncode == 1
    assert "Kept: 1 event by hold" in out.getvalue()
    assert SignalEvent.objects.get(sender="shop.Item", object_pk="5").actor_repr == "quillon"
    assert not SignalEvent.objects.filter(object_pk="6").exists()
    assert_all_verify()


def test_a_tampered_row_is_evidence_and_stays():
    """It is not given hashes that would make it look right."""
    event = make_event(object_pk="77", object_repr="quillon")
    with connection.cursor() as cursor, pytest.MonkeyPatch.context():
        disable = (
            "ALTER TABLE signal_log_signalevent DISABLE TRIGGER USER"
            if connection.vendor == "postgresql"
            else "DROP TRIGGER signal_log_signalevent_no_update"
        )
        cursor.execute(disable)
        cursor.execute("UPDATE signal_log_signalevent SET path = '/forged/' WHERE id = %s", [event.pk])
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE signal_log_signalevent ENABLE TRIGGER USER")
        else:
            from signal_log.store.schema import SQLITE_TRIGGERS

            cursor.execute(SQLITE_TRIGGERS["signal_log_signalevent_no_update"])
    out = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("signal_redact", "auth.User", "77", "--reason", REASON, "--no-vacuum", stdout=out)
    assert caught.value.returncode == 1
    assert f"somebody has changed them: events {event.pk}" in out.getvalue()
    assert SignalEvent.objects.get(pk=event.pk).object_repr == "quillon"


def test_another_with_the_same_name_keeps_it():
    """An account that has the name now is somebody else's; two who are redacted in turn leave one row in order."""
    make_event(object_pk="77", object_repr="quillon")
    make_event(object_pk="78", object_repr="quillon", actor_pk="78", actor_repr="quillon", changes={})
    both = make_event(
        sender="shop.Item", object_pk="1", actor_pk="5", changes={"by": ["quillon", "mira"]}, object_repr="x"
    )
    make_event(object_pk="79", object_repr="mira")
    run("auth.User", "77", "--reason", REASON, "--no-vacuum")
    other = SignalEvent.objects.get(object_pk="78")
    assert (other.object_repr, other.actor_repr, other.redacted_at) == ("quillon", "quillon", None)
    run("auth.User", "79", "--reason", REASON, "--no-vacuum")
    assert SignalEvent.objects.get(pk=both.pk).changes == {"by": [MASK, MASK]}
    assert_all_verify()


def test_a_released_hold_names_nobody_any_more():
    """A hold in force keeps its texts, and blocks; a released one is masked with the rest, its events too."""
    make_event(object_pk="77", object_repr="quillon")
    whom = thing("auth.User", "77")
    hold.hold("quillon v. us", thing=whom)
    hold.release("settled", thing=whom)
    run("auth.User", "77", "--reason", REASON, "--no-vacuum")
    held = LegalHold.objects.get()
    assert (held.object_pk, held.reason) == (MASK, f"{MASK} v. us")
    for event in SignalEvent.objects.filter(signal__in=["signal_log.held", "signal_log.released"]):
        assert event.labels["object"] == MASK
        assert "quillon" not in event.labels["reason"]
    assert_all_verify()


def test_names_are_only_those_that_name():
    """A number, the text of a class, or one of two names, would be found in everything."""
    make_event(object_pk="77", object_repr="42", changes={"first_name": ["Ada", None], "last_name": ["Lovelace", None]})
    make_event(object_pk="77", object_repr="User object (77)", changes={})
    assert find("auth.User", "77").shown == ("Ada Lovelace",)
    assert find("auth.User", "77", ["given"], names=False).shown == ("given",)
