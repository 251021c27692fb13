"""What a caller makes of a witness that answers, lies, drips or is not there."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from signal_log.errors import ProofError
from signal_log.seal.note import COSIGNATURE, Note, Signature, cosigned_message
from signal_log.seal.witness.call import Contradicts, Cosigned, Holds, Witness, add_checkpoint, newest_from, witness
from signal_log.seal.witness.protocol import checkpoint_path
from tests.witnessing import ORIGIN, Log, answering, http, new_witness

LOG = Log()
SIGNER = new_witness()
KEY = SIGNER.vkey()
REQUEST = LOG.request(3, 7)
TEXT = REQUEST.note.text
NOW = 1_700_000_000
LINE = SIGNER.cosign(TEXT, NOW).line().encode()
SHOWN = REQUEST.note.signed(SIGNER.cosign(TEXT, NOW)).encode()


def ask(answer: bytes | Callable[[bytes, socket.socket], None], seconds: float = 5) -> object:
    """Ask for a countersignature; the result, or the sentence that says why there is none."""
    return told(answer, lambda url: add_checkpoint(Witness(url, KEY), REQUEST, seconds=seconds))


def newest(answer: bytes, *keys) -> object:
    """Ask for the newest checkpoint."""
    return told(answer, lambda url: newest_from(url, str(KEY), ORIGIN, keys, seconds=5))


def told(answer, call: Callable[[str], object]) -> object:
    """What a call gives, or its sentence."""
    send = answer if callable(answer) else lambda _, connection: connection.sendall(answer)
    with answering(send) as url:
        try:
            return call(url)
        except ProofError as error:
            said = str(error)
    assert said.endswith(".")
    assert "\n" not in said
    return said


def test_asks_as_specified():
    """POST of the request's bytes, at the witness's prefix."""
    got = []

    def answer(request: bytes, connection: socket.socket) -> None:
        got.append(request)
        connection.sendall(http(200, LINE))

    with answering(answer) as url:
        assert add_checkpoint(witness(f"{url}/a/b/", str(KEY)), REQUEST) == Cosigned(SIGNER.cosign(TEXT, NOW))
    head, _, body = got[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /a/b/add-checkpoint HTTP/1.1\r\n")
    assert body == REQUEST.encode()


def test_lines_of_others_are_ignored():
    """Also one of the same name with another key."""
    others = (new_witness("b"), new_witness(KEY.name))
    lines = b"".join(one.cosign(TEXT, NOW).line().encode() for one in others)
    assert ask(http(200, lines + LINE + lines)) == Cosigned(SIGNER.cosign(TEXT, NOW))
    assert "has no signature of the key" in ask(http(200, lines))


def test_refusals():
    """409 names a size, 422 is a contradiction, all else a sentence."""
    assert ask(http(409, b"5\n", "text/x.tlog.size")) == Holds(5)
    assert ask(http(422, b"no")) == Contradicts()
    assert "409 without a whole line" in ask(http(409, b"5", "text/x.tlog.size"))
    assert "is no size of a tree" in ask(http(409, b"-5\n", "text/x.tlog.size"))
    assert "is no size of a tree" in ask(http(409, b"9" * 30 + b"\n", "text/x.tlog.size"))
    assert ask(http(409, b"5\n")) == "It answered 409."
    assert "(400)" in ask(http(400, b""))
    assert "does not trust the key" in ask(http(403, b""))
    assert "does not know this log" in ask(http(404, b""))
    assert ask(http(500, b"")) == "It answered 500."
    assert "is never followed" in ask(http(307, b"", more="Location: http://127.0.0.1:1/\r\n"))


def test_lies():
    """Nothing is taken from an answer that is not a signature by this key over this checkpoint."""
    other = SIGNER.cosign(LOG.note(8).text, NOW)
    assert "is not by its key" in ask(http(200, other.line().encode()))
    assert "is not by its key" in ask(http(200, LINE + other.line().encode()))
    timeless = bytes(8) + SIGNER._private.sign(cosigned_message(TEXT, 0))
    line = Signature(KEY.name, KEY.key_id, timeless).line().encode()
    assert ask(http(200, line)) == "Its signature tells no time."
    assert "no whole lines" in ask(http(200, LINE[:-1]))
    assert "no whole lines" in ask(http(200, b""))
    assert "is no signature's line" in ask(http(200, b"<html>\n"))
    assert "is no signature's line" in ask(http(200, LINE + b"\n"))
    assert "are not UTF-8" in ask(http(200, b"\xff\n"))
    assert ask(b"hello\r\n\r\n") == "Its answer is no HTTP."
    assert ask(lambda request, connection: None) == "It could not be reached: RemoteDisconnected."
    short = f"HTTP/1.1 200 Fine\r\nContent-Length: {len(LINE)}\r\n\r\n".encode() + LINE[:-9]
    assert "no whole lines" in ask(short)


def test_large_answers():
    """Neither a large body nor large headers are read to their end."""
    huge = b"x" * 1_100_000
    assert "more than 1,000,000 bytes" in ask(http(200, huge))
    assert "more than 1,000,000 bytes" in ask(b"HTTP/1.1 200 Fine\r\n\r\n" + huge)
    assert "a line of its header is too long" in ask(b"HTTP/1.1 200 Fine\r\nA: " + huge)
    assert "its header has too many lines" in ask(b"HTTP/1.1 200 Fine\r\n" + b"A: b\r\n" * 200 + b"\r\n")


@pytest.mark.parametrize(
    "sent", [b"HTTP/1.1 200 Fine\r\nA: ", b"HTTP/1.1 200 Fine\r\nContent-Length: 999\r\n\r\n", b""]
)
def test_drips(sent: bytes):
    """A witness that sends a byte now and then, or nothing, is left when the time is up."""

    def answer(request: bytes, connection: socket.socket) -> None:
        connection.sendall(sent)
        while sent:
            connection.sendall(b"x")
            time.sleep(0.02)
        connection.recv(1)

    begun = time.monotonic()
    assert ask(answer, 0.2) == "It gave no whole answer within 0.2 seconds."
    assert time.monotonic() - begun < 3


def test_not_there():
    """Nobody listens, or the name leads nowhere."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ProofError, match="could not be reached: Connection refused"):
        add_checkpoint(Witness(f"http://127.0.0.1:{port}", KEY), REQUEST)
    with pytest.raises(ProofError, match="could not be reached"):
        add_checkpoint(Witness("http://witness.invalid", KEY), REQUEST)


