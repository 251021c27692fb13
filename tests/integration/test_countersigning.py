"""This installation as a witness: each answer of the protocol over HTTP, and which of two at one moment is signed."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, connections

from signal_log import clock
from signal_log.errors import ProofError
from signal_log.models import WitnessedLog
from signal_log.seal.keys.key import new_signer, read_key
from signal_log.seal.note import ED25519, read_note, time_of, verifier_key
from signal_log.seal.witness import countersigning
from signal_log.seal.witness import server as witness_server
from signal_log.seal.witness.call import Contradicts, Cosigned, Holds, add_checkpoint, newest_from, witness
from signal_log.seal.witness.countersigning import countersign, distrust, keys_of, shown, trust
from signal_log.seal.witness.protocol import MOST_BYTES, Request, checkpoint_path
from tests.witnessing import ORIGIN, Log, new_witness, serving

LOG = Log()
KEY = str(LOG.signer.vkey())
SIGNER = new_witness()
committing = pytest.mark.django_db(transaction=True)


@pytest.fixture
def url(transactional_db: None) -> Iterator[str]:
    """Where this installation's witness answers."""
    with serving(partial(countersign, signer=SIGNER), shown, connections.close_all, longest=1.0) as found:
        yield found


def row() -> WitnessedLog:
    """What is kept of the log."""
    return WitnessedLog.objects.get()


@committing
def test_over_http(url: str):
    """Each answer as the protocol has it, and the monitor's; what is signed has been stored."""
    to = witness(f"{url}/any/prefix", str(SIGNER.vkey()))
    with pytest.raises(ProofError, match="does not know this log"):
        add_checkpoint(to, LOG.request(0, 5))
    trust(KEY)
    assert newest_from(url, SIGNER.vkey(), ORIGIN) is None
    for old, size in ((0, 5), (5, 5), (5, 12)):
        found = add_checkpoint(to, LOG.request(old, size))
        assert isinstance(found, Cosigned)
        assert abs(found.time - time.time()) < 60
        kept = row()
        assert (kept.size, bytes(kept.root), kept.cosigned_at.timestamp()) == (size, LOG.root(size), found.time)
        newest = newest_from(f"{url}/w", SIGNER.vkey(), ORIGIN, [LOG.signer.vkey()])
        assert (newest.checkpoint.size, newest.note.encode(), newest.time) == (size, kept.note.encode(), found.time)
    before = row().note
    assert add_checkpoint(to, LOG.request(5, 12)) == Holds(12)
    assert add_checkpoint(to, LOG.request(0, 12)) == Holds(12)
    assert add_checkpoint(to, LOG.request(3, 4)) == Holds(12)
    assert add_checkpoint(to, Log(LOG.signer, "fork").request(12, 12)) == Contradicts()
    assert add_checkpoint(to, Log(LOG.signer, "fork").request(12, 15)) == Contradicts()
    with pytest.raises(ProofError, match="does not trust the key"):
        add_checkpoint(to, Log().request(12, 15))
    request = LOG.request(12, 12)
    with pytest.raises(ProofError, match="malformed"):
        add_checkpoint(to, Request(13, [], request.note, request.checkpoint))
    assert row().note == before


