"""An archive in S3-compatible storage, SeaweedFS: written, verified, pruned into, redacted, and away for a while.

``make archive-test`` runs it, and not ``make test``: the server takes longer to start than a test may.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO, StringIO

import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from pyarrow.fs import FileSelector

from signal_log import clock
from signal_log.models import SignalEvent
from signal_log.seal.iceberg.opening import open_archive
from signal_log.seal.stored import names_of_log
from tests.integration.redacting import REASON, assert_intact, life_of
from tests.integration.redacting import run as redact
from tests.integration.redacting import sealed as seal_all
from tests.servers.seaweed import BUCKET, KEYS, Seaweed

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def storage() -> Iterator[Seaweed]:
    """The storage."""
    with Seaweed() as server:
        yield server


def everything(url: str, text: bytes) -> list[str]:
    """The objects that hold a text, as bytes or in the columns of Parquet files."""
    archive = open_archive(url, names_of_log())
    found = []
    for one in archive.files.get_file_info(FileSelector(BUCKET, recursive=True)):
        if one.is_file:
            content = archive.files.open_input_stream(one.path).read()
            texts = [content]
            if one.path.endswith(".parquet"):
                values = [value for column in pq.read_table(BytesIO(content)).columns for value in column.to_pylist()]
                texts += [value if isinstance(value, bytes) else str(value).encode() for value in values]
            found += [one.path] if any(text in each.replace(b"quillonette", b"") for each in texts) else []
    return found


def test_the_life_of_an_archive_in_storage(storage, tmp_path, monkeypatch, settings):
    """No object of the bucket has the person in the end; while the storage is away each command says so."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    url = f"s3://{BUCKET}/log?catalog=sqlite:///{tmp_path}/catalog.db&endpoint={storage.url}"
    settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "ARCHIVE": url}
    user = life_of()
    seal_all()
    number = SignalEvent.objects.count()
    storage.kill()
    with pytest.raises(CommandError) as ended:
        call_command("signal_archive", "--all", stdout=StringIO())
    assert ended.value.returncode == 2
    assert "the storage or its catalog is down. Nothing is lost; run it again." in str(ended.value)
    storage.start()
    out = StringIO()
    call_command("signal_archive", "--all", stdout=out)
    assert out.getvalue().startswith(f"Archived {number} events in s3://{BUCKET}/log (1 file, ")
    assert_intact(tables=(url,))
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=10))
    call_command("signal_prune", "--keep-days", "5", "--archive", url, stdout=StringIO())
    assert SignalEvent.objects.count() < number
    assert everything(url, b"quillon@")
    redact("auth.User", user.key, "--reason", REASON, "--no-vacuum")
    assert not everything(url, b"quillon")
    assert_intact(tables=(url,))
    storage.kill()
    with pytest.raises(CommandError) as ended:
        call_command("signal_redact", "auth.User", user.key, "--reason", REASON, "--no-vacuum", stdout=StringIO())
    assert ended.value.returncode == 2
    assert "cannot be read" in str(ended.value)
