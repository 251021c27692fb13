"""The benchmarks run in miniature and their tables say what was measured; bytes are asserted, times are not."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import psycopg
import pytest

from signal_log.models import SignalEvent
from tests.benchmarks import instructions, memory, peers, pieces, process, save_cost, size, telemetry, trips
from tests.benchmarks.difference import first_difference
from tests.benchmarks.process import measured

SAVES = 100


@pytest.fixture(autouse=True)
def _cheap_processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measurements run in forked processes, and on PostgreSQL in databases of the server that is there."""

    def popen(command: list[str], env: dict[str, str], **options: Any) -> Any:
        env = {name: value for name, value in env.items() if name != "PYTHONHASHSEED"} | {"PYTHONUNBUFFERED": "1"}
        return request.getfixturevalue("nursery").popen(command, env=env, **options)

    @contextmanager
    def address_of(database: str) -> Iterator[str]:
        if database == "sqlite":
            with on_sqlite(database) as address:
                yield address
        else:
            server = request.getfixturevalue("postgres_url").rpartition("/")[0]
            name = f"benchmark_{secrets.token_hex(4)}"
            with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
                connection.execute(f'CREATE DATABASE "{name}"')
            yield f"{server}/{name}"

    on_sqlite = process.address_of
    monkeypatch.setattr(process, "popen", popen)
    monkeypatch.setattr(process, "address_of", address_of)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """`bench("--rounds=1")` runs a benchmark as from the command line, and returns its output and its errors."""

    def run(*arguments: str, module: str = "save_cost") -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", [module, *arguments])
        import_module(f"tests.benchmarks.{module}").main()
        return capsys.readouterr()

    return run


@pytest.fixture
def database(pytestconfig: pytest.Config) -> str:
    """Return the kind of this run's database."""
    return str(pytestconfig.getoption("database"))


def test_every_scene_is_measured_in_every_way(bench: Any, database: str) -> None:
    """Each way has a time for each scene, and every save is counted in its own log; missing packages are reported."""
    printed, errors = bench("--rounds=1", f"--saves={SAVES}", f"--database={database}", "--json")
    result = json.loads(printed)
    assert list(result["times"]) == [database]
    scenes = result["times"][database]
    compared = {name for name in peers.installed() if name not in peers.POSTGRES_ONLY or database == "postgres"}
    assert len(scenes) == 4
    for scene in scenes.values():
        assert set(scene) == {"bare", "handwritten", "lean", "signal_log"} | compared
        assert all(len(times) == 1 and times[0] > 0 for times in scene.values())
    rows = {way: log["rows"] for way, log in result["logs"][database].items()}
    assert rows == {"handwritten": 1, "lean": 2, "signal_log": 2} | dict.fromkeys(compared, 1)
    missing = set(peers.PEERS) - set(peers.installed())
    assert ("NOT MEASURED" in errors) == bool(missing)
    assert all(peers.PEERS[name] in errors for name in missing)


WAYS = {
    "bare": [100.0, 100.0, 1000.0],
    "handwritten": [150.0, 150.0, 1050.0],
    "lean": [180.0, 180.0, 1080.0],
    "signal_log": [200.0, 200.0, 1100.0],
}


def test_a_row_compares_round_by_round() -> None:
    """Rounds are compared one by one, so a slow round affects all sides and does not count as a cost of recording."""
    cells = save_cost.added_row("sqlite", "update, in atomic blocks of 100", WAYS).split(" | ")
    assert cells == [
        "| SQLite, update, in atomic blocks of 100",
        "100 (100 to 550)",
        "50 (50 to 50)",
        "80 (80 to 80)",
        "not installed",
        "not installed",
        "PostgreSQL only",
        "100 (100 to 100) |",
    ]


@pytest.mark.parametrize(
    ("on", "scene", "hand_written", "simple_history"),
    [
        ("sqlite", "update, autocommit", "2.00 ≤ 3.2", "0.50 ≤ 0.65"),
        ("sqlite", "create, in atomic blocks of 100", "2.00 ≤ 3.2", "**0.50** > 0.4"),
        ("postgres", "update, autocommit", "**2.00** > 1.9", "0.50 ≤ 0.8"),
        ("postgres", "create, in atomic blocks of 100", "**2.00** > 0.7", "**0.50** > 0.25"),
    ],
)
def test_ratios_stand_beside_their_goals(on: str, scene: str, hand_written: str, simple_history: str) -> None:
    """Each database and kind of block has its own goals, and ratios that miss theirs are bold."""
    ways = WAYS | {"simple_history": [300.0, 300.0, 1200.0], "auditlog": [90.0, 90.0, 990.0]}
    if on == "postgres":
        ways["pghistory"] = [125.0, 125.0, 1025.0]
    cells = save_cost.ratio_row(on, scene, ways).removesuffix(" |").split(" | ")
    pghistory = "PostgreSQL only" if on == "sqlite" else "4.00"
    assert cells[1:] == [hand_written, "1.25 ≤ 1.35", simple_history, "lost in noise", pghistory]


