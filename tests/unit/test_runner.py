"""`make test` cannot lie: tests that hang, die or never run are failures, and unsteady tests are named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.testing.lanes import run_in_lanes
from scripts.testing.node import NodeTests
from scripts.testing.parts import node
from scripts.testing.running import Command, Together, run_part
from tests.servers.plugin import let_children_be_interrupted

# Only xdist is loaded, so that a run takes half a second.
CONFIGURATION = """
[pytest]
addopts = -p xdist
faulthandler_timeout = 1
faulthandler_exit_on_timeout = true
"""
# One part, `toy`, is run through the runner itself.
PROGRAM = """
from pathlib import Path
from scripts.test import main
from scripts.testing.running import Tests
main({chosen!r}, {{"toy": [Tests(("toy",), spread={spread!r})]}}, Path.cwd())
"""
PASSES = "def test_passes(): pass\n"
FAILS = "def test_fails(): assert False\n"
FLAKY = """
from pathlib import Path
def test_flaky():
    before = Path("ran before").exists()
    Path("ran before").touch()
    assert before
"""
HANGS = "import time\ndef test_hangs(): time.sleep(60)\n"
HANGS_ONCE = """
import time
from pathlib import Path
def test_hangs_once():
    if not Path("hung before").exists():
        Path("hung before").touch()
        time.sleep(60)
"""
DIES_ONCE = """
import os
from pathlib import Path
def test_dies_once():
    if not Path("died before").exists():
        Path("died before").touch()
        os._exit({code})
"""
CRASHES = "import os, signal\ndef test_crashes(): os.kill(os.getpid(), signal.SIGSEGV)\n"
ONE_PROCESS, TWO_PROCESSES = (), ("-n", "2")
everywhere = pytest.mark.parametrize("spread", [ONE_PROCESS, TWO_PROCESSES], ids=["alone", "xdist"])


@dataclass
class Run:
    """The result of one call of the runner."""

    code: int
    out: str
    err: str

    @property
    def summary(self) -> str:
        """Return the lines printed after pytest had ended."""
        return self.out.rpartition("\npart ")[2]

    @property
    def runs(self) -> int:
        """Return how often pytest was called."""
        return self.out.count("\n--- ")


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    """Return a function that writes a toy suite, one file per argument, and runs it."""
    (tmp_path / "pytest.ini").write_text(CONFIGURATION)
    (tmp_path / "toy").mkdir()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_"))}

    def run_toys(*files: str, spread: tuple[str, ...] = ONE_PROCESS, chosen: tuple[str, ...] = (), **env: str) -> Run:
        for number, text in enumerate(files):
            (tmp_path / "toy" / f"test_{number}.py").write_text(text)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(spread=spread, chosen=list(chosen))],
            cwd=tmp_path,
            env=inherited | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "STRICT": "0"} | env,
            capture_output=True,
            text=True,
            check=False,
        )
        return Run(done.returncode, done.stdout, done.stderr)

    return run_toys


@everywhere
def test_a_suite_that_passes_is_green(run, spread):
    """A passing suite is one pytest call; the output holds pytest's last line, the part and the slowest tests."""
    done = run(PASSES, spread=spread)
    assert (done.code, done.runs) == (0, 1)
    assert "1 passed in " in done.out
    assert "toy         passed" in done.summary
    assert "toy/test_0.py::test_passes" in done.summary.partition("The slowest tests")[2]


@everywhere
def test_a_flaky_test_is_green_and_named(run, spread):
    """A flaky test is run once more by itself and named in the summary."""
    done = run(PASSES, FLAKY, spread=spread)
    assert (done.code, done.runs) == (0, 2)
    assert "toy         unsteady" in done.summary
    assert "toy/test_1.py::test_flaky" in done.summary.partition("Unsteady")[2]


