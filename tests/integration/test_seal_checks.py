"""System checks of the keys that sign: what is wrong with each, and what follows from it."""

import pytest
from django.core.checks import run_checks

from signal_log.seal.keys.key import new_signer, write_key
from signal_log.seal.note import COSIGNATURE, ED25519


@pytest.fixture
def found(settings, tmp_path):
    """The findings of these keys, by their ids."""

    def found(*keys):
        settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"SEAL_KEYS": [str(key) for key in keys]}
        return [f"{one.id} {one.msg}" for one in run_checks() if one.id in ("signal_log.W024", "signal_log.W025")]

    return found


def test_keys_that_can_be_used(found, tmp_path):
    """A file, a signer, and older keys as files or as what verifies them."""
    key = new_signer("log.example/1", ED25519)
    write_key(tmp_path / "log.key", key)
    assert found() == []
    assert found(tmp_path / "log.key", key.vkey(), tmp_path / "log.key") == []
    assert found(f"unix:{tmp_path}/none") == []


def test_what_is_wrong_with_a_key(found, tmp_path):
    """Missing, readable by others, no key, a witness's, or one that only verifies."""
    path = tmp_path / "log.key"
    start = f"signal_log.W024 SIGNAL_LOG['SEAL_KEYS'][0]: There is no key's file {path}; `init` makes one."
    assert found(path) == [f"{start} Until then, checkpoints are not signed."]
    write_key(path, new_signer("log.example/1", ED25519))
    assert "[1]: There is no key's file" in found(path, tmp_path / "old")[0]
    assert "what it has signed cannot be verified here" in found(path, tmp_path / "old")[0]
    path.chmod(0o644)
    assert "has the mode 0644, so that others may use it" in found(path)[0]
    path.chmod(0o600)
    path.write_text("nonsense")
    assert "holds no private key" in found(path)[0]
    write_key(tmp_path / "w.key", new_signer("w.example", COSIGNATURE))
    assert "is a witness's" in found(tmp_path / "w.key")[0]
    vkey = new_signer("log.example/1", ED25519).vkey()
    assert "a verifier key is none that can" in found(vkey)[0]


def test_a_key_that_cannot_remember(found, tmp_path, monkeypatch):
    """As one in a folder of mounted secrets."""
    write_key(tmp_path / "log.key", new_signer("log.example/1", ED25519))
    monkeypatch.setattr("os.access", lambda *_: False)
    assert found(tmp_path / "log.key")[0].startswith(
        f"signal_log.W025 SIGNAL_LOG['SEAL_KEYS'][0]: nothing can be written to {tmp_path}"
    )
