"""What `manage.py check` says of those with whom an installation deals: relays' receivers and witnesses."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from signal_log.seal.keys.key import new_signer
from signal_log.seal.note import COSIGNATURE, ED25519, VerifierKey, verifier_key
from tests.integration.test_checks import of_log, said


def test_relays_that_are_no_dict() -> None:
    """It is said what they are and what is wanted, and nothing of what is in them."""
    (wrong,) = of_log(RELAYS=[["siem", "hunter2"]])["signal_log.E001"]
    assert wrong.msg == "SIGNAL_LOG['RELAYS'] is a list that is not shown here."
    assert wrong.hint.startswith("Accepted: a dict {name:")


def test_relays_that_are_alike(tmp_path: Path) -> None:
    """Two to one file, by whatever name of it, and two names that one may take for each other."""
    (tmp_path / "here").symlink_to(tmp_path)
    relays = {
        "siem": {"sink": "file", "url": f"{tmp_path}/out"},
        "SIEM": {"sink": "file", "url": f"file://{tmp_path}/here/out"},
        "third": {"sink": "file", "url": f"{tmp_path}/third"},
        "nats": {"sink": "nats", "url": "nats://u:hunter2@h:1/x"},
        "nats2": {"sink": "nats", "url": "nats://u:hunter2@h:1/x"},
    }
    found = of_log(RELAYS=relays)
    assert {id_: len(messages) for id_, messages in found.items()} == {"signal_log.W037": 2, "signal_log.W038": 1}
    assert f"'siem' and 'SIEM' to the same address, {tmp_path}/out" in said(found["signal_log.W037"])
    assert "hunter2" not in said(found["signal_log.W037"])
    assert "'siem' and 'SIEM', whose names differ only in case" in said(found["signal_log.W038"])


@pytest.mark.django_db
def test_what_only_servers_do_is_no_matter_of_other_commands(settings: Any, tmp_path: Path) -> None:
    """Before them no warning of it is printed, but errors are; `check` and who runs a relay see both."""
    same = {"sink": "file", "url": f"{tmp_path}/out"}

    def printed(*command: str, models: tuple[str, ...] = ("shop.*", "auth.User"), **relays: Any) -> str:
        settings.SIGNAL_LOG = {"MODELS": models, "RELAYS": relays}
        told = StringIO()
        try:
            asked = {} if command == ("check",) else {"skip_checks": False}
            call_command(*command, **asked, stdout=StringIO(), stderr=told)
        except SystemCheckError as error:
            return str(error)
        return told.getvalue()

    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if not one.endswith("SignalLogMiddleware")]
    assert "signal_log." not in printed("showmigrations", "shop", one=same, two=same)
    assert "signal_log.E023" in printed("showmigrations", "shop", one={"sink": "pigeon"})
    assert "signal_log.W037" in printed("signal_relay", "one", "--once", one=same, two=same)
    found = printed("check", one=same, two=same)
    assert "signal_log.W037" in found
    assert "signal_log.W002" in found
    assert "signal_log.W001" in printed("showmigrations", "shop", models=())  # commands record, too


def test_witnesses() -> None:
    """An address that cannot be called, a key that is none, a log's, or there twice, and a quorum out of reach."""
    key, other = (str(new_signer(name, COSIGNATURE).vkey()) for name in ("a.example", "b.example"))
    log = str(new_signer("log.example/1", ED25519).vkey())
    same = str(VerifierKey("c.example", COSIGNATURE, verifier_key(key).public))
    good = {"url": "https://a.example/w", "vkey": key}
    assert of_log(WITNESSES=[good, {"url": "http://127.0.0.1:8765", "vkey": other}], WITNESS_QUORUM=2) == {}
    for wrong, says in (
        ({"url": "a.example", "vkey": key}, "[0]: 'a.example' is no address"),
        ({"url": "https://a.example", "vkey": "a.example+12345678"}, "[0]: 'a.example+12345678' is no verifier key"),
        ({"url": "https://a.example", "vkey": log}, "[0]: The key of log.example/1 is a log's"),
        ({"url": 7, "vkey": None}, "[0]: '7' is no address"),
    ):
        (message,) = of_log(WITNESSES=[wrong])["signal_log.E016"]
        assert f"SIGNAL_LOG['WITNESSES']{says}" in message.msg
        assert "signal_witness init" in message.hint
    assert "two witnesses that are called a.example" in of_log(WITNESSES=[good, good])["signal_log.E016"][0].msg
    twice = of_log(WITNESSES=[good, {"url": "https://c.example", "vkey": same}])["signal_log.E016"]
    assert "two witnesses with one key; c.example is the second" in twice[0].msg
    (quorum,) = of_log(WITNESSES=[good], WITNESS_QUORUM=2)["signal_log.E017"]
    assert "is 2, but WITNESSES names 1:" in quorum.msg


def test_wrong_settings_are_no_verdict(settings: Any) -> None:
    """Django's exit status for them is 1, with which `signal_verify` says that the log was tampered with."""
    settings.SIGNAL_LOG = {"MODLES": ["shop.*"]}
    with pytest.raises(SystemCheckError, match="MODLES") as refused:
        call_command("signal_verify", skip_checks=False)
    assert refused.value.returncode == 2