def test_strict_makes_a_flaky_test_red(run):
    """`STRICT=1`, used for releases, fails the run for a flaky test."""
    done = run(FLAKY, STRICT="1")
    assert done.code == 1
    assert "toy/test_0.py::test_flaky" in done.summary.partition("Unsteady")[2]
    assert "Failed: toy" in done.err


def test_a_test_that_fails_twice_is_red_and_named(run):
    """A test that fails twice is named as failed, and a flaky one beside it is not."""
    done = run(FAILS, FLAKY)
    assert (done.code, done.runs) == (1, 2)
    assert "toy/test_0.py::test_fails" in done.summary.partition("Failed:")[2]
    assert "test_flaky" not in done.summary.partition("Failed:")[2]


@everywhere
@pytest.mark.parametrize(
    ("suite", "test"),
    [
        (HANGS, "test_hangs"),
        (HANGS_ONCE, "test_hangs_once"),
        (DIES_ONCE.format(code=0), "test_dies_once"),
        (DIES_ONCE.format(code=1), "test_dies_once"),
    ],
    ids=["hangs", "hangs once", "dies once with 0", "dies once with 1"],
)
def test_a_hang_or_a_dead_process_is_red_and_named_and_not_run_again(run, spread, suite, test):
    """A hang or a dead process is never run again, whatever a second run would do and whatever else passes."""
    done = run(PASSES, suite, FLAKY, spread=spread)
    assert (done.code, done.runs) == (1, 1)
    assert f"toy/test_1.py::{test}" in done.summary.partition("Failed:")[2]


@everywhere
@pytest.mark.parametrize(("suite", "frame"), [(HANGS, "in test_hangs"), (CRASHES, "in test_crashes")])
def test_where_a_process_hung_or_crashed_is_told_at_the_end(run, spread, suite, frame):
    """Its stack is far above the summary otherwise, and a log that is cut has lost it."""
    done = run(PASSES, suite, spread=spread)
    assert frame in done.summary.partition("Failed:")[2]
    assert frame in done.err


def test_an_earlier_runs_list_of_failures_is_ignored(run):
    """If the process dies before writing its list, the failures of an earlier run are not run in its place."""
    assert run(FAILS).code == 1
    done = run(PASSES, DIES_ONCE.format(code=1))
    assert (done.code, done.runs) == (1, 1)


def test_six_failures_are_not_run_again(run):
    """Six failures are too many to be chance, so they are not run again."""
    five = "\n".join(FAILS.replace("fails", f"fails_{number}") for number in range(5))
    assert run(five).runs == 2
    assert run(five, FAILS).runs == 1


@pytest.mark.parametrize(
    ("suite", "message"),
    [
        ("", "no test ran"),
        ("import no_such_module", "pytest ended with 2"),
        ("import pytest\ndef test_one(): pytest.exit('enough', 0)\n", "never ended: toy/test_0.py::test_one"),
        ("import pytest\ndef test_one(): pytest.skip('no browser')\n", "expected to fail: toy/test_0.py::test_one"),
        ("import pytest\ndef test_one(): pytest.xfail('no browser')\n", "expected to fail: toy/test_0.py::test_one"),
    ],
    ids=["empty", "not importable", "left early", "skipped", "expected to fail"],
)
def test_a_part_that_did_not_run_is_red(run, suite, message):
    """No tests, an import error, an interrupted run or a skipped test fails the run, and nothing is run again."""
    done = run(suite)
    assert (done.code, done.runs) == (1, 1)
    assert message in done.summary


@everywhere
def test_a_test_that_never_ran_is_red_and_named(run, tmp_path, spread):
    """If a plugin ends the run early, the tests that had no turn are named as failures."""
    (tmp_path / "conftest.py").write_text(
        "def pytest_runtest_protocol(item):\n    return 'test_1' in item.nodeid or None\n"
    )
    done = run(PASSES, PASSES, spread=spread)
    assert (done.code, done.runs) == (1, 1)
    assert "never ran: toy/test_1.py::test_passes" in done.summary.partition("Failed:")[2]


