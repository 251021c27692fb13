"""Whatever is changed in an archive is found, as the prune's event names what it has written."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from signal_log import clock
from signal_log.seal import archive
from signal_log.seal.canonical import canonical
from signal_log.seal.merkle import leaf_hash
from signal_log.seal.ranges import Ranges
from tests.integration.verified import log_in, said

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def folder(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive of 600 events in one file, all that was sealed."""
    log_in(tmp_path, settings)
    with monkeypatch.context() as then:
        then.setattr(clock, "now", lambda: datetime(2999, 1, 1, tzinfo=UTC))
        call_command("signal_prune", before="2998-01-01", archive=str(tmp_path / "archive"), stdout=StringIO())
    return tmp_path / "archive"


def rewrite(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change lines, and make the manifest fit."""
    (manifest,) = archive.manifests(folder)
    path = folder / manifest.file
    lines = [json.loads(text) for text in gzip.decompress(path.read_bytes()).splitlines()]
    lines = [change(line) or line for line in lines]
    path.write_bytes(gzip.compress(b"".join(canonical(line) + b"\n" for line in lines)))
    ids = Ranges.of(line["id"] for line in lines if "id" in line)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / manifest.name).write_bytes(replace(manifest, sha256=sha256, ids=str(ids), events=ids.count).content)


def bare(line: dict[str, Any]) -> dict[str, Any] | None:
    """A line without its event."""
    leaf = leaf_hash(bytes.fromhex(line["digest"])).hex()
    return {"index": line["index"], "leaf": leaf} if 50 <= line["index"] <= 52 else None


def test_what_no_archive_holds_is_not_checked(folder: Path, tmp_path: Path) -> None:
    """Events that were pruned, and of which the archive has lost its file, or has the leaf alone."""
    assert said(archive=[folder])[0] == 0
    good = tmp_path / "good"
    shutil.copytree(folder, good)
    rewrite(folder, bare)
    code, told = said(archive=[folder])
    assert (code, [one["kind"] for one in told["findings"]]) == (1, ["archive"])
    assert told["not_checked"] == ["3 pruned events are in none of the archives given: g1:50-52."]
    assert said(archive=[folder, good])[1]["not_checked"] == []
    for path in folder.iterdir():
        if path.suffix == ".gz":
            path.unlink()
    code, told = said(archive=[folder])
    assert (code, told["findings"][0]["kind"]) == (1, "archive")  # its manifest was changed
    (folder / "g1-0-599.json").write_bytes((good / "g1-0-599.json").read_bytes())
    code, told = said(archive=[folder])
    assert (code, told["findings"], len(told["not_checked"])) == (2, [], 2)


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (lambda line: line.update(id=line["id"] + 1000) if line["index"] < 9 else None, ["modified"]),
        (lambda line: line.update(redacted_at="2020-01-01T00:00:00.000000Z") if line["index"] == 9 else None,
         ["archive", "redacted"]),
        (lambda line: None, ["archive"]),
    ],
)  # fmt: skip
def test_lines_with_a_manifest_that_fits(folder: Path, change: Any, kinds: list[str]) -> None:
    """Other ids, another time, the same compressed otherwise."""
    rewrite(folder, change)
    code, told = said(archive=[folder])
    assert (code, [one["kind"] for one in told["findings"]]) == (1, kinds)


def test_a_manifest_that_says_something_else(folder: Path) -> None:
    """When it was made is in no line; a file that nobody tells of proves nothing."""
    (manifest,) = archive.manifests(folder)
    (folder / manifest.name).write_bytes(replace(manifest, made_at="1999-01-01T00:00:00.000000Z").content)
    assert [one["kind"] for one in said(archive=[folder])[1]["findings"]] == ["archive"]
    other = replace(manifest, file="g1-0-599-2.1.jsonl.gz")
    (folder / manifest.name).write_bytes(manifest.content)
    (folder / other.name).write_bytes(other.content)
    shutil.copy(folder / manifest.file, folder / other.file)
    code, told = said(archive=[folder])
    assert (code, told["findings"]) == (2, [])
    assert "No event of a prune names" in told["not_checked"][0]
