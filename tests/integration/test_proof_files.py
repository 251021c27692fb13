"""Proofs out of the database: each event's file shows what was sealed, and only that."""

from __future__ import annotations

import zipfile
from io import StringIO

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command

from signal_log.errors import ProofError
from signal_log.models import SealTile, SignalEvent
from signal_log.seal.verify.proof import check_proof, read_proof
from signal_log.seal.verify.proof_file import NotSealedYet, proof_file
from tests.factories import event_value
from tests.sealed import Sealed, sealed_log, unguarded
from tests.settings import SIGNAL_LOG as PROJECT

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(db, settings, tmp_path) -> Sealed:
    """A sealed log."""
    sealed = sealed_log(tmp_path)
    settings.SIGNAL_LOG = {**PROJECT, "SEAL_KEYS": [str(sealed.key)]}
    return sealed


def test_proofs_of_events(log):
    """Of the first, of those at the edges of tiles, and of the last that is signed."""
    keys, witnesses = [log.signer.vkey()], [log.witness.vkey()]
    for place in (0, 255, 256, 511, 512, 599):
        event = SignalEvent.objects.get(pk=log.ids[place])
        proved = check_proof(read_proof(proof_file(event)), keys, witnesses)
        assert (proved.index, proved.checkpoint.size, proved.said_id) == (place, 600, event.pk)
        assert proved.subject == {"actor_pk": "7", "object_pk": str(place), "origin": None, "request_id": ""}
        assert proved.payload is not None
        assert proved.payload["changes"] == {"first_name": ["Ada", f"Ada {place}"]}
    with pytest.raises(NotSealedYet, match=f"Event {log.ids[604]} is in no signed checkpoint yet"):
        proof_file(SignalEvent.objects.get(pk=log.ids[604]))


def test_an_altered_row_proves_nothing(log):
    """Whether the digest was left or not, and where the tile is gone."""
    unguarded()
    SignalEvent.objects.filter(pk=log.ids[3]).update(object_repr="eve")
    SignalEvent.objects.filter(pk=log.ids[4]).update(digest=bytes(32))
    value = event_value(trace_id=SignalEvent.objects.get(pk=log.ids[5]).trace_id)
    SignalEvent.objects.filter(pk=log.ids[5]).update(**value._asdict())
    for place in (3, 4, 5):
        with pytest.raises(ProofError, match=f"Event {log.ids[place]} is not what was sealed"):
            proof_file(SignalEvent.objects.get(pk=log.ids[place]))
    SealTile.objects.filter(level=1).delete()
    with pytest.raises(ValueError, match=r"Run `manage.py signal_verify`"):
        proof_file(SignalEvent.objects.get(pk=log.ids[6]))


def test_export_of_proofs(log, tmp_path):
    """An archive with a file for each event that the filters select."""
    file = tmp_path / "proofs.zip"
    call_command("signal_export", proof=True, output=str(file), before=log.ids[2], verbosity=0)
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"{number}.tlog-proof" for number in log.ids[:2]]
        for name in archive.namelist():
            assert check_proof(read_proof(archive.read(name)), [log.signer.vkey()]).said_id == int(name.split(".")[0])
    told = SignalEvent.objects.filter(signal="signal_log.exported").get()
    assert told.labels["format"] == "proof"
    with pytest.raises(CommandError, match=r"6 events are in no signed checkpoint yet\.") as ended:
        call_command(
            "signal_export", proof=True, output=str(tmp_path / "new.zip"), after=log.ids[549], verbosity=0,
            stderr=StringIO(),
        )  # fmt: skip
    assert ended.value.returncode == 1
    assert zipfile.ZipFile(tmp_path / "new.zip").namelist() == [f"{number}.tlog-proof" for number in log.ids[550:600]]
    with pytest.raises(CommandError, match="--proof has a form of its own"):
        call_command("signal_export", proof=True, format="csv")


def test_a_proof_from_the_page_is_an_export(log, client):
    """Its button and its file are for those who may export, and whoever takes it is told of."""
    address = f"/events/{log.ids[3]}/"
    told = SignalEvent.objects.filter(signal="signal_log.exported")
    reader = User.objects.create_user("reader")
    reader.user_permissions.add(Permission.objects.get(codename="view_signalevent"))
    client.force_login(reader)
    assert "Download proof" not in client.get(address).content.decode()
    refused = client.get(address, {"format": "proof"})
    assert (refused.status_code, told.count()) == (403, 0)
    assert "signal_log.export_signalevent" in refused.content.decode()
    root = User.objects.create_superuser("root")
    client.force_login(root)
    for page in (address, f"/admin/signal_log/signalevent/{log.ids[3]}/change/"):
        assert "Download proof" in client.get(page).content.decode()
    assert client.head(address, {"format": "proof"}).status_code == 200
    assert not told.exists()
    assert client.get(address, {"format": "proof"}).status_code == 200
    event = told.get()
    assert (event.labels["format"], event.labels["event"], event.actor_repr) == ("proof", log.ids[3], "root")
    assert event.call_site == ""