def test_pytest_that_breaks_at_its_end_is_red(run, tmp_path):
    """A pytest that breaks at its end is red, although its exit code is the one for failed tests."""
    (tmp_path / "conftest.py").write_text("def pytest_unconfigure(): raise OSError\n")
    done = run(FLAKY)
    assert (done.code, done.runs) == (1, 1)
    assert "broke at its end: OSError" in done.summary


@everywhere
def test_a_module_that_skips_itself_is_red(run, spread):
    """The tests of a module that is skipped while it is imported are never collected, so the module is named."""
    done = run(PASSES, "import pytest\npytest.importorskip('no_such_module')\n" + FAILS, spread=spread)
    assert done.code == 1
    assert "skipped as a whole: toy/test_1.py" in done.summary.partition("Failed:")[2]


@pytest.mark.parametrize("hook", ["sessionfinish", "unconfigure"])
def test_a_worker_that_breaks_at_its_end_is_red(run, tmp_path, hook):
    """Xdist drops what is raised at the end of a worker; the worker's own record keeps it."""
    (tmp_path / "conftest.py").write_text(f"""
import os
def pytest_{hook}():
    if "PYTEST_XDIST_WORKER" in os.environ: raise RuntimeError("leftover processes")
""")
    done = run(PASSES, spread=TWO_PROCESSES)
    assert done.code == 1
    assert "broke at its end: RuntimeError: leftover processes" in done.summary.partition("Failed:")[2]


@everywhere
def test_a_warning_after_the_last_test_is_red(run, tmp_path, spread):
    """An object that raises when it is collected late fails the run where warnings are errors, and is told with why."""
    configuration = (tmp_path / "pytest.ini").read_text()
    (tmp_path / "pytest.ini").write_text(configuration + "filterwarnings = error\n")
    late = """
import gc
class Late:
    def __del__(self): raise RuntimeError("too late")
def test_passes():
    gc.disable()
    late = Late()
    late.itself = late
"""
    done = run(late, spread=spread)
    assert done.code == 1
    assert "from RuntimeError: too late" in done.summary.partition("Failed:")[2]


def test_a_worker_that_is_interrupted_while_it_ends_goes_on(run, tmp_path):
    """Execnet does that after five seconds, however busy the machine."""
    (tmp_path / "conftest.py").write_text("""
import os, signal
def pytest_unconfigure():
    if "PYTEST_XDIST_WORKER" in os.environ: os.kill(os.getpid(), signal.SIGINT)
""")
    assert run(PASSES, spread=TWO_PROCESSES).code == 0


def test_options_from_the_environment_leave_out_no_test(run):
    """PYTEST_ADDOPTS is for a developer's own calls of pytest."""
    done = run(PASSES, FAILS, PYTEST_ADDOPTS="-k passes")
    assert done.code == 1
    assert "toy/test_1.py::test_fails" in done.summary.partition("Failed:")[2]


def test_a_part_named_twice_counts_twice(run):
    """Whoever repeats a part to find an unsteady test sees each of its runs."""
    done = run(
        FAILS.replace(
            "assert False",
            "import pathlib; p = pathlib.Path('n'); n = len(p.read_text()) if "
            "p.exists() else 0; p.write_text('x' * (n + 1)); assert n > 1",
        ),
        chosen=["toy", "toy"],
    )
    assert done.code == 1
    assert "toy         FAILED" in done.summary
    assert "toy 2       passed" in done.summary


def test_a_program_that_is_missing_is_red_and_the_others_run(tmp_path, capfd):
    """A missing program is a failure, and the part's other commands still run."""
    result = run_part("toy", [Command(("no-such-linter",)), Command(("echo", "another linter"))], tmp_path)
    assert not result.passed
    assert result.faults == ["no-such-linter ended with 127"]
    assert "\nanother linter\n" in capfd.readouterr().out


