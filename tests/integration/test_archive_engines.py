"""The archive's bytes give the tree's hashes in engines that nobody here wrote: DuckDB; Spark and ClickHouse if asked.

``make archive-engines`` runs all three; Spark needs a Java from 17 on, and ClickHouse is half a gigabyte.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import duckdb
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from signal_log.models import SealTree
from signal_log.seal.iceberg.opening import open_archive
from signal_log.seal.stored import hashes_of, names_of_log
from tests.integration.redacting import REASON
from tests.integration.redacting import run as redact
from tests.integration.redacting import sealed as seal_all
from tests.sealed import write_events

pytestmark = pytest.mark.django_db

SQL = Path(__file__).parents[2] / "docs" / "archive"
Answer = list[tuple[int, int, str, int]]


def by_duckdb(files: list[str]) -> Answer:
    with duckdb.connect() as connection:
        connection.sql(f"CREATE VIEW archive AS FROM read_parquet({files!r}, hive_partitioning = false)")
        return connection.sql((SQL / "duckdb.sql").read_text()).fetchall()


def by_spark(files: list[str]) -> Answer:
    from pyspark.sql import SparkSession

    options = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.sql.shuffle.partitions": "2"}
    session = SparkSession.builder.master("local[2]").config(map=options).getOrCreate()
    try:
        session.read.parquet(*files).createOrReplaceTempView("archive")
        return [tuple(row) for row in session.sql((SQL / "spark.sql").read_text()).collect()]
    finally:
        session.stop()


def by_clickhouse(files: list[str]) -> Answer:
    from chdb.session import Session

    with Session() as session:
        session.query("CREATE DATABASE log")
        (file,) = files
        session.query(f"CREATE VIEW log.archive AS SELECT * FROM file('{file}', 'Parquet')")  # noqa: S608
        session.query("USE log")
        rows = json.loads(session.query((SQL / "clickhouse.sql").read_text(), "JSONCompact").bytes())["data"]
    return [(generation, int(tile), root, int(altered)) for generation, tile, root, altered in rows]


ENGINES: dict[str, Callable[[list[str]], Answer]] = {
    "duckdb": by_duckdb, "spark": by_spark, "clickhouse": by_clickhouse,
}  # fmt: skip
ASKED = os.environ.get("ARCHIVE_ENGINES", "duckdb").split()


@pytest.mark.parametrize("engine", ASKED)
def test_an_engine_finds_the_roots_of_the_tree_and_what_was_altered(engine, tmp_path):
    """Of events as they were, redacted ones, and leaves without an event; of a changed row it names the tile."""
    user = User.objects.create_user("quillon", "quillon@mail.example")
    user.first_name = "Zoë"
    user.save()
    key = str(user.pk)
    user.delete()
    write_events(600)
    seal_all()
    redact("auth.User", key, "--reason", REASON, "--no-vacuum")
    folder = tmp_path / "archive"
    call_command("signal_archive", str(folder), "--all", stdout=StringIO())
    archive = open_archive(str(folder), names_of_log())
    (part,) = archive.parts()
    tree = SealTree.objects.get()
    above = hashes_of(tree.tiles.get(level=1).hashes)
    expected = [(1, number, above[number].hex(), 0) for number in range(part.rows // 256)]
    assert len(expected) >= 2
    assert ENGINES[engine](archive.paths([part])) == expected
    lines = list(archive.lines(part))
    assert any(line.event["kept_hashes"] for line in lines)
    changed = lines[300].event | {"object_repr": "eve"}
    lines[300] = type(lines[300])(300, lines[300].leaf, lines[300].id, changed)
    lines[5] = type(lines[5])(5, lines[5].leaf)
    part = archive.put(1, lines, replaces=True)
    first, second, *_ = ENGINES[engine](archive.paths([part]))
    assert first == expected[0]
    assert second[2] != expected[1][2]
    assert second[3] == 1
