"""``manage.py signal_baseline``: an event for each existing object that the log does not tell of."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import CommandError
from django.db import DatabaseError, connections

from signal_log import clock
from signal_log.audit.baseline import Progress, baseline, rows_to_tell
from signal_log.management.command import SignalCommand
from signal_log.nearest import nearest_label
from signal_log.show.words.text import counted
from signal_log.store.tables import not_migrated

FAILED: Final = 1
USAGE_ERROR: Final = 2
INTERRUPTED: Final = 130
PROGRESS_INTERVAL: Final = 0.2
"""Seconds between updates of the progress line."""
BAR: Final = 24


class Command(SignalCommand):
    """Writes baselines, in batches; what is there already is left alone, so it can be started again."""

    help = (
        "Write an event for each row of the observed models that the log does not tell of, with what the row holds, so "
        "that its state is known from then on. Each batch is a transaction; if it is interrupted, start it again. Exit "
        "status: 0 complete, 1 failed, 2 usage error, 130 interrupted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--model", action="append", default=[], metavar="app.Model", help="only this model; may be repeated"
        )
        parser.add_argument("--database", help="read the rows from this database (default: where the router writes)")
        parser.add_argument("--dry-run", action="store_true", help="count what is missing, and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            models = rows_to_tell(options["model"])
        except LookupError as error:
            raise CommandError(_no_such_model(str(error.args[0])), returncode=USAGE_ERROR) from None
        if options["database"] is not None and options["database"] not in connections:
            raise CommandError(f"There is no database {options['database']!r} in DATABASES.", returncode=USAGE_ERROR)
        line = Line(self.stderr, options["database"], {model._meta.label: model for model in models})
        began = clock.monotonic()
        try:
            done = baseline(models, using=options["database"], dry_run=options["dry_run"], told=line.show)
        except DatabaseError as error:
            line.clear()
            raise CommandError(f"The baseline failed: {not_migrated() or error}", returncode=FAILED) from error
        except KeyboardInterrupt as error:
            line.clear()
            raise CommandError(
                "Interrupted. Start it again: it goes on where it was.", returncode=INTERRUPTED
            ) from error
        line.clear()
        self._report(done, clock.monotonic() - began, dry_run=options["dry_run"])

    def _report(self, done: list[Progress], seconds: float, *, dry_run: bool) -> None:
        verb = "would get" if dry_run else "got"
        for each in done:
            self.stdout.write(f"{each.label}: {each.missing:,} of {counted(each.looked_at, 'row')} {verb} an event")
        total = sum(each.missing for each in done)
        if total and not dry_run:
            rate = total / max(seconds, 0.001)
            self.stdout.write(f"{counted(total, 'event')} in {seconds:.1f} s, {rate:,.0f} a second")


def _no_such_model(label: str) -> str:
    known = [model._meta.label for model in rows_to_tell()]
    close = nearest_label(label, known)
    return f"{label!r} is no observed model with rows of its own. " + (
        f"Did you mean {close}?" if close else f"Observed: {', '.join(known) or 'none'}."
    )


class Line:
    """A progress bar on a terminal; no output otherwise."""

    def __init__(self, stream: Any, database: str | None, models: dict[str, Any]) -> None:
        self._stream = stream
        self._database = database
        self._models = models
        self._is_shown = bool(getattr(stream, "isatty", lambda: False)())
        self._rows: dict[str, int] = {}
        self._due = 0.0

    def show(self, progress: Progress) -> None:
        """Draw the bar anew, at most a few times a second."""
        if not self._is_shown or clock.monotonic() < self._due:
            return
        self._due = clock.monotonic() + PROGRESS_INTERVAL
        rows = self._rows.get(progress.label)
        if rows is None:
            manager = self._models[progress.label]._base_manager
            rows = self._rows[progress.label] = (manager.using(self._database) if self._database else manager).count()
        share = min(progress.looked_at / rows, 1) if rows else 1
        bar = "█" * int(BAR * share)
        text = f"\r{progress.label} {bar:░<{BAR}} {share:4.0%} · {progress.missing:,} written\x1b[K"
        self._stream.write(text, style_func=str, ending="")
        self._stream.flush()

    def clear(self) -> None:
        """Remove the bar."""
        if self._is_shown:
            self._stream.write("\r\x1b[K", style_func=str, ending="")
            self._stream.flush()
