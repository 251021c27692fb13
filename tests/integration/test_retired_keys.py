"""What a key has signed that nobody names any more could not be checked; what a stranger has signed is tampering."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from signal_log.models import SealCheckpoint, SealTree, SignalEvent
from signal_log.seal.keys.key import new_signer, read_key
from signal_log.seal.note import ED25519, Note, read_note
from tests.integration.verified import refused, said
from tests.sealed import sql, unguarded, write_events

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def use(settings: Any) -> Any:
    """Set the keys."""

    def set_keys(*keys: Any) -> None:
        settings.SIGNAL_LOG = settings.SIGNAL_LOG | {
            "SEAL_ORIGIN": "log.example", "SEAL_KEYS": list(map(str, keys)), "WITNESSES": [],
        }  # fmt: skip

    set_keys()
    return set_keys


def seal(*arguments: Any) -> None:
    """Seal."""
    call_command("signal_seal", *map(str, arguments), stdout=StringIO(), stderr=StringIO())


@pytest.fixture
def keys(use: Any, tmp_path: Path) -> list[Path]:
    """Three keys, each of which has followed the one before and has signed a checkpoint or two."""
    paths = [tmp_path / f"{number}.key" for number in range(3)]
    seal("init", "--key", paths[0])
    for at, path in enumerate(paths):
        use(*reversed(paths[: at + 1]))
        write_events(3)
        seal()
        if path != paths[-1]:
            seal("rotate", "--key", paths[at + 1])
    assert SealCheckpoint.objects.count() == 3
    return paths


def vkey(path: Path) -> str:
    """What verifies a key's signatures."""
    return str(read_key(path).vkey())


def test_a_key_that_was_dropped_could_not_be_checked(keys: list[Path], use: Any) -> None:
    """Which checkpoints, since when, and what to add; nothing is tampering, nothing intact."""
    assert said()[1]["verdict"] == "intact"
    use(keys[2])
    code, told = said()
    assert (code, told["findings"]) == (2, [])
    events = list(SignalEvent.objects.filter(signal="signal_log.sealed", labels__action="rotate").order_by("pk"))
    assert told["not_checked"] == [
        f"Of log.example/1, checkpoint {number} is signed by a key that SEAL_KEYS no longer names, rotated on "
        f"{event.occurred_at:%Y-%m-%d} as event {event.pk} tells. If you know of that, add its file or verifier key to "
        f"SEAL_KEYS: {vkey(key)}" for number, event, key in zip((1, 2), events, keys, strict=False)
    ]  # fmt: skip
    use(keys[2], keys[0])
    assert [one.partition(" is ")[0] for one in said()[1]["not_checked"]] == ["Of log.example/1, checkpoint 2"]
    use(keys[2], vkey(keys[1]), vkey(keys[0]))
    assert said()[1]["verdict"] == "intact"
    assert said(vkey=[vkey(keys[2])])[0] == 2
    assert said(vkey=[vkey(keys[2])], shard=(2, 2))[0] == 0


def test_before_a_known_key_has_signed_the_event_nothing_is_believed(keys: list[Path], use: Any) -> None:
    """An auditor who knows the first key only has its word for nothing that came later."""
    code, told = said(vkey=[vkey(keys[0])])
    assert (code, [one["kind"] for one in told["findings"]]) == (1, ["signature"])
    assert "is this log's?" not in told["findings"][0]["text"]
    stranger = new_signer("log.example/1", ED25519)
    assert "is it this log's?" in refused("--vkey", str(stranger.vkey()))


@pytest.mark.parametrize("what", ["altered", "not sealed", "marked", "forged"])
def test_a_key_that_only_seems_to_have_been_the_logs(keys: list[Path], use: Any, what: str) -> None:
    """The event of it was altered, or is not sealed, or another key has signed."""
    unguarded()
    event = SignalEvent.objects.filter(signal="signal_log.sealed", labels__action="rotate").earliest("pk")
    use(keys[2], keys[1])
    stranger = new_signer("log.example/1", ED25519)
    first = SealCheckpoint.objects.get(number=1)
    if what == "altered":
        sql("UPDATE {log} SET labels = '{{}}' WHERE signal = 'signal_log.sealed' AND id <= %s", event.pk)
    elif what == "marked":
        sql("UPDATE {log} SET redacted_at = occurred_at WHERE signal = 'signal_log.sealed' AND id <= %s", event.pk)
    else:
        text = read_note(first.note.encode()).text
        note = Note(text, (stranger.sign(text, "log.example/1"),)).encode().decode()
        SealCheckpoint.objects.filter(number=1).update(note=note)
    if what == "not sealed":
        labels = {"action": "rotate", "followed": str(stranger.vkey())}
        write_events(1, signal="signal_log.sealed", sender=SignalEvent._meta.label, object_pk="", labels=labels)
    code, told = said()
    assert code == 1
    assert "signature" in [one["kind"] for one in told["findings"]], told


def test_what_it_has_signed_is_compared_all_the_same(keys: list[Path], use: Any) -> None:
    """Who rewrites what lies below is found by the later signature."""
    use(keys[2])
    SealCheckpoint.objects.filter(number=1).update(root=bytes(32))
    code, told = said()
    assert (code, [one["kind"] for one in told["findings"]]) == (1, ["checkpoint"])


def test_generations_of_a_former_key(use: Any, tmp_path: Path) -> None:
    """All that another generation's key has signed could not be checked, and nobody says that it has not begun it."""
    old, new = tmp_path / "old.key", tmp_path / "new.key"
    seal("init", "--key", old)
    use(old)
    write_events(3)
    seal()
    SealTree.objects.update(state=SealTree.State.STOPPED)
    seal("new-generation", "--reason", "the disk died")
    seal()
    seal("rotate", "--key", new)
    use(new, old)
    write_events(3)
    seal()
    assert said()[0] == 0
    for keys, options in (((new,), {}), ((old,), {"vkey": [vkey(new)]})):
        use(*keys)
        code, told = said(**options)
        assert (code, told["findings"]) == (2, [])
        assert [one.partition(" is signed")[0] for one in told["not_checked"]] == [
            "Of log.example/1, checkpoint 1", "Of log.example/2, checkpoint 1",
        ]  # fmt: skip