def test_programs_run_together_and_what_each_printed_stands_below_it(tmp_path, capfd):
    """Each of these ends only when the other has begun; one that fails or is missing fails the part."""
    met = "touch {}; until test -e {}; do sleep 0.01; done; echo {}; exit {}"
    first, second = (Command(("sh", "-c", met.format(*words))) for words in (("a", "b", "A", 0), ("b", "a", "B", 3)))
    result = run_part("toy", [Together((first, second, Command(("no-such-linter",))))], tmp_path)
    assert [fault.rpartition(" ended ")[2] for fault in result.faults] == ["with 3", "with 127"]
    printed = capfd.readouterr().out.split("\n--- toy: ")[1:]
    assert sorted(text.splitlines()[-1] for text in printed) == [
        "A", "B", "[Errno 2] No such file or directory: 'no-such-linter'",
    ]  # fmt: skip
    assert all(text.startswith(("sh -c", "no-such-linter\n")) for text in printed)


def test_a_part_that_waits_runs_beside_the_others_and_prints_at_its_end(tmp_path, capfd):
    """Each of these ends only when the other has begun; the results stand in the order in which they were asked for."""
    met = "touch {}; until test -e {}; do sleep 0.01; done; echo {}; exit {}"
    known = {name: [Command(("sh", "-c", met.format(*words)))] for name, words in (
        ("browser", ("a", "b", "A", 3)), ("lint", ("b", "a", "B", 0)),
    )}  # fmt: skip
    results = run_in_lanes({"browser": "browser", "lint": "lint", "lint 2": "lint"}, known, tmp_path)
    assert [(title, result.passed) for title, result in results.items()] == [
        ("browser", False), ("lint", True), ("lint 2", True),
    ]  # fmt: skip
    printed = capfd.readouterr().out.partition("\n--- browser: sh -c ")[2]
    assert printed.splitlines()[1] == "A"


def test_a_part_that_waits_prints_as_it_runs_where_it_is_alone(tmp_path, capfd):
    """Whoever runs the browser's tests alone watches them."""
    shown = (sys.executable, "-c", "import os; print(os.fstat(1).st_ino)")
    run_in_lanes({"browser": "browser"}, {"browser": [Command(shown)]}, tmp_path)
    assert capfd.readouterr().out.splitlines()[-1] == str(os.fstat(1).st_ino)


def test_an_unknown_part_is_refused():
    """An unknown part is refused with a list of the known ones."""
    call = [sys.executable, "scripts/test.py", "sqllite"]
    done = subprocess.run(call, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "There is no part 'sqllite'; there are: lint, javascript, sqlite" in done.stderr


def test_a_run_that_ignores_interrupts_starts_processes_that_do_not():
    """`make test &` in a script ignores SIGINT, which child processes inherit; tests send SIGINT to theirs."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        let_children_be_interrupted()
        with subprocess.Popen(["sleep", "60"]) as child:
            os.kill(os.getpid(), signal.SIGINT)
            child.send_signal(signal.SIGINT)
            assert child.wait(10) == -signal.SIGINT
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("test('one', { skip: true }, () => {});", "skipped, or expected to fail: one"),
        ("test('one', { todo: true }, () => { throw new Error(); });", "skipped, or expected to fail: one"),
        ("", "no test in "),
        ("test('one', () => { throw new Error(); });", "ended with 1"),
        ("test('one', () => {});", ""),
    ],
    ids=["skipped", "to do", "empty", "fails", "passes"],
)
def test_node_s_exit_code_is_not_enough(tmp_path, text, message):
    """Skipped JavaScript tests and files without a test are red."""
    file = tmp_path / "one.test.mjs"
    file.write_text(f'import test from "node:test";\n{text}\n' if text else "")
    faults = NodeTests(node(), (str(file),)).run("javascript", tmp_path).faults
    assert [message in fault for fault in faults] == ([True] if message else [])