def answered(url: str, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """Status and body."""
    calling = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
    try:
        calling.request(method, path, body or None, headers)
        response = calling.getresponse()
        return response.status, response.read()
    finally:
        calling.close()


@committing
def test_other_requests(url: str):
    """Other addresses and methods, bodies too large or of no length: refused, and the next one is answered."""
    trust(KEY)
    add = "/add-checkpoint"
    body = LOG.request(0, 3).encode()
    assert answered(url, "GET", add)[0] == 404
    assert answered(url, "POST", "/x", body)[0] == 404
    assert answered(url, "GET", "/" + "a" * 63 + "/checkpoint")[0] == 404
    assert answered(url, "GET", f"/{checkpoint_path(ORIGIN)}")[0] == 404  # nothing is signed yet
    assert answered(url, "POST", add)[0] == 400
    assert answered(url, "POST", add, b"x" * (MOST_BYTES + 1))[0] == 413
    assert answered(url, "POST", add, **{"Content-Length": "9" * 30})[0] == 413
    assert answered(url, "POST", add, **{"Content-Length": "-1"})[0] == 411
    assert answered(url, "POST", add, **{"Transfer-Encoding": "chunked"})[0] == 411
    assert answered(url, "PUT", add, body)[0] == 501
    assert b"<" not in answered(url, "PUT", add, body)[1]
    calling = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
    for _ in range(2):  # on one connection
        calling.request("POST", f"{add}?a=b", body)
        response = calling.getresponse()
        assert response.status in (200, 409)
        response.read()
    calling.request("GET", f"/a/b/{checkpoint_path(ORIGIN)}")
    assert b"log.example/1\n3\n" in calling.getresponse().read()
    calling.close()


@committing
def test_slow_clients(url: str, monkeypatch: pytest.MonkeyPatch):
    """A client that sends a byte now and then is cut off; others are answered meanwhile, up to a number."""
    monkeypatch.setattr(witness_server._Handler, "timeout", 0.6)
    address = urlsplit(url).hostname, urlsplit(url).port
    with socket.create_connection(address, 5) as slow, socket.create_connection(address, 5) as silent:
        slow.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 500\r\n\r\n")
        begun = time.monotonic()
        assert answered(url, "GET", "/x")[0] == 404
        with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
            while time.monotonic() - begun < 5:
                slow.sendall(b"o")
                time.sleep(0.05)
        assert silent.recv(1) == b""
        assert time.monotonic() - begun < 3


@committing
def test_too_many_connections(url: str, monkeypatch: pytest.MonkeyPatch):
    """More than so many at once are not served, those before and after are."""
    address = urlsplit(url).hostname, urlsplit(url).port
    held = [socket.create_connection(address, 5) for _ in range(witness_server.CONNECTIONS)]
    time.sleep(0.1)
    with socket.create_connection(address, 5) as one_more:
        assert one_more.recv(1) == b""
    for one in held:
        one.close()
    for _ in range(50):
        try:
            assert answered(url, "GET", "/x")[0] == 404
            break
        except (http.client.HTTPException, OSError):
            time.sleep(0.02)
    else:
        pytest.fail("Nobody is served any more.")


@committing
def test_of_two_at_the_same_moment_one_is_signed(monkeypatch: pytest.MonkeyPatch):
    """Two histories that both follow from what is held, decided at once: one 200, one 409."""
    trust(KEY)
    fork = Log(LOG.signer)
    fork.leaf = lambda index: Log(LOG.signer).leaf(index) if index < 3 else bytes([index]) * 32
    gate, stored = threading.Barrier(2), countersigning._stored
    waited = set()

    def at_once(*args: Any) -> Any:
        if threading.get_ident() not in waited:
            waited.add(threading.get_ident())
            gate.wait(5)
        return stored(*args)

    def ask(request: Request) -> int:
        try:
            return countersign(request.encode(), SIGNER).status
        finally:
            connection.close()

    for held in (0, 3):
        if held:
            WitnessedLog.objects.update(size=0, root=LOG.root(0), cosigned_at=None, note="")
            assert ask(LOG.request(0, 3)) == 200
        monkeypatch.setattr(countersigning, "_stored", at_once)
        waited.clear()
        with ThreadPoolExecutor(2) as pool:
            statuses = sorted(pool.map(ask, [LOG.request(held, 8), fork.request(held, 9)]))
        monkeypatch.setattr(countersigning, "_stored", stored)
        assert statuses == [200, 409]
        assert row().size in (8, 9)
        assert bytes(row().root) == (LOG if row().size == 8 else fork).root(row().size)


@pytest.mark.django_db
def test_the_clock_never_goes_back(caplog: pytest.LogCaptureFixture):
    """Nothing is signed with a time before the last signature's."""
    trust(KEY)
    assert countersign(LOG.request(0, 3).encode(), SIGNER).status == 200
    WitnessedLog.objects.update(cosigned_at=clock.now() + timedelta(hours=1))
    assert countersign(LOG.request(3, 4).encode(), SIGNER).status == 503
    assert "before the last signature's" in caplog.text
    assert row().size == 3


@pytest.mark.django_db
def test_repeated_requests(monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any):
    """A checkpoint that is sent again costs one write a second, and each second has a signature of its own."""
    trust(KEY)
    second = iter([100, 100, 100, 101])
    monkeypatch.setattr(clock, "time_ns", lambda: next(second) * 10**9 + 5)
    body = LOG.request(0, 3).encode()
    first = countersign(body, SIGNER)
    again = LOG.request(3, 3).encode()
    with django_assert_num_queries(1):
        assert countersign(again, SIGNER) == first
    assert countersign(LOG.request(3, 4).encode(), SIGNER).body != first.body
    assert row().size == 4
    later = countersign(LOG.request(4, 4).encode(), SIGNER)
    assert time_of(read_note(row().note.encode()).signatures[1]) == 101
    assert later.status == 200


@pytest.mark.django_db
def test_a_database_that_does_not_take_it(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    """No signature leaves, and the log is told to come again."""
    trust(KEY)

    def fail(*args: Any, **options: Any) -> None:
        raise OperationalError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr("django.db.models.query.QuerySet.update", fail)
        assert countersign(LOG.request(0, 3).encode(), SIGNER).status == 503
    assert "does not take it" in caplog.text
    assert row().size == 0


@pytest.mark.django_db
def test_evidence(caplog: pytest.LogCaptureFixture):
    """What a log signed against its own history is written to the server's log."""
    trust(KEY)
    countersign(LOG.request(0, 3).encode(), SIGNER)
    forged = Log(LOG.signer, "fork").request(3, 4)
    assert countersign(forged.encode(), SIGNER).status == 422
    assert forged.note.signatures[0].line() in caplog.text


@pytest.mark.django_db
def test_trust():
    """A log may have several keys; what it was is kept when none is trusted any more."""
    trust(KEY)
    trust(KEY)
    second = Log()
    trust(str(second.signer.vkey()))
    assert keys_of(row()) == [LOG.signer.vkey(), second.signer.vkey()]
    assert countersign(second.request(0, 3).encode(), SIGNER).status == 200
    distrust(str(second.signer.vkey()))
    assert countersign(second.request(3, 4).encode(), SIGNER).status == 403
    distrust(KEY)
    assert countersign(LOG.request(3, 4).encode(), SIGNER).status == 404
    assert row().size == 3
    assert shown(row().origin_hash).status == 200
    trust(KEY)
    assert countersign(LOG.request(3, 4).encode(), SIGNER).status == 200
    trust(str(new_signer("key.example", ED25519).vkey()), "other.example/log/1")
    assert WitnessedLog.objects.count() == 2
    for wrong, origin, why in (
        (str(SIGNER.vkey()), "", "is a witness's, not a log's"),
        ("nonsense", "", "is no verifier key"),
        (KEY, "a b", "is no origin"),
        (KEY, "a" * 256, "is no origin"),
    ):
        with pytest.raises(ProofError, match=why):
            trust(wrong, origin)
    with pytest.raises(ProofError, match="does not trust the key"):
        distrust(str(Log().signer.vkey()))


def run(*arguments: object) -> tuple[str, str]:
    """What the command prints, and what it says beside."""
    out, err = StringIO(), StringIO()
    call_command("signal_witness", *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def refused(*arguments: object) -> str:
    """The sentence with which the command refuses; nothing is written."""
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    assert caught.value.returncode == 2
    return str(caught.value)


@pytest.mark.django_db
def test_command(tmp_path: Path):
    """The key is made and its verifier printed; logs are trusted, listed, and not any more."""
    file = tmp_path / "key"
    printed, beside = run("init", "w.example/w1", "--key", file, "--trust", KEY)
    signer = read_key(file)
    assert verifier_key(printed) == signer.vkey()
    assert str(signer.vkey()) in beside
    assert keys_of(row()) == [LOG.signer.vkey()]
    countersign(LOG.request(0, 3).encode(), signer)
    listed = run("list", "--key", file)[0].splitlines()
    assert listed[0] == f"{signer.vkey()}   this witness"
    assert listed[1].startswith(f"{ORIGIN}   3 events, signed ")
    assert listed[1].endswith(f"/{checkpoint_path(ORIGIN)}")
    assert listed[2] == f"    {KEY}"
    assert "Signs nothing more" in run("distrust", KEY)[0]
    assert "from now on" in run("trust", KEY, "--key", file)[0]
    assert "`signal_witness init NAME` makes it, --key names another" in run("list", "--key", tmp_path / "none")[1]


@pytest.mark.django_db
def test_command_refusals(tmp_path: Path):
    """One sentence, exit status 2, nothing written."""
    file = tmp_path / "key"
    assert "no verifier key" in refused("init", "w.example", "--key", file, "--trust", "x")
    assert "spaces and plus signs" in refused("init", "a b", "--key", file)
    assert not file.exists()
    assert "There is no key's file" in refused("serve", "--key", file)
    file.write_text("mine")
    assert "never overwritten" in refused("init", "w.example", "--key", file, "--trust", KEY)
    assert not WitnessedLog.objects.exists()
    for verb in ("trust", "distrust"):
        assert "the mode 0644" in refused(verb, KEY, "--key", file)
    file.unlink()
    assert "trusts no log yet: signal_witness trust VKEY" in run("list", "--key", file)[1]
    assert "It countersigns no log yet: `signal_witness trust VKEY`" in run("init", "w.example", "--key", file)[1]
    assert "no HOST:PORT" in refused("serve", "--key", file, "--listen", "8765")
    assert "no HOST:PORT" in refused("serve", "--key", file, "--listen", "a:99999")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        assert f"{where} cannot be listened on" in refused("serve", "--key", file, "--listen", where)
    file.chmod(0o644)
    assert "chmod 600" in refused("serve", "--key", file)
