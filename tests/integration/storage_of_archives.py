"""An archive in S3-compatible storage, SeaweedFS: with versions, with locks, and with a REST catalog.

``make archive-test`` runs it, and not ``make test``: the server takes longer to start than a test may.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from pyiceberg.utils.config import Config

from signal_log import clock
from signal_log.models import SignalEvent
from signal_log.seal.iceberg.opening import open_archive
from signal_log.seal.stored import names_of_log
from tests.integration.redacting import REASON, assert_intact, life_of
from tests.integration.redacting import run as redact
from tests.integration.redacting import sealed as seal_all
from tests.sealed import sql
from tests.servers.seaweed import BUCKET, CREDENTIAL, KEYS, SECONDS, TABLES, Seaweed

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def storage() -> Iterator[Seaweed]:
    """The storage."""
    with Seaweed() as server:
        yield server


@pytest.fixture
def bucket(storage, monkeypatch) -> Any:
    """A client of the storage, as those of others have it; ours finds the same keys in the environment."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(CREDENTIAL, ":".join(KEYS.values()))
    monkeypatch.setattr("pyiceberg.catalog._ENV_CONFIG", Config())  # it was read when another test imported it
    return storage.client()


@pytest.fixture(params=["versions", "REST"])
def url(request, storage, bucket, tmp_path, settings) -> str:
    """An archive in a bucket that keeps versions, with a catalog in a file; or of a REST catalog."""
    if request.param == "versions":
        bucket.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        found = f"s3://{BUCKET}/log?catalog=sqlite:///{tmp_path}/catalog.db&endpoint={storage.url}"
    else:
        found = f"s3://{TABLES}/log?catalog={storage.catalog}&warehouse=s3://{TABLES}&endpoint={storage.url}"
    settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "ARCHIVE": found}
    return found


def everything(client: Any, name: str, text: bytes) -> list[str]:
    """The objects that hold a text, in any version: as bytes or in the columns of Parquet files."""
    found = []
    for page in client.get_paginator("list_object_versions").paginate(Bucket=name):
        for one in page.get("Versions", ()):
            version = {} if one["VersionId"] == "null" else {"VersionId": one["VersionId"]}
            content = client.get_object(Bucket=name, Key=one["Key"], **version)["Body"].read()
            texts = [content]
            if one["Key"].endswith(".parquet"):
                values = [value for column in pq.read_table(BytesIO(content)).columns for value in column.to_pylist()]
                texts += [value if isinstance(value, bytes) else str(value).encode() for value in values]
            found += [one["Key"]] if any(text in each.replace(b"quillonette", b"") for each in texts) else []
    return found


def refused(*words: str) -> str:
    """Why a command ends with 2."""
    with pytest.raises(CommandError) as ended:
        call_command(*words, stdout=StringIO())
    assert ended.value.returncode == 2
    return str(ended.value)


def archived() -> str:
    """What the command prints."""
    out = StringIO()
    call_command("signal_archive", "--all", stdout=out)
    return out.getvalue()


def test_the_life_of_an_archive_in_storage(storage, bucket, url, monkeypatch):
    """No version of an object has the person in the end; while the storage is away each command says so."""
    name = url.removeprefix("s3://").partition("/")[0]
    user = life_of()
    seal_all()
    number = SignalEvent.objects.count()
    storage.kill()
    assert refused("signal_archive", "--all").endswith(
        "storage or its catalog is down, or its address is wrong. Nothing is lost; run it again."
    )
    storage.start()
    assert archived().startswith(f"Archived {number} events in s3://{name}/log (1 file, ")
    assert_intact(tables=(url,))
    with monkeypatch.context() as days:
        now = clock.now
        days.setattr(clock, "now", lambda: now() + timedelta(days=10))
        call_command("signal_prune", "--keep-days", "5", "--archive", url, stdout=StringIO())
    assert SignalEvent.objects.count() < number
    archived()  # the file is replaced by one with more events
    assert everything(bucket, name, b"quillon@")
    redact("auth.User", user.key, "--reason", REASON, "--no-vacuum")
    assert not everything(bucket, name, b"quillon")
    assert_intact(tables=(url,))
    sql("UPDATE signal_log_sealtree SET origin = 'other.example/42/1'")
    assert refused("signal_archive").startswith(f"The archive s3://{name}/log is of another log, here/log; this one")
    storage.kill()
    words = ("signal_redact", "auth.User", user.key, "--reason", REASON, "--no-vacuum")
    assert "cannot be read" in refused(*words)
    storage.start()


def test_locked_files_are_named_until_they_can_go(storage, bucket, tmp_path, settings):
    """Each file has the bucket's retention; a redaction says what it could not remove until when; then it goes."""
    bucket.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}}
    bucket.put_object_lock_configuration(
        Bucket="locked", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    url = f"s3://locked/log?catalog=sqlite:///{tmp_path}/catalog.db&endpoint={storage.url}"
    settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "ARCHIVE": url}
    user = life_of()
    seal_all()
    archived()
    (key,) = everything(bucket, "locked", b"quillon@")
    until = bucket.head_object(Bucket="locked", Key=key)["ObjectLockRetainUntilDate"]
    assert until > datetime.now(UTC) + timedelta(days=2)
    out = StringIO()
    with pytest.raises(CommandError) as ended:
        call_command("signal_redact", "auth.User", user.key, "--reason", REASON, "--no-vacuum", stdout=out)
    assert ended.value.returncode == 1
    (told,) = [line for line in out.getvalue().splitlines() if line.startswith("Not reached: ")]
    assert told.startswith("Not reached: of the archive s3://locked/log, its storage has locked the bytes of ")
    assert told.endswith(" UTC: signal_archive removes them after that.")
    (part,) = open_archive(url, names_of_log()).parts()
    found = everything(bucket, "locked", b"quillon@")
    assert key in found
    assert part.path.removeprefix("s3://locked/") not in found
    assert_intact(tables=(url,))
    assert "Not removed: its storage has locked the bytes of " in archived()
    soon = datetime.now(UTC) + timedelta(seconds=5)
    for page in bucket.get_paginator("list_object_versions").paginate(Bucket="locked"):
        for one in page["Versions"]:
            bucket.put_object_retention(
                Bucket="locked", Key=one["Key"], VersionId=one["VersionId"], BypassGovernanceRetention=True,
                Retention={"Mode": "GOVERNANCE", "RetainUntilDate": soon},
            )  # fmt: skip
    storage.wait_until(lambda: "Not removed" not in archived(), SECONDS)
    assert not everything(bucket, "locked", b"quillon")
    assert_intact(tables=(url,))
