"""The format of what a redaction's event says that it left, by golden values that may not change."""

from __future__ import annotations

import pytest

from signal_log.errors import ProofError
from signal_log.seal.remains import ERASED_PAYLOAD, ERASED_SUBJECT, label_of, left_by, remainder
from tests.factories import event_value

ROW = event_value(trace_id="5f0c1c9e-0000-4000-8000-000000000000", object_repr="[masked]")._asdict()
KEPT = bytes(64) + bytes(range(16))
GOLDEN = "lWbkQcfVtz55U0ni9nhgmeGkRj7Mz3WN"


def test_golden():
    """24 bytes of a salted SHA-256 a row, in base64, in the order of the ids."""
    hashed = remainder(ROW, KEPT)
    assert label_of([hashed]) == GOLDEN
    left = left_by({"what": "masked", "events": "5,7", "indexes": "g1:3-4", "remains": label_of([bytes(24), hashed])})
    assert left.fits(7, ROW, ROW["salt"], KEPT)
    assert not left.fits(5, ROW, ROW["salt"], KEPT)
    assert not left.fits(6, ROW, ROW["salt"], KEPT)
    assert not left.fits(7, {**ROW, "path": "/"}, ROW["salt"], KEPT)
    assert not left.fits(7, {**ROW, "changes": object()}, ROW["salt"], KEPT)
    assert not left.fits(7, ROW, ROW["salt"], KEPT[:64])


def test_erased():
    """Exactly nothing is left, and no range is too long to be read."""
    every = {"events": f"1-{2**63 - 1}", "indexes": f"g1:0-{2**63 - 2}"}
    left = left_by({"what": "erased", **every})
    row = {**ROW, **ERASED_SUBJECT, **ERASED_PAYLOAD}
    assert left.fits(2**62, row, bytes(32), bytes(64))
    assert not left.fits(2**62, row, bytes(31) + b"x", bytes(64))
    assert not left.fits(2**62, row, bytes(32), None)
    with pytest.raises(ProofError, match="what it left"):
        left_by({"what": "masked", **every})
    with pytest.raises(ProofError, match="does not name the leaves"):
        left_by({"what": "erased", "events": "1-2", "indexes": "g1:0"})
    with pytest.raises(ProofError):
        left_by(None)
