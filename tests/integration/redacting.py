"""`signal_redact` as tests call it, and what has to be so afterwards; somebody who is redacted."""

from __future__ import annotations

import json
import uuid
from io import StringIO
from pathlib import Path

from django.contrib.auth.models import User
from django.core.management import call_command

from signal_log import clock, context, pause
from signal_log.event import MAINTENANCE
from signal_log.models import (
    DebugSession,
    ReceiverCall,
    SessionTrace,
    SharedView,
    SignalEvent,
    SignalTrace,
)
from signal_log.seal.canonical import ERASED, row_holds
from signal_log.seal.grow import begin_tree, checkpoint, grow
from signal_log.seal.ranges import Ranges, parse_ranges
from signal_log.seal.stored import current_tree
from signal_log.seal.verify.run import verify
from signal_log.seal.verify.wanted import TAMPERED, Wanted
from tests.factories import make_event

REASON = "erasure request of 3 November, file A-17"


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


def sealed() -> None:
    """Let the tree take in every event, with a checkpoint."""
    tree = current_tree() or begin_tree("here/log/1")
    while grow(tree, 2**62):
        pass
    checkpoint(tree)


def assert_intact(*archives: Path, tables: tuple[str, ...] = ()) -> None:
    """The verifier finds nothing wrong, once everything is sealed, in these archives neither."""
    sealed()
    result = verify(Wanted(archives=archives, tables=tables))
    assert not result.report.findings, result.report.findings
    assert result.verdict != TAMPERED
