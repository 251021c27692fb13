"""``manage.py signal_traffic``: real users, profiles, edits, deletions and rollbacks, at a chosen pace."""

from __future__ import annotations

import argparse
import math
from argparse import ArgumentParser
from random import Random
from typing import Any, Final

from django.core.management.base import BaseCommand
from django.test import override_settings

from observatory.traffic.actions import KINDS, Doings
from observatory.traffic.population import Crowd
from observatory.traffic.running import Run, Stop
from observatory.traffic.visitor import allowed_host, settings_of_the_traffic

MOST_PER_SECOND: Final = 1000


def rate(text: str) -> float:
    """Operations per second, as given."""
    number = _number(text)
    if not 0 < number <= MOST_PER_SECOND:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of operations per second: give one above 0 and up to {MOST_PER_SECOND}, "
            "such as 2 or 0.5."
        )
    return number


def seconds(text: str) -> float:
    """A duration, as given."""
    number = _number(text)
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of seconds: give 0 (until stopped) or more, such as 60."
        )
    return number


def people(text: str) -> int:
    """A number of demo people, as given."""
    if not text.isdecimal() or not 1 <= int(text) <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of people: give a whole one from 1 to 10000.")
    return int(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


class Command(BaseCommand):
    """Makes demo people live their accounts' lives; touches no account but those it made itself."""

    help = (
        "Make real users, profiles, edits, deletions, failures and rollbacks, so that the dashboard lives. "
        "Only accounts that this command made itself are ever touched, no mail is sent, and --clean removes "
        "them again (the log keeps what happened). Ctrl-C ends it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rate", type=rate, default=2.0, help="operations per second, on average (2)")
        parser.add_argument("--seconds", type=seconds, default=0.0, help="how long; 0 is until stopped (0)")
        parser.add_argument("--seed", help="any text; the same one makes the same things happen in the same order")
        parser.add_argument("--keep", type=people, default=12, help="most demo people at a time (12)")
        parser.add_argument("--clean", action="store_true", help="delete all demo people and do nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        rng = Random(options["seed"])  # noqa: S311  dice for a demo; passwords do not come from here
        crowd = Crowd(rng)
        with override_settings(**settings_of_the_traffic()):
            if options["clean"]:
                self.stdout.write(f"{crowd.clear()} demo people deleted; the log keeps what they did.")
                return
            stop = Stop()
            doings = Doings(crowd, rng, options["keep"], allowed_host())
            with stop.on_signals(), crowd.watching():
                run = Run(options["rate"], options["seconds"], rng, stop)
                try:
                    self._make(run, doings)
                finally:
                    self._sum_up(run, crowd.count())

    def _make(self, run: Run, doings: Doings) -> None:
        for _ in run.happenings():
            kind = doings.draw()
            problem = run.attempt(kind, lambda kind=kind: doings.do(kind))  # type: ignore[misc]
            if problem:
                self._clear_line()
                self.stderr.write(problem)
            self._show_progress(run, kind)

    def _sum_up(self, run: Run, people: int) -> None:
        self._clear_line()
        for kind in KINDS:
            if run.done[kind]:
                self.stdout.write(f"{run.done[kind]:7}  {kind}")
        wrong = f", {run.wrong.total()} went wrong" if run.wrong else ""
        self.stdout.write(
            f"{run.done.total():7}  in {run.elapsed:.1f} s{wrong}; {people} demo people are left (--clean deletes them)"
        )

    # --- progress: one line on a terminal, nothing anywhere else ----------------------------------------
    def _show_progress(self, run: Run, kind: str) -> None:
        if self.stderr.isatty():
            of = f" of {run.seconds:g}" if run.seconds else ""
            self._line(f"{run.elapsed:.0f}{of} s  {run.done.total()} done  last: {kind}   (Ctrl-C ends it)")

    def _clear_line(self) -> None:
        if self.stderr.isatty():
            self._line("")

    def _line(self, text: str) -> None:
        self.stderr.write(f"\r\033[K{text}", style_func=str, ending="")
        self.stderr.flush()
