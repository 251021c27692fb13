"""``manage.py signal_traffic``: real users, profiles, edits, deletions and rollbacks, at a chosen rate."""

from __future__ import annotations

import argparse
import math
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError
from django.test import override_settings

from observatory.traffic.actions import KINDS, Actions
from observatory.traffic.population import Population
from observatory.traffic.running import Run, Stop
from observatory.traffic.visitor import allowed_host, traffic_settings

MAX_RATE: Final = 1000


def rate(text: str) -> float:
    """Parse operations per second."""
    number = _number(text)
    if not 0 < number <= MAX_RATE:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of operations per second: give one above 0 and up to {MAX_RATE}, "
            "such as 2 or 0.5."
        )
    return number


def seconds(text: str) -> float:
    """Parse a duration."""
    number = _number(text)
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of seconds: give 0 (until stopped) or more, such as 60."
        )
    return number


def people(text: str) -> int:
    """Parse a number of demo people."""
    if not text.isdecimal() or not 1 <= int(text) <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of people: give an integer from 1 to 10000.")
    return int(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


@contextmanager
def _told() -> Iterator[None]:
    """Say what a database does not do in a sentence."""
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        what = str(error).strip().partition("\n")[0]
        raise CommandError(
            f"The database cannot be used: {what}. Is it running, and are its tables made (manage.py migrate)?"
        ) from error


class Command(BaseCommand):
    """Creates demo people and activity; touches only accounts that it created itself."""

    help = (
        "Create real users, profiles, edits, deletions, failures and rollbacks, to fill the live page. "
        "Only accounts created by this command are touched, no mail is sent, and --clean deletes "
        "them again (the log keeps their history). Press Ctrl-C to stop."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rate", type=rate, default=2.0, help="operations per second, on average (2)")
        parser.add_argument("--seconds", type=seconds, default=0.0, help="how long to run; 0 runs until stopped (0)")
        parser.add_argument("--seed", help="any text; the same seed repeats the same actions in the same order")
        parser.add_argument("--keep", type=people, default=12, help="maximum number of demo people at a time (12)")
        parser.add_argument("--until-eof", action="store_true", help="also stop when standard input ends")
        parser.add_argument("--clean", action="store_true", help="delete all demo people and do nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        rng = Random(options["seed"])  # noqa: S311  for demo data only; passwords do not come from here
        population = Population(rng)
        with override_settings(**traffic_settings()), _told():
            if options["clean"]:
                self.stdout.write(f"{population.delete_all()} demo people deleted; the log keeps their history.")
                return
            stop = Stop()
            if options["until_eof"]:
                stop.on_end_of(sys.stdin)
            actions = Actions(population, rng, options["keep"], allowed_host())
            with stop.on_signals(), population.marking():
                run = Run(options["rate"], options["seconds"], rng, stop)
                try:
                    self._make(run, actions)
                finally:
                    self._sum_up(run, population)

    def _make(self, run: Run, actions: Actions) -> None:
        for _ in run.ticks():
            if problem := run.attempt(actions.draw, actions.do):
                self._clear_line()
                self.stderr.write(problem)
            self._show_progress(run)

    def _sum_up(self, run: Run, population: Population) -> None:
        self._clear_line()
        for kind in KINDS:
            if run.done[kind]:
                self.stdout.write(f"{run.done[kind]:7}  {kind}")
        failed = f", {run.failed.total()} failed" if run.failed else ""
        try:
            left = f"; {population.count()} demo people left (--clean deletes them)"
        except (DatabaseError, InterfaceError):
            left = "; the database does not say how many demo people are left"
        self.stdout.write(f"{run.done.total():7}  in {run.elapsed:.1f} s{failed}{left}")

    # --- progress: one line on a terminal, nothing anywhere else ----------------------------------------
    def _show_progress(self, run: Run) -> None:
        if self.stderr.isatty():
            of = f" of {run.seconds:g}" if run.seconds else ""
            self._line(f"{run.elapsed:.0f}{of} s  {run.done.total()} done  last: {run.last}   (Ctrl-C to stop)")

    def _clear_line(self) -> None:
        if self.stderr.isatty():
            self._line("")

    def _line(self, text: str) -> None:
        self.stderr.write(f"\r\033[K{text}", style_func=str, ending="")
        self.stderr.flush()
