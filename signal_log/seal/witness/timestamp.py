"""Timestamps by a third party (RFC 3161): asked for, and verified with its certificates (no Django, no database).

Needs the extra ``timestamps``; a token is the whole answer, which ``openssl ts -verify`` reads, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from cryptography.x509 import Certificate, load_pem_x509_certificates

from signal_log.errors import ProofError
from signal_log.seal.http_call import SECONDS, call

INSTALL: Final = "Timestamps need the extra `timestamps`: pip install 'signal-log[timestamps]'."
_HEADERS: Final = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
_ANSWER: Final = "application/timestamp-reply"
_HASHES: Final = {
    "2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384", "2.16.840.1.101.3.4.2.3": "sha512",
}  # fmt: skip


def ask_token(
    url: str, text: str, certificates: Sequence[Certificate], *, seconds: float = SECONDS
) -> tuple[bytes, datetime]:
    """A token over a text, verified, and its time; raises ``ProofError``."""
    library = _library()
    request = library.TimestampRequestBuilder().data(text.encode()).build()
    answer = call("POST", url, request.as_bytes(), headers=_HEADERS, seconds=seconds)
    if answer.status != HTTPStatus.OK or answer.content_type != _ANSWER:
        raise ProofError(f"It answered {answer.status} without a timestamp.")
    return answer.body, _verified(answer.body, text, certificates, request.nonce)


def read_token(token: bytes, text: str, certificates: Sequence[Certificate]) -> datetime:
    """When a text was stamped; raises ``ProofError`` if the token is damaged, of another text, or by somebody else."""
    return _verified(token, text, certificates, None)


def must_be_over(token: bytes, text: str) -> None:
    """Raise ``ProofError`` if a token is damaged or of another text; who has signed it is not looked at."""
    try:
        imprint = _library().decode_timestamp_response(token).tst_info.message_imprint
        algorithm = _HASHES.get(imprint.hash_algorithm.dotted_string)
        is_over = algorithm is not None and hashlib.new(algorithm, text.encode()).digest() == imprint.message
    except ValueError:
        raise ProofError("It is no timestamp that can be read.") from None
    if not is_over:
        raise ProofError("It is of another text.")


def may_be_over(token: bytes, text: str) -> bool:
    """Whether a token holds a hash of a text, as far as can be told without the extra."""
    return any(hashlib.new(algorithm, text.encode()).digest() in token for algorithm in _HASHES.values())


def read_certificates(path: Path) -> list[Certificate]:
    """The certificates of a timestamp authority in a PEM file; raises ``ProofError``."""
    try:
        found = load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise ProofError(f"The certificates in {path} could not be read: {error.strerror}.") from None
    except ValueError:
        raise ProofError(f"{path} holds no certificates in PEM form.") from None
    if not any(one.subject == one.issuer for one in found):
        raise ProofError(f"{path} holds no root certificate, which is one that has signed itself.")
    return found


def _verified(token: bytes, text: str, certificates: Sequence[Certificate], nonce: int | None) -> datetime:
    library = _library()
    roots = [one for one in certificates if one.subject == one.issuer]
    others = [one for one in certificates if one.subject != one.issuer]
    try:
        response = library.decode_timestamp_response(token)
        library.VerifierBuilder(roots=roots, intermediates=others, nonce=nonce).build().verify_message(
            response, text.encode()
        )
        moment: datetime = response.tst_info.gen_time
    except library.VerificationError as error:
        raise ProofError(f"Its timestamp is not taken: {str(error).rstrip('.')}.") from None
    except ValueError:
        raise ProofError("Its answer is no timestamp that can be read.") from None
    return moment


def must_be_installed() -> None:
    """Raise ``ProofError`` where the extra is missing."""
    _library()


def is_installed() -> bool:
    """Whether the extra is there."""
    try:
        _library()
    except ProofError:
        return False
    return True


def _library() -> Any:
    try:
        import rfc3161_client
    except ImportError:
        raise ProofError(INSTALL) from None
    return rfc3161_client
