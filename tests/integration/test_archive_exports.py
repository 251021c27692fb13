"""Exports have what was pruned into the archive, in its place and once, and say how much of them is from there."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from signal_log import clock
from signal_log.audit.own_events import EXPORTED
from signal_log.errors import ProofError
from signal_log.models import SignalEvent
from signal_log.seal.iceberg import streaming
from signal_log.seal.keys.key import new_signer, write_key
from signal_log.seal.note import ED25519
from signal_log.show.export.whole import WholeExport
from signal_log.store import export
from signal_log.store.export import Selection
from tests.exports import fetch, ids, parts
from tests.integration.pruned_into_archive import DAYS, ada_of, archive, prune
from tests.integration.redacting import REASON
from tests.integration.redacting import run as redact

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(settings, tmp_path, monkeypatch):
    """Somebody whose first events are in the archive."""
    return ada_of(settings, tmp_path / "archive", monkeypatch)


def pruned() -> int:
    """How far the table has nothing: the largest id below its oldest event."""
    return SignalEvent.objects.order_by("pk").values_list("pk", flat=True)[0] - 1


def test_an_export_has_the_whole_log(ada, admin_client, monkeypatch):
    """Each event as it was in the table, oldest first and once, in each format; what was exported is told."""
    monkeypatch.setattr(streaming, "BATCH", 2)
    begin, events, end = parts(fetch(admin_client))
    found = [event["id"] for event in events]
    assert begin["archive"] == str(ada.folder)
    assert found == sorted(set(found))
    assert events[0]["signal"] == "pre_save"
    assert end["archived"] == sum(pk <= pruned() for pk in found) == len(found) - SignalEvent.objects.count() + 1
    assert SignalEvent.objects.filter(signal=EXPORTED).get().labels["archive"] == str(ada.folder)
    last = list(csv.reader(io.StringIO(fetch(admin_client, "csv").decode("utf-8-sig"))))[-1][-1]
    assert last.startswith(f"{len(found) + 1} events, {end['archived']} of them archived, sha256 ")
    for kind in ("cloudevents", "ocsf"):
        told = json.dumps(json.loads(fetch(admin_client, kind).splitlines()[-1]))
        assert f'"archived": {end["archived"]}' in told


def test_what_is_selected_is_selected_in_the_archive_too(ada, admin_client):
    """By a column, by a value, by id and by time; where nothing archived was asked for, no archive is opened."""
    whole = ids(admin_client)
    top = pruned()
    assert len(ids(admin_client, object=f"auth.User/{ada.pk}")) == 7
    assert ids(admin_client, object=f"auth.User/{ada.pk}", new="Augusta") == whole[4:6]
    assert ids(admin_client, after=whole[1], before=whole[4]) == whole[2:4]
    assert ids(admin_client, until=ada.moment.isoformat()) == [pk for pk in whole if pk <= top]
    assert not {*ids(admin_client, since=clock.now().isoformat())} & {*range(top + 1)}
    ada.folder.rename(ada.folder.with_name("away"))
    begin, events, end = parts(fetch(admin_client, after=top))
    assert "archive" not in begin
    assert "archived" not in end
    assert min(event["id"] for event in events) > top


def test_the_command_says_how_much_is_archived(ada, tmp_path, settings, capsys):
    """And what no archive tells is said to be left out; a proof is made of an archived event, too."""
    call_command("signal_export", output=str(tmp_path / "log.jsonl"))
    _, events, end = parts((tmp_path / "log.jsonl").read_bytes())
    told = capsys.readouterr().err
    assert (
        told
        == f"{len(events)} events in {tmp_path}/log.jsonl, {end['archived']} of them from the archive {ada.folder}\n"
    )
    write_key(tmp_path / "log.key", new_signer("here/log/1", ED25519))
    settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "SEAL_KEYS": [str(tmp_path / "log.key")], "SEAL_ORIGIN": "here/log"}
    call_command("signal_seal", stdout=io.StringIO(), stderr=io.StringIO())
    call_command("signal_export", proof=True, output=str(tmp_path / "p.zip"), before=pruned() + 1)
    assert len(zipfile.ZipFile(tmp_path / "p.zip").namelist()) == end["archived"]
    capsys.readouterr()
    call_command("signal_export", output=str(tmp_path / "slow.jsonl"), took=[">0ms"])
    assert f"Without what was pruned into the archive {ada.folder}, which has neither times" in capsys.readouterr().err
    assert "left_out" in parts((tmp_path / "slow.jsonl").read_bytes())[0]


def test_without_its_archive_there_is_no_export_that_looks_complete(ada, admin_client, tmp_path, monkeypatch):
    """Away from the beginning: the reason, and what can be exported. Lost on the way: a file without its end."""
    away = ada.folder.with_name("away")
    ada.folder.rename(away)
    answer = admin_client.get("/events/", {"format": "jsonl"})
    assert answer.status_code == 503
    assert answer["Retry-After"]
    assert f"There is no archive in {ada.folder}" in answer.content.decode()
    assert f"which is complete after={pruned()}." in answer.content.decode()
    with pytest.raises(CommandError, match=f"which is complete after={pruned()}") as ended:
        call_command("signal_export", output=str(tmp_path / "log.jsonl"))
    assert ended.value.returncode == 1
    assert not (tmp_path / "log.jsonl").exists()
    away.rename(ada.folder)
    answer = admin_client.get("/events/", {"format": "jsonl"})
    next(ada.folder.rglob("*.parquet")).unlink()
    with pytest.raises(ProofError, match="cannot be read"):
        b"".join(answer.streaming_content)
    lately = (clock.now() - timedelta(hours=1)).isoformat()
    assert ids(admin_client, since=lately)  # no file is read that has nothing of that time


def test_what_a_prune_removes_meanwhile_is_in_the_export(ada, monkeypatch):
    """Each event once: those that were read before, and those that are read after they went."""
    for name in ("Ada", "Countess", "Lovelace"):
        ada.first_name = name
        ada.save()
    archive()
    monkeypatch.setattr(export, "PAGE", 2)
    monkeypatch.setattr(streaming, "BATCH", 3)
    whole = WholeExport.begin(Selection())
    expected = [event.pk for page in whole.pages() for event in page]
    old, pages = pruned(), WholeExport.begin(Selection()).pages()
    found = [event.pk for event in next(pages)]
    while found[-1] <= old:
        found += [event.pk for event in next(pages)]
    now = clock.now
    with monkeypatch.context() as days:
        days.setattr(clock, "now", lambda: now() + timedelta(days=DAYS))
        prune()
    left = expected[len(found) :]
    assert SignalEvent.objects.filter(pk__in=left).count() < len(left) - 3
    found += [event.pk for page in pages for event in page]
    assert found == expected == sorted(set(expected))
    assert SignalEvent.objects.filter(pk__lt=expected[-1]).exists()  # which the archive has, too
    assert [event.pk for page in WholeExport.begin(Selection()).pages() for event in page][: len(expected)] == expected


def test_a_redacted_person_is_in_no_export(ada, admin_client):
    """Neither from the table nor from the archive, and no event is doubled by it."""
    before = ids(admin_client)
    assert b"Augusta" in fetch(admin_client)
    key = str(ada.pk)
    ada.delete()
    redact("auth.User", key, "--reason", REASON, "--no-vacuum")
    text = fetch(admin_client)
    assert b"Augusta" not in text
    found = [event["id"] for event in parts(text)[1]]
    assert found == sorted(set(found))
    assert {*before} < {*found}