def test_a_difference_between_the_lean_recorder_and_ours_is_found() -> None:
    """Every scene is measured only if both have written the same for the same saves."""
    ours = [{"signal": "pre_save", "changes": {"visits": [1, 2]}}, {"signal": "post_save", "changes": {}}]
    assert first_difference(ours, [dict(row) for row in ours]) == ""
    lean = [ours[0], {**ours[1], "changes": {"visits": [1, 2]}}]
    assert first_difference(ours, lean).startswith("Row 1, changes: ")
    assert first_difference(ours, ours[:1]) == "The lean recorder wrote 1 rows, ours 2."
    assert first_difference([], []) != ""


MOST_TRIPS = {
    "sqlite": {"update, autocommit": 9, "create, autocommit": 8, "update, block": 5.3, "create, block": 4.2},
    "postgres": {"update, autocommit": 2, "create, autocommit": 2, "update, block": 1.4, "create, block": 1.4},
}
"""Statements of a save on SQLite, messages on PostgreSQL; a hand-written log has 2, and in a block 2.2."""


def test_a_recorded_save_makes_few_trips(database: str) -> None:
    """Statements and messages are counted, not timed; nobody sends fewer than the lean recorder."""
    result = trips.measure((database,))
    scenes = result[database]
    assert len(scenes) == 4
    for scene, loggers in scenes.items():
        counted = {name: found["messages"] for name, found in loggers.items()}
        assert counted["bare"] == (1 if "autocommit" in scene else 1.2), scene
        assert (
            counted["lean"] <= counted["signal_log"] <= MOST_TRIPS[database][scene.replace("in a block of 10", "block")]
        )
    assert len(list(trips.report(result))) == 2 + len(scenes)


def test_telemetry_of_a_request_is_one_transaction(database: str) -> None:
    """What telemetry costs is measured, not asserted; but how it travels is: on PostgreSQL as one message."""
    result = telemetry.measure((database,), 1)
    found = result[database]
    assert {name: len(times) for name, times in found.items() if name != "request"} == {
        "call": 2,
        "lone": 3,
        "fixture": 2,
    }
    statements, messages = (a - b for a, b in zip(found["request"]["with"], found["request"]["without"], strict=True))
    assert 4 <= statements <= 10
    assert messages == (statements if database == "sqlite" else 1)
    assert len(list(telemetry.report(result))) == 2 + len(telemetry.ROWS)


def test_instructions_are_reported_as_what_is_added() -> None:
    """A bare save is subtracted before anything is compared."""
    counts = {"update, autocommit": {"bare": 900e3, "handwritten": 1100e3, "lean": 1500e3, "signal_log": 1650e3}}
    lines = list(instructions.report(counts))
    assert "| update, autocommit | 900 | 200 | 600 | 750 |" in lines
    assert "| update, autocommit | 3.75 | 1.25 | 3.00 |" in lines


def test_missing_valgrind_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Valgrind nothing is counted, and the command fails."""
    monkeypatch.setattr(instructions.shutil, "which", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["instructions"])
    with pytest.raises(SystemExit, match="NOT COUNTED: valgrind is not installed"):
        instructions.main()


def test_an_event_held_until_commit_stays_small(database: str) -> None:
    """The goal is 2 KB; a create meets it because its two events share what came true."""
    found = measured("tests.benchmarks.held", database, saves=150)
    assert set(found) == {"update", "create"}
    for kind, sizes in found.items():
        assert 200 < sizes["held"] < memory.GOAL, kind
        assert sizes["held"] < sizes["peak"] < memory.GOAL * 2.5, kind


def test_the_size_of_an_event_is_broken_down_by_column(database: str) -> None:
    """The columns and their overhead add up to the table; all tables and indexes add up to the log."""
    result = size.measure((database,), 200)
    parts, columns = result[database]["parts"], result[database]["columns"]
    assert sum(columns.values()) < parts["signal_log_signalevent"]
    assert {"signal_log_logidentity", *(index.name for index in SignalEvent._meta.indexes)} < set(parts)
    assert sum(columns.values()) < size.GOAL * 0.85  # the rest is left for row headers and indexes
    for name in ("actor_pk", "actor_repr", "path", "remote_addr"):
        assert columns[name] > 1, f"{name} is not in the log"
    assert columns["request_id"] > 32
    lines = "\n".join(size.report(result))
    assert "| **together** |" in lines
    assert all(part in lines for part in (*parts, *columns))


def test_each_piece_of_a_save_is_timed(database: str) -> None:
    """Every piece on this database is timed once, the log's own way included."""
    result = pieces.measure((database,), 1)
    assert len(result[database]) >= 7
    assert all(taken > 0 for taken in result[database].values())
    assert len(list(pieces.report(result))) == 2 + len(result[database])


