"""Runs every check and every test of the project, one part after the other, and says at the end what failed.

A part that cannot run (no browser, no PostgreSQL) fails; nothing is skipped because something is missing.
Tests that fail are run once more by themselves: who passes then is no reason to stop a release, but is named at the
end as unsteady, for something waits there for less long than a busy machine may take.
`python scripts/test.py lint sqlite` runs only the named parts.
"""

import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PYTHON = sys.executable
PYTEST = [PYTHON, "-m", "pytest", "-q"]
PARALLEL = ["-n", "auto"]
ONCE_MORE = ["--last-failed", "--last-failed-no-failures", "none"]
PASSED, UNSTEADY, FAILED = "passed", "unsteady", "FAILED"
# Parts with a call of their own; `sqlite` runs all the others.
OWN_CALL = ("browser", "topology", "torture", "benchmarks", "servers", "js")
# Parts that come with the issues that need them.
PART_FILES = {"javascript": "js/*.test.*js", "torture": "torture/test_*.py"}

PRODUCTION = {
    "SECRET_KEY": secrets.token_urlsafe(50),
    "ALLOWED_HOSTS": "observatory.example.org",
    "DEBUG": "0",
    "EMAIL_URL": "smtp://mail.example.org",
}


def parts() -> dict[str, list[list[str]]]:
    """Every part by name, as the commands it runs."""
    manage = [PYTHON, "manage.py"]
    fast = [f"tests/{path.name}" for path in sorted((ROOT / "tests").iterdir()) if is_fast(path)]
    return {
        "lint": [
            [str(BIN / "ruff"), "check"],
            [str(BIN / "ruff"), "format", "--check"],
            [str(BIN / "lint-imports")],
            [str(BIN / "mypy")],
            [node(), "node_modules/@biomejs/biome/bin/biome", "ci"],
            [str(BIN / "djhtml"), "--tabwidth", "2", "--check", "signal_log/templates", "templates"],
            [str(BIN / "djade"), "--target-version", "5.2", "--check", *templates()],
        ],
        "django": [
            [*manage, "check", "--deploy", "--fail-level", "WARNING"],
            [*manage, "makemigrations", "--check", "--dry-run"],
        ],
        "javascript": [[node(), "--test", "--test-reporter=spec", *map(str, sorted(ROOT.glob("tests/js/*.test.*js")))]],
        "sqlite": [[*PYTEST, *PARALLEL, *fast]],
        "postgres": [[*PYTEST, *PARALLEL, "--database", "postgres", "tests/integration"]],
        # Playwright's synchronous interface and asyncio tests do not live in one process.
        "browser": [[*PYTEST, "tests/browser"]],
        "topology": [[*PYTEST, "tests/topology"]],
        "torture": [[*PYTEST, "tests/torture"]],
    }


def is_fast(path: Path) -> bool:
    """Whether this entry of tests/ belongs to the parallel call on SQLite."""
    if path.is_dir():
        return path.name not in OWN_CALL and any(path.rglob("test_*.py"))
    return path.name.startswith("test_")


def node() -> str:
    """The machine's Node.js, or the one in the virtual environment."""
    return shutil.which("node") or str(BIN / "node")


def templates() -> list[str]:
    """Every template that is HTML."""
    return [
        str(path)
        for folder in ("signal_log/templates", "templates")
        for path in sorted((ROOT / folder).rglob("*.html"))
    ]


def run(name: str, commands: list[list[str]]) -> str:
    """Run the commands of one part, all of them, output as it comes; how it went."""
    results = {PASSED}
    for command in commands:
        if succeeds(name, command):
            continue
        again = command[: len(PYTEST)] == PYTEST and succeeds(f"{name}, what failed once more", [*command, *ONCE_MORE])
        results.add(UNSTEADY if again else FAILED)
    return next(result for result in (FAILED, UNSTEADY, PASSED) if result in results)


def succeeds(title: str, command: list[str]) -> bool:
    """Run one command in the project's folder."""
    shown = " ".join(part.replace(f"{BIN}{os.sep}", "").replace(f"{ROOT}{os.sep}", "") for part in command)
    print(f"\n--- {title}: {shown}", flush=True)
    # The production settings are what the linters load and Django checks; pytest sets its own.
    return subprocess.run(command, cwd=ROOT, env=os.environ | PRODUCTION, check=False).returncode == 0


def main() -> None:
    """Run the parts named as arguments, or all; exit with 1 when one failed."""
    known = parts()
    chosen = sys.argv[1:] or [name for name in known if wanted(name)]
    for unknown in set(chosen) - set(known):
        sys.exit(f"There is no part {unknown!r}; there are: {', '.join(known)}.")
    results = []
    for name in chosen:
        started = time.monotonic()
        results.append((name, run(name, known[name]), time.monotonic() - started))
    print(f"\n{'part':12}result    seconds")
    for name, result, seconds in results:
        print(f"{name:12}{result:9}{seconds:8.1f}")
    unsteady = [name for name, result, _ in results if result == UNSTEADY]
    if unsteady:
        print(
            f"\nUnsteady: {', '.join(unsteady)}. A test failed, and passed when run again: there is something to mend."
        )
    failed = [name for name, result, _ in results if result == FAILED]
    if failed:
        sys.exit(f"\nFailed: {', '.join(failed)}. Again with:  make test PARTS='{' '.join(failed)}'")


def wanted(name: str) -> bool:
    """Whether the part has anything to run in this state of the project."""
    return name not in PART_FILES or any((ROOT / "tests").glob(PART_FILES[name]))


if __name__ == "__main__":
    main()
