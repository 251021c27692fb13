"""The page about the archive, line by line: archive, verify, prune, restore, redact."""

from __future__ import annotations

import re
import shlex
import shutil
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from signal_log import clock
from signal_log.models import SignalEvent
from signal_log.seal.keys.key import new_signer, write_key
from signal_log.seal.note import ED25519
from tests.integration.redacting import life_of

pytestmark = pytest.mark.django_db

PAGE = Path(__file__).parents[2] / "docs" / "archive.md"


def test_every_line_of_the_page_works(tmp_path, monkeypatch, settings):
    """In this order, as they stand; afterwards nothing of the person is left, and less in the table than before."""
    signer = new_signer("here/log/1", ED25519)
    write_key(tmp_path / "log.key", signer)
    settings.SIGNAL_LOG = {
        **settings.SIGNAL_LOG, "SEAL_KEYS": [str(tmp_path / "log.key")], "SEAL_ORIGIN": "here/log",
    }  # fmt: skip
    user = life_of()
    call_command("signal_seal", stdout=StringIO(), stderr=StringIO())
    number = SignalEvent.objects.count()
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=400))
    text = PAGE.read_text().partition("## From the table")[2]
    lines = re.search(r"```sh\n(.*?)```", text, re.DOTALL)[1].splitlines()
    assert len(lines) >= 12
    for line in lines:
        words = shlex.split(line.replace("/srv", str(tmp_path)))
        words = [user.key if word == "42" else word for word in words]
        if words[0] == "manage.py":
            call_command(*words[1:], stdout=StringIO(), stderr=StringIO())
        elif words[0] == "cp":
            shutil.copytree(*words[2:])
        else:
            shutil.rmtree(words[-1])
    assert SignalEvent.objects.count() < number
    files = list((tmp_path / "archive").rglob("*.parquet"))
    assert len(files) == 1
    assert b"quillon@mail.example" not in files[0].read_bytes()
