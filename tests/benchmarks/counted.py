"""Runs saves in forks of one process under Valgrind, each of which leaves its own number of instructions."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from typing import Any

from django.db import connections

from signal_log import pipeline
from tests.benchmarks import measuring
from tests.benchmarks.loggers import prepare
from tests.benchmarks.measuring import BLOCK, SCENES, people, sample


def make_database() -> dict[str, Any]:
    """Make the tables and the people: outside Valgrind, under which it would take minutes."""
    prepare(people)
    return {}


def measure(saves: int, loggers: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """Return the process ids of two forks for each scene and logger: one made so many saves, one twice as many."""
    pipeline.stop()
    measuring.numbers = itertools.count(1_000_000)  # the names of the people made before are taken
    for scene in SCENES:
        for logger in loggers:
            sample(scene, logger, BLOCK)  # what the first saves import and cache is not counted
    connections.close_all()
    return {
        scene: {logger: [forked(scene, logger, saves), forked(scene, logger, 2 * saves)] for logger in loggers}
        for scene in SCENES
    }


def forked(scene: str, logger: str, saves: int) -> str:
    """Save in a process of its own, which starts as a copy of this one."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            sample(scene, logger, saves)
            status = 0
        finally:
            os._exit(status)
    if os.waitpid(pid, 0)[1] != 0:
        raise RuntimeError(f"{scene}, {logger}: {saves} saves failed.")
    return str(pid)
