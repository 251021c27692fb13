"""The wheel as it would be published, built once."""

import fcntl
import os
from pathlib import Path

import pytest

from tests.newcomer import build_wheel


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A newly built wheel, the same for all workers of a run."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    target = shared / "wheel"
    with (shared / "wheel.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first worker builds, the others wait
        if not target.exists():
            return build_wheel(target)
    (built,) = target.glob("signal_log-*.whl")
    return built
