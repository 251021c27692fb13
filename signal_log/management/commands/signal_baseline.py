"""``manage.py signal_baseline``: an event for each existing object that the log does not know wholly."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import CommandError
from django.db import DatabaseError, connections

from signal_log import clock
from signal_log.amounts import counted
from signal_log.audit.baseline import Progress, baseline, rows_to_tell
from signal_log.management.command import SignalCommand
from signal_log.management.ending import INTERRUPTED
from signal_log.management.progress import Line, bar
from signal_log.nearest import nearest_label
from signal_log.store.tables import not_migrated

FAILED: Final = 1
USAGE_ERROR: Final = 2


class Command(SignalCommand):
    """Writes baselines, in batches; what is there already is left alone, so it can be started again."""

    help = (
        "Write an event for each row of the observed models that the log does not know wholly, as it is older than "
        "the log or its first events were pruned, with what the row holds, so that its state is known from then on. "
        "Each batch is a transaction; if it is interrupted, start it again. Exit "
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
        line = Bar(self.stderr, options["database"], {model._meta.label: model for model in models})
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


class Bar:
    """How many rows of a model are looked at, in a line of progress."""

    def __init__(self, stream: Any, database: str | None, models: dict[str, Any]) -> None:
        self._line = Line(stream)
        self._database = database
        self._models = models
        self._rows: dict[str, int] = {}
        self.clear = self._line.clear

    def show(self, progress: Progress) -> None:
        """Draw the bar anew, at most a few times a second."""
        if not self._line.is_due:
            return
        rows = self._rows.get(progress.label)
        if rows is None:
            manager = self._models[progress.label]._base_manager
            rows = self._rows[progress.label] = (manager.using(self._database) if self._database else manager).count()
        self._line.draw(f"{progress.label} {bar(progress.looked_at, rows)} · {progress.missing:,} written")
