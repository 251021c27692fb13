"""A log that is sealed in these tests."""

from __future__ import annotations

import pytest

from signal_log.seal import elected
from signal_log.seal.keys.key import new_signer, write_key
from signal_log.seal.note import ED25519


@pytest.fixture(autouse=True)
def _resigned(db):
    """Leave the lock to servers of other tests: a pooled connection would keep it."""
    yield
    elected.resign()


@pytest.fixture
def key(tmp_path, settings):
    """A key that signs this log."""
    path = tmp_path / "log.key"
    write_key(path, new_signer("log.example/1", ED25519))
    settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"SEAL_KEYS": [str(path)], "SEAL_ORIGIN": "log.example"}
    return path
