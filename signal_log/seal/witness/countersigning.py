"""This installation as a witness of others' logs: which it trusts, and the last checkpoint of each that it signed.

What is signed is stored first, in a transaction that is on the disk before the answer goes out, and only where the log
still stands at the size and root that the proof began with: of two requests at the same moment one is signed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from django.db import DatabaseError, connections, transaction

from signal_log import clock
from signal_log.conf import conf
from signal_log.errors import ProofError
from signal_log.models import WitnessedLog
from signal_log.seal.keys.key import Signer
from signal_log.seal.merkle import EMPTY_ROOT
from signal_log.seal.note import ED25519, Signature, VerifierKey, is_name, read_note, signed_by, verifier_key
from signal_log.seal.witness.protocol import TEXT_TYPE, Accepted, Answer, Held, decide, origin_hash, refusal

LONGEST_ORIGIN: Final = 255
ATTEMPTS: Final = 3
"""How often a request is decided anew because another one of the same log was quicker."""

_log: Final = logging.getLogger("signal_log")


def trust(vkey: str, origin: str = "") -> WitnessedLog:
    """Countersign the log whose checkpoints this key signs, from now on; raises ``ProofError``.

    A log's origin is its key's name if no other is given. What was already countersigned of it is kept.
    """
    key = verifier_key(vkey)
    origin = origin or key.name
    if key.kind != ED25519:
        raise ProofError(
            f"The key of {key.name} is a witness's, not a log's; `signal_seal init` there prints the log's."
        )
    if not is_name(origin) or len(origin) > LONGEST_ORIGIN:
        raise ProofError(
            f"{origin[:60]!r} is no origin of a log: at most {LONGEST_ORIGIN} characters, no spaces, no +."
        )
    with transaction.atomic(using=conf.DATABASE):
        row, is_new = WitnessedLog.objects.using(conf.DATABASE).get_or_create(
            origin=origin, defaults={"origin_hash": origin_hash(origin), "keys": str(key), "root": EMPTY_ROOT}
        )
        if not is_new and key not in keys_of(row):
            row.keys = "\n".join([*row.keys.splitlines(), str(key)])
            row.save(using=conf.DATABASE, update_fields=["keys"])
    return row


def distrust(vkey: str, origin: str = "") -> WitnessedLog:
    """Sign nothing more for this key; what was countersigned of the log is kept. Raises ``ProofError``."""
    key = verifier_key(vkey)
    row = WitnessedLog.objects.filter(origin=origin or key.name).first()
    if row is None or key not in keys_of(row):
        raise ProofError(f"This witness does not trust the key {key.key_id.hex()} of {origin or key.name}.")
    row.keys = "\n".join(str(one) for one in keys_of(row) if one != key)
    row.save(using=conf.DATABASE, update_fields=["keys"])
    return row


def keys_of(row: WitnessedLog) -> list[VerifierKey]:
    """The keys that are trusted for a log."""
    return [verifier_key(line) for line in row.keys.splitlines()]


def countersign(body: bytes, signer: Signer) -> Answer:
    """Answer a request for a countersignature."""
    try:
        for _ in range(ATTEMPTS):
            answer = _countersign(body, signer)
            if answer is not None:
                return answer
    except DatabaseError:
        _log.exception("A checkpoint could not be countersigned: the database does not take it.")
    return refusal(HTTPStatus.SERVICE_UNAVAILABLE, "This witness cannot sign at the moment; ask again.")


def shown(hashed: str) -> Answer:
    """The last checkpoint that was countersigned of the log whose origin has this hash."""
    note = WitnessedLog.objects.filter(origin_hash=hashed).values_list("note", flat=True).first()
    if not note:
        return refusal(HTTPStatus.NOT_FOUND, "This witness has countersigned no checkpoint of such a log.")
    return Answer(HTTPStatus.OK, note.encode(), TEXT_TYPE)


def _countersign(body: bytes, signer: Signer) -> Answer | None:
    """Decide, store and sign; None if the log's row has changed since it was read."""
    rows: dict[str, WitnessedLog] = {}

    def keys(origin: str) -> Sequence[VerifierKey]:
        row = WitnessedLog.objects.filter(origin=origin).first()
        if row is None:
            return ()
        rows[origin] = row
        return keys_of(row)

    def held(origin: str) -> Held:
        return Held(rows[origin].size, bytes(rows[origin].root))

    decided = decide(body, keys, held)
    if isinstance(decided, Answer):
        if decided.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            _log.warning("Refused, although signed by its log, what contradicts the last checkpoint:\n%s", _told(body))
        return decided
    return _stored(decided, rows[decided.request.checkpoint.origin], signer)


def _stored(accepted: Accepted, row: WitnessedLog, signer: Signer) -> Answer | None:
    seconds = clock.time_ns() // 10**9
    moment = datetime.fromtimestamp(seconds, UTC)
    if row.cosigned_at is not None and moment < row.cosigned_at:
        _log.error("Nothing is signed for %s: the clock shows a time before the last signature's.", row.origin)
        return refusal(HTTPStatus.SERVICE_UNAVAILABLE, "This witness's clock is behind; ask again.")
    if moment == row.cosigned_at and (signed := _signed_now(row, accepted, signer)):
        return Answer(HTTPStatus.OK, signed.line().encode())
    checkpoint = accepted.request.checkpoint
    note, answer = accepted.cosigned(signer, seconds)
    connection = connections[conf.DATABASE]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite" and not connection.in_atomic_block:
            # Projects set NORMAL, with which a power cut may take back a commit, and with it what was signed.
            cursor.execute("PRAGMA synchronous=FULL")
        with transaction.atomic(using=conf.DATABASE):
            if connection.vendor == "postgresql":
                cursor.execute("SET LOCAL synchronous_commit = on")
            swapped = WitnessedLog.objects.filter(
                pk=row.pk, size=row.size, root=bytes(row.root), keys=row.keys, cosigned_at=row.cosigned_at
            ).update(size=checkpoint.size, root=checkpoint.root, note=note.encode().decode(), cosigned_at=moment)
    return answer if swapped else None


def _signed_now(row: WitnessedLog, accepted: Accepted, signer: Signer) -> Signature | None:
    """What was signed of this very checkpoint in this very second: whoever repeats a request costs no write."""
    note = read_note(row.note.encode())
    return signed_by(note, [signer.vkey()]).get(signer.vkey()) if note.text == accepted.request.note.text else None


def _told(body: bytes) -> str:
    """The request, which is evidence against the log, as text that a terminal does not obey."""
    return body.decode(errors="replace")
