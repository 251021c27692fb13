"""The script of docs/archive.md names only commands and options that there are; ``make archive-test`` runs it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import load_command_class

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "archive" / "whole-life.sh"
_STEP = re.compile(r"^step \$manage (.+)$", re.MULTILINE)
_SHELL = re.compile(r'"\$\{?\w+(?::-(\w+))?\}?"')
"""A variable, with what stands for it where nothing is given."""

STEPS = [_SHELL.sub(lambda found: found[1] or "/srv/archive", step) for step in _STEP.findall(SCRIPT.read_text())]


@pytest.mark.parametrize("step", dict.fromkeys(STEPS))
def test_a_step_is_a_command_with_options_that_it_has(step: str) -> None:
    """As its own parser has them."""
    name, *words = shlex.split(step)
    app = "signal_log" if name.startswith("signal_") else "django.core"
    load_command_class(app, name).create_parser("manage.py", name).parse_args(words)


def test_the_script_verifies_after_each_part_of_a_life() -> None:
    """Converted; then archived, pruned and restored, with a verification after each of the three."""
    told = SCRIPT.read_text()
    converted, *later = [told.index(part) for part in ("convert", "signal_archive", "signal_prune", "pg_restore")]
    assert converted < later[0]
    for begin, end in zip(later, [*later[1:], len(told)], strict=True):
        assert "signal_verify --archive" in told[begin:end]
    assert len(STEPS) > 12
