"""What `archive` runs, each in a process of its own: archiving a log, and comparing the archive with the tree."""

from __future__ import annotations

from os import sysconf
from pathlib import Path
from time import process_time
from typing import Any

import duckdb
from django.db import connection

from signal_log.audit.archiving import archive_into
from signal_log.models import SealTree, SignalEvent
from signal_log.seal.iceberg.opening import open_archive
from signal_log.seal.stored import names_of_log
from signal_log.seal.verify.allowed import Allowed
from signal_log.seal.verify.events import Seen
from signal_log.seal.verify.findings import Report
from signal_log.seal.verify.tables import Tables

SQL = Path(__file__).parents[2] / "docs" / "archive" / "duckdb.sql"
SPARK_SQL = SQL.with_name("spark.sql")
SPARK_RUNS = 4
"""The first compile what they run; the last is told."""


def archived(folder: str) -> dict[str, Any]:
    """Write everything; seconds of processor time, and bytes there and in the table with its indexes."""
    began = process_time()
    done = archive_into(folder, all_leaves=True, progress=lambda done, whole: None)
    return {
        "archiving": process_time() - began, "events": done.events, "bytes": sum(part.size for part in done.parts),
        "table": _table(),
    }  # fmt: skip


def compared(folder: str) -> dict[str, float]:
    """Compare every row with its leaf, as `signal_verify --archive` does, and by DuckDB on one thread."""
    archive = open_archive(folder, names_of_log())
    report = Report()
    began = process_time()
    Tables([archive], list(SealTree.objects.all()), (1, 1)).compare(Seen(), Allowed(), report)
    verifying = process_time() - began
    assert not report.findings, report.findings
    assert not report.unchecked, report.unchecked
    with duckdb.connect() as engine:
        engine.execute("SET threads = 1")
        files = archive.paths(archive.parts())
        engine.execute(f"CREATE VIEW archive AS FROM read_parquet({files!r}, hive_partitioning = false)")
        began = process_time()
        tiles = engine.sql(SQL.read_text()).fetchall()
    assert not sum(tile[3] for tile in tiles)
    return {"verifying": verifying, "duckdb": process_time() - began}


def by_spark(folder: str) -> dict[str, float]:
    """The roots by Spark on one worker thread, once it is warm: processor time of its whole Java process."""
    from pyspark.sql import SparkSession  # one of `make archive-engines`

    archive = open_archive(folder, names_of_log())
    options = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.sql.shuffle.partitions": "1"}
    session = SparkSession.builder.master("local[1]").config(map=options).getOrCreate()
    java = Path("/proc", str(session._jvm.java.lang.ProcessHandle.current().pid()), "stat")
    try:
        session.read.parquet(*archive.paths(archive.parts())).createOrReplaceTempView("archive")
        for _ in range(SPARK_RUNS):
            began = _ticks(java)
            tiles = session.sql(SPARK_SQL.read_text()).collect()
            taken = _ticks(java) - began
    finally:
        session.stop()
    assert not sum(tile[3] for tile in tiles)
    return {"spark": taken / sysconf("SC_CLK_TCK")}


def _ticks(stat: Path) -> int:
    """Of the processor, for a process and its threads, in the kernel and outside it."""
    return sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13]))


def _table() -> int:
    table = SignalEvent._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_total_relation_size(%s)", [table])
        else:
            named = "SELECT name FROM sqlite_master WHERE tbl_name = %s"
            cursor.execute(f"SELECT sum(pgsize) FROM dbstat WHERE name IN ({named})", [table])  # noqa: S608
        return int(cursor.fetchone()[0])