def test_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A certificate that this machine does not trust is refused, and one for another name; else the answer comes."""
    where = certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(where)

    def ask_by(host: str) -> object:
        with answering(lambda _, connection: connection.sendall(http(200, LINE)), server) as url:
            try:
                return add_checkpoint(Witness(f"https://{host}:{url.rpartition(':')[2]}", KEY), REQUEST, seconds=5)
            except ProofError as error:
                return str(error)

    assert ask_by("localhost") == "Its certificate is not trusted here: self-signed certificate."
    monkeypatch.setenv("SSL_CERT_FILE", str(where))
    assert "not trusted here: IP address mismatch" in ask_by("127.0.0.1")
    assert ask_by("localhost") == Cosigned(SIGNER.cosign(TEXT, NOW))


def certificate(folder: Path) -> Path:
    """A key and a certificate that it signed itself, for localhost."""
    private = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "witness")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(named, named, private.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(1))
        .not_valid_after(today + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(private, hashes.SHA256())
    )
    encoded = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    where = folder / "certificate.pem"
    where.write_bytes(encoded + made.public_bytes(serialization.Encoding.PEM))
    return where


def test_newest():
    """Verified by the witness's key and the log's; None where there is none."""
    found = newest(http(200, SHOWN), LOG.signer.vkey())
    assert (found.checkpoint.size, found.checkpoint.root, found.time) == (7, LOG.root(7), NOW)
    assert newest(http(200, SHOWN)) == found
    assert newest(http(404, b"")) is None
    assert newest(http(500, b"")) == "It answered 500."
    assert "not countersigned itself" in newest(http(200, REQUEST.note.encode()))
    assert "none of this log's keys has signed" in newest(http(200, SHOWN), Log().signer.vkey())
    text = TEXT.replace("7", "8", 1)
    assert "is not by its key" in newest(http(200, Note(text, (SIGNER.cosign(TEXT, NOW),)).encode()))
    elsewhere = TEXT.replace(ORIGIN, "other.example/1")
    assert "of another log" in newest(http(200, Note(elsewhere, (SIGNER.cosign(elsewhere, NOW),)).encode()))
    assert "is no signed note" in newest(http(200, b"<html>"))
    unknown = Note(f"{TEXT}more\n")
    assert "further lines" in newest(http(200, unknown.signed(SIGNER.cosign(unknown.text, NOW)).encode()))


def test_newest_is_asked_by_hash():
    """GET at the witness's prefix."""
    got = []

    def answer(request: bytes, connection: socket.socket) -> None:
        got.append(request)
        connection.sendall(http(200, SHOWN))

    with answering(answer) as url:
        newest_from(f"{url}/w/", KEY, ORIGIN)
    assert got[0].startswith(f"GET /w/{checkpoint_path(ORIGIN)} HTTP/1.1\r\n".encode())


def test_addresses():
    """Only what can be called, without a password; and only a witness's key."""
    for wrong in (
        "", "witness.example", "ftp://witness.example", "http://", "http:///w", "https://:443/", "http://a:99999/",
        "http://a:0", "http://[::1", "https://user:secret@a.example/",
        "https://user:secret@a.example:0/", "https://a.example/?q", "https://a.example/#f",
        "https://a.example/ü", "https://a.example/ b", "https://a.example/\n",
    ):  # fmt: skip
        with pytest.raises(ProofError) as caught:
            witness(wrong, str(KEY))
        assert "secret" not in str(caught.value)
    assert witness("https://[::1]:8443/w1/", str(KEY)).url == "https://[::1]:8443/w1"
    with pytest.raises(ProofError, match="is a log's, not a witness's"):
        witness("https://a.example", str(LOG.signer.vkey()))
    assert KEY.kind == COSIGNATURE
