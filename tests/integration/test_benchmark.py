"""The benchmarks run in miniature and their tables say what was measured; bytes are asserted, times are not."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from signal_log.models import SignalEvent
from tests.benchmarks import memory, peers, pieces, save_cost, size
from tests.benchmarks.process import measured

ROOT = Path(__file__).resolve().parents[2]
SAVES = 100


def bench(*arguments: str, module: str = "save_cost") -> subprocess.CompletedProcess[str]:
    """Run the benchmark as from the command line."""
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def database(pytestconfig: pytest.Config) -> str:
    """Return the kind of this run's database."""
    return str(pytestconfig.getoption("database"))


def test_every_scene_is_measured_in_every_way(database: str) -> None:
    """Each way has a time for each scene, and every save is counted in its own log; missing packages are reported."""
    done = bench("--rounds=1", f"--saves={SAVES}", f"--database={database}", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert list(result["times"]) == [database]
    scenes = result["times"][database]
    compared = {name for name in peers.installed() if name not in peers.POSTGRES_ONLY or database == "postgres"}
    assert len(scenes) == 4
    for scene in scenes.values():
        assert set(scene) == {"bare", "handwritten", "signal_log"} | compared
        assert all(len(times) == 1 and times[0] > 0 for times in scene.values())
    rows = {way: log["rows"] for way, log in result["logs"][database].items()}
    assert rows == {"handwritten": 1, "signal_log": 2} | dict.fromkeys(compared, 1)
    missing = set(peers.PEERS) - set(peers.installed())
    assert ("NOT MEASURED" in done.stderr) == bool(missing)
    assert all(peers.PEERS[name] in done.stderr for name in missing)


WAYS = {
    "bare": [100.0, 100.0, 1000.0],
    "handwritten": [150.0, 150.0, 1050.0],
    "signal_log": [200.0, 200.0, 1100.0],
}


def test_a_row_compares_round_by_round() -> None:
    """Rounds are compared one by one, so a slow round affects all sides and does not count as a cost of recording."""
    cells = save_cost.added_row("sqlite", "update, in atomic blocks of 100", WAYS).split(" | ")
    assert cells == [
        "| SQLite, update, in atomic blocks of 100",
        "100 (100 to 550)",
        "50 (50 to 50)",
        "not installed",
        "not installed",
        "PostgreSQL only",
        "100 (100 to 100) |",
    ]


@pytest.mark.parametrize(
    ("on", "scene", "hand_written", "simple_history", "pghistory"),
    [
        ("sqlite", "update, autocommit", "2.00 ≤ 2.0", "0.20 ≤ 0.25", "PostgreSQL only"),
        ("sqlite", "create, in atomic blocks of 100", "**2.00** > 1.5", "**0.20** > 0.15", "PostgreSQL only"),
        ("postgres", "update, autocommit", "**2.00** > 1.8", "0.20 ≤ 0.45", "4.00"),
        ("postgres", "create, in atomic blocks of 100", "**2.00** > 1.0", "0.20 ≤ 0.25", "**4.00** > 2.0"),
    ],
)
def test_ratios_stand_beside_their_goals(
    on: str, scene: str, hand_written: str, simple_history: str, pghistory: str
) -> None:
    """Each database and kind of block has its own goals, and ratios that miss theirs are bold."""
    ways = WAYS | {"simple_history": [600.0, 600.0, 1500.0], "auditlog": [90.0, 90.0, 990.0]}
    if on == "postgres":
        ways["pghistory"] = [125.0, 125.0, 1025.0]
    cells = save_cost.ratio_row(on, scene, ways).removesuffix(" |").split(" | ")
    assert cells[1:] == [hand_written, simple_history, "lost in noise", pghistory]


def test_an_event_held_until_commit_stays_small(database: str) -> None:
    """The goal is 2 KB; the margin is for other versions of Python and Django."""
    found = measured("tests.benchmarks.held", database, saves=memory.SAVES)
    assert set(found) == {"update", "create"}
    for kind, sizes in found.items():
        assert 200 < sizes["held"] < memory.GOAL * 1.25, kind
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
    ],
)
def test_a_wrong_argument_is_refused(argument: str, module: str) -> None:
    """A wrong argument is named before anything starts."""
    done = bench(argument, module=module)
    assert done.returncode == 2
    assert argument.partition("=")[0] in done.stderr


def test_everything_is_measured_by_one_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    """``make bench`` prints the tables of time, memory and size."""
    from tests.benchmarks import __main__ as everything

    options = argparse.Namespace(database="sqlite", rounds=1, saves=SAVES, events=2)
    monkeypatch.setattr(everything, "arguments", lambda: options)
    monkeypatch.setattr(save_cost, "measure", lambda _: {"sqlite": {"times": {"update, autocommit": WAYS}, "logs": {}}})
    monkeypatch.setattr(memory, "measure", lambda _: {"sqlite": {"update": {"held": 1500.0, "peak": 3000.0}}})
    sizes = {"events": 2, "table": "t", "parts": {"t": 600.0}, "packed": {"t": 500.0}, "columns": {"changes": 100.0}}
    monkeypatch.setattr(size, "measure", lambda *_: {"sqlite": sizes})
    everything.main()
    output = capsys.readouterr().out
    for line in (
        "| SQLite, update, autocommit | 2.00 ≤ 2.0 |",
        "| SQLite, update | 1,500 ≤ 2,048 | 3,000 |",
        "| **together** | 600 ≤ 700 |",
        "| `changes` | 100 |",
    ):
        assert line in output


@pytest.mark.one_database
def test_a_small_site_is_migrated_without_and_with_the_app() -> None:
    """Both contestants run a site of several migrations, and each run has a time."""
    done = bench("--apps=2", "--models=1", "--steps=2", "--rounds=1", "--json", module="migrate_cost")
    assert done.returncode == 0, done.stderr
    times = json.loads(done.stdout)
    assert list(times) == ["without the app", "with every model observed"]
    assert all(len(taken) == 1 and taken[0] > 0 for taken in times.values())