@pytest.mark.parametrize(
    ("argument", "module"),
    [
        ("--rounds=0", "save_cost"),
        ("--saves=150", "save_cost"),
        ("--saves=0", "__main__"),
        ("--database=oracle", "memory"),
        ("--events=3", "size"),
        ("--repeats=0", "pieces"),
        ("--saves=99", "instructions"),
        ("--database=oracle", "trips"),
        ("--rounds=0", "telemetry"),
    ],
)
def test_a_wrong_argument_is_refused(
    argument: str, module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """A wrong argument is named before anything starts."""
    monkeypatch.setattr(sys, "argv", [module, argument])
    with pytest.raises(SystemExit) as refused:
        import_module(f"tests.benchmarks.{module}").main()
    assert refused.value.code == 2
    assert argument.partition("=")[0] in capsys.readouterr().err


def test_everything_is_measured_by_one_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    """``make bench`` prints the tables of time, trips, instructions, telemetry, memory and size."""
    from tests.benchmarks import __main__ as everything

    options = argparse.Namespace(database="sqlite", rounds=1, saves=SAVES, events=2, clock="wall")
    monkeypatch.setattr(everything, "arguments", lambda: options)
    monkeypatch.setattr(save_cost, "measure", lambda _: {"sqlite": {"times": {"update, autocommit": WAYS}, "logs": {}}})
    counts = {"update, autocommit": {"bare": 900e3, "handwritten": 1100e3, "lean": 1500e3, "signal_log": 1650e3}}
    monkeypatch.setattr(instructions, "can_count", lambda: True)
    monkeypatch.setattr(instructions, "count", lambda _: counts)
    sent = {"statements": 7, "messages": 7}
    monkeypatch.setattr(trips, "measure", lambda _: {"sqlite": {"update": dict.fromkeys(trips.COMPARED, sent)}})
    alone, recorded = [1.0], [4.0]
    costs = {
        "call": {"without": alone, "with": recorded},
        "lone": {"without": alone, "with": recorded, "with, again": recorded},
        "fixture": {"bare": alone, "signal_log": recorded},
        "request": {"times": {"without": alone, "with": recorded}, "without": [2, 2], "with": [9, 3]},
    }
    monkeypatch.setattr(telemetry, "measure", lambda *_: {"sqlite": costs})
    monkeypatch.setattr(memory, "measure", lambda _: {"sqlite": {"update": {"held": 1500.0, "peak": 3000.0}}})
    sizes = {"events": 2, "table": "t", "parts": {"t": 600.0}, "packed": {"t": 500.0}, "columns": {"changes": 100.0}}
    monkeypatch.setattr(size, "measure", lambda *_: {"sqlite": sizes})
    everything.main()
    output = capsys.readouterr().out
    for line in (
        "| SQLite, update, autocommit | 2.00 ≤ 3.2 |",
        "| SQLite, update | 7 | 7 | 7 | 7 |",
        "| update, autocommit | 3.75 | 1.25 | 3.00 |",
        "| a receiver's call, µs | 3.0 ≤ 3.0 |",
        "| a request with two events, µs, statements in messages | 3, 7 in 1 |",
        "| `loaddata` of 700 rows, times what it takes without the app | **4.00** > 1.2 |",
        "| SQLite, update | 1,500 ≤ 2,048 | 3,000 |",
        "| **together** | 600 ≤ 700 |",
        "| `changes` | 100 |",
    ):
        assert line in output


@pytest.mark.one_database
def test_a_small_site_is_migrated_without_and_with_the_app(bench: Any) -> None:
    """Both contestants run a site of several migrations, and each run has a time."""
    printed, _ = bench("--apps=2", "--models=1", "--steps=2", "--rounds=1", "--json", module="migrate_cost")
    times = json.loads(printed)
    assert list(times) == ["without the app", "with every model observed"]
    assert all(len(taken) == 1 and taken[0] > 0 for taken in times.values())
