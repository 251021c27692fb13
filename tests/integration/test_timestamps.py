"""Checkpoints are stamped by a timestamp authority, whose tokens openssl takes, too."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from signal_log import clock
from signal_log.errors import ProofError
from signal_log.models import SealCheckpoint, SealWitness
from signal_log.seal.note import read_note
from signal_log.seal.verify.run import verify
from signal_log.seal.verify.wanted import Wanted
from signal_log.seal.witness import timestamping
from signal_log.seal.witness.client import cosign, is_due, states
from signal_log.seal.witness.timestamp import read_certificates, read_token
from signal_log.seal.witness.timestamping import stamped_at
from tests.integration.cosigned import KEYS, signed, tree_of
from tests.integration.test_checks import of_log
from tests.servers.timestamps import Authority
from tests.witnessing import answering, http

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def use(authority: Authority, settings: Any) -> Iterator[Callable[..., None]]:
    """Have it answer, or something else, and set ``TIMESTAMPS``."""
    with ExitStack() as stack:

        def use(answer: Any = None, certificate: Path | None = None) -> None:
            url = stack.enter_context(answering(answer or authority.answer))
            stamps = {"url": f"{url}/tsa", "certificate": str(certificate or authority.root)}
            settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "TIMESTAMPS": stamps}

        yield use


def text_of(checkpoint: SealCheckpoint) -> str:
    """What is stamped."""
    return read_note(checkpoint.note.encode()).text


def test_is_stamped_once_an_hour(use: Any, authority: Authority):
    """The token is kept with the checkpoint, and verifies with ours and with openssl; the next is due in an hour."""
    use()
    tree = tree_of(5)
    made = signed(tree)
    assert is_due(tree, made)
    assert cosign(tree, made, KEYS) is None
    kept = SealCheckpoint.objects.get()
    assert kept.note == made.note
    assert authority.verifies(bytes(kept.token), text_of(kept))
    assert abs((stamped_at(kept) - clock.now()).total_seconds()) < 60
    (row,) = states(tree)
    assert (row.name, row.size, row.problem) == ("timestamps of 127.0.0.1", 5, "")
    assert row.cosigned_at == stamped_at(kept).timestamp()
    tree = tree_of(1)
    later = signed(tree)
    assert not is_due(tree, later)
    SealWitness.objects.update(tried_at=clock.now() - timedelta(seconds=timestamping.EVERY))
    assert is_due(tree, later)
    cosign(tree, later, KEYS)
    assert stamped_at(SealCheckpoint.objects.get(size=6)) is not None
    with pytest.raises(ProofError, match="Mismatch between messages"):
        read_token(bytes(kept.token), text_of(later), read_certificates(authority.root))


def test_what_is_not_taken(use: Any, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """One sentence, no token, and another attempt after some minutes."""
    tree = tree_of(5)
    made = signed(tree)
    reply = "application/timestamp-reply"

    def sentence(answer: Any = None, certificate: Path | None = None) -> str:
        SealWitness.objects.all().delete()
        use(answer, certificate)
        cosign(tree, made, KEYS, seconds=5)
        assert SealCheckpoint.objects.get().token is None
        assert not is_due(tree, made)
        row = SealWitness.objects.get()
        assert row.size == row.cosigned_at == 0
        return row.problem

    def older(request: bytes, connection: Any) -> None:
        connection.sendall(http(200, authority.stamped(query), reply))

    queries = []
    sentence(lambda request, connection: queries.append(request.partition(b"\r\n\r\n")[2]))
    query = queries[0]
    assert "not taken: Nonce mismatch" in sentence(older)
    assert "no timestamp that can be read" in sentence(lambda _, to: to.sendall(http(200, b"junk", reply)))
    assert "answered 200 without a timestamp" in sentence(lambda _, to: to.sendall(http(200, b"<html>", "text/html")))
    assert "answered 500 without a timestamp" in sentence(lambda _, to: to.sendall(http(500, b"")))
    assert "is never followed" in sentence(lambda _, to: to.sendall(http(302, b"")))
    stranger = Authority(tmp_path / "stranger")
    assert "Its timestamp is not taken: " in sentence(certificate=stranger.root)
    assert "could not be read" in sentence(certificate=tmp_path / "none")
    (tmp_path / "none").write_text("nothing")
    assert "holds no certificates" in sentence(certificate=tmp_path / "none")
    assert "holds no root certificate" in sentence(certificate=authority.folder / "pem")
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    assert "pip install 'signal-log[timestamps]'" in sentence()


def test_verification_compares_them(authority: Authority, settings: Any, tmp_path: Path, monkeypatch: Any):
    """One that is damaged, of another checkpoint, or by somebody else is named; what cannot be checked is said."""
    tree = tree_of(5)
    first = signed(tree)
    second = signed(tree_of(1))
    stranger = Authority(tmp_path / "stranger")

    def token(text: str, by: Authority = authority) -> bytes:
        (by.folder / "signed").write_text(text)
        by.openssl("ts -query -config openssl.cnf -data signed -sha256 -cert -out asked")
        return by.stamped((by.folder / "asked").read_bytes())

    def verified(stamped: bytes) -> tuple[list[tuple[str, str]], str]:
        SealCheckpoint.objects.filter(pk=first.pk).update(token=stamped)
        report = verify(Wanted()).report
        found = [(one.kind, one.checkpoints) for one in report.findings if one.kind == "timestamp"]
        return found, " ".join([one.text for one in report.findings] + report.limits)

    stamps = {"url": "https://tsa.example/", "certificate": str(authority.root)}
    plain = settings.SIGNAL_LOG
    settings.SIGNAL_LOG = {**plain, "TIMESTAMPS": stamps}
    good, other, strange = token(text_of(first)), token(text_of(second)), token(text_of(first), stranger)
    wrong = [("timestamp", str(first.number))]
    assert verified(good)[0] == []
    assert "timestamp" not in verified(good)[1]
    for stamped, why in (other, "of another text"), (b"junk", "no timestamp"), (strange, "Its timestamp is not taken"):
        found, said = verified(stamped)
        assert (found, why in said) == (wrong, True), said
    settings.SIGNAL_LOG = plain
    assert verified(other)[0] == wrong
    found, said = verified(strange)
    assert (found, "Who has signed 1 timestamp of" in said) == ([], True)
    settings.SIGNAL_LOG = {**plain, "TIMESTAMPS": stamps | {"certificate": str(tmp_path / "none")}}
    assert "could not be read" in verified(good)[1]
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    found, said = verified(other)
    assert (found, "1 timestamp of" in said, "was not checked" in said) == (wrong, True, True)
    assert verified(good)[0] == []


def test_check(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The address can be called, the certificates read, and the extra is there."""
    good = {"url": "https://tsa.example/", "certificate": str(authority.root)}
    assert of_log(TIMESTAMPS=good) == {}
    (missing,) = of_log(TIMESTAMPS=good | {"certificate": str(tmp_path / "none")})["signal_log.E018"]
    assert "could not be read" in missing.msg
    (address,) = of_log(TIMESTAMPS=good | {"url": "tsa"})["signal_log.E018"]
    assert "'tsa' is no address" in address.msg
    assert "signal_log.E001" in of_log(TIMESTAMPS={"url": "https://tsa.example"})
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    (extra,) = of_log(TIMESTAMPS=good)["signal_log.E018"]
    assert "the extra `timestamps`" in extra.msg
