"""Writers and two sealers at once, one of which is killed again and again, leave an intact tree that is signed.

For a long run, of which one is killed every five seconds: `TORTURE_SECONDS=60 pytest
tests/torture/test_killed_sealers.py -o faulthandler_timeout=0`. `TORTURE_SEED` repeats a run, as far as timing allows.
"""

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.postgres import Postgres

pytestmark = pytest.mark.long
SECONDS = float(os.environ.get("TORTURE_SECONDS", "3"))
SEED = int(os.environ.get("TORTURE_SEED", random.randrange(1_000_000)))
ROOT = Path(__file__).resolve().parents[2]


def torture(url: str, key: Path) -> None:
    """Run it on this database, and see that enough was sealed for it to mean something."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture.sealers", str(SECONDS), str(SEED), str(key)],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        timeout=115 + 2 * SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"TORTURE_SEED={SEED}\n{done.stderr[-5000:]}"
    assert "Traceback" not in done.stderr, done.stderr[-5000:]
    events, checkpoints = map(int, re.findall(r"\d+", done.stdout))
    assert events > 100
    assert checkpoints > 12


def test_no_process_is_left_behind():
    """However it ends that forked them; those would keep its output open."""
    code = "from tests.torture.writers import forked as f, time as t; f(lambda: f(lambda: t.sleep(60)) and t.sleep(60))"
    killed = f"{code}; t.sleep(0.2); import os; os.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", killed], cwd=ROOT, capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (-9, b"")


def test_sqlite(tmp_path):
    """Where only the state of the tree elects a sealer."""
    torture(f"sqlite:///{tmp_path / 'log.sqlite3'}", tmp_path / "log.key")


def test_postgresql(tmp_path):
    """Where rows are committed out of order, and a killed sealer's lock goes with its session.

    The test has been seen to fail with the largest id taken for what is settled.
    """
    with Postgres() as server:
        torture(server.create_database("sealers"), tmp_path / "log.key")
