"""``manage.py signal_prune``: removes events that are older than they are kept, into an archive if asked."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.management.base import CommandError
from django.utils import timezone

from signal_log import clock
from signal_log.amounts import counted
from signal_log.audit.pruning.prune import Pruned, prune
from signal_log.audit.pruning.retention import KEPT, Retention, configured, of_days
from signal_log.audit.which_archive import is_table, must_be_known
from signal_log.conf import conf
from signal_log.errors import FilterError, ProofError, RedactionError
from signal_log.management.command import SignalCommand
from signal_log.management.ending import INCOMPLETE, ending
from signal_log.management.progress import Progress
from signal_log.seal import archive
from signal_log.seal.iceberg.opening import open_archive
from signal_log.seal.stored import names_of_log, sealed_size, trees
from signal_log.show.words.moments import parse_moment, zone
from signal_log.store.read import events

if TYPE_CHECKING:
    from signal_log.seal.iceberg.holding import Holding


class Command(SignalCommand):
    """Says what is kept, and removes the rest."""

    help = (
        "Remove events that are older than they are kept, and are sealed: by RETENTION_DAYS or, here, by --before or "
        "--keep-days. Events of maintenance, holds and seals stay, so do events that a hold keeps, and the newest "
        "event. The tree stays, too, so what was proved before still is. Exit status: 0 done, 1 done but rows were "
        "left that do not verify, 2 not possible, 130 interrupted; run it again then."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How long, of what, and where to."""
        since = parser.add_mutually_exclusive_group()
        since.add_argument("--before", metavar="TIME", default="", help="events before it go, such as 2026-01-31")
        since.add_argument("--keep-days", metavar="N", default="", help="events older than so many days go")
        parser.add_argument("--model", metavar="LABEL", default="", help="of this model only")
        parser.add_argument("--archive", metavar="URL", default="",
                            help="a folder to write them into first, or the URL of an archive of signal_archive, of "
                            "which only what it holds already goes")  # fmt: skip
        parser.add_argument(
            "--begin", action="store_true", help="begin such a folder although the log's archives are of signal_archive"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        progress = Progress(self.stderr, "looked through up to event")
        try:
            with ending(RedactionError, FilterError, ProofError, interrupted="Interrupted. Run it again: it goes on."):
                retention, why = self._retention(options)
                url = str(options["archive"])
                table = bool(url) and is_table(url)
                folder = self._folder("" if table else url, begins=options["begin"])
                if not any(sealed_size(tree) for tree in trees()):
                    raise RedactionError("Nothing is sealed, and only sealed events are pruned: run signal_seal first.")
                holding = _holding(url) if table else None
                done = prune(retention, why=why, folder=folder, holding=holding, progress=progress.show)
        finally:
            progress.clear()
        self._tell(done, folder, holding)
        if done.tampered:
            raise CommandError("Rows were left that do not verify: run signal_verify.", returncode=INCOMPLETE)

    def _retention(self, options: dict[str, Any]) -> tuple[Retention, str]:
        """What is kept, and what the events of it say of why the rest went."""
        before, days, label = options["before"], options["keep_days"], options["model"]
        if before:
            moment = parse_moment("--before", before)
            if moment is None or moment > clock.now():
                raise RedactionError(f"--before {before} is in the future: {_read_as(moment)}")
            found, why = Retention(moment), f"before {moment.isoformat()}"
        elif days:
            if not (days.isascii() and days.isdigit() and 1 <= int(days) <= 36_500):
                raise RedactionError(f"--keep-days {days} is no number of days: give 1 or more.")
            found, why = of_days(int(days)), f"older than {int(days)} days"
        else:
            found, why = configured(), "RETENTION_DAYS"
        if label:
            found, why = _of_model(found, label), f"{why}, of {label}"
        if found.latest is None:
            says = "says so" if conf.RETENTION_DAYS else "is not set"
            raise RedactionError(
                f'Everything is kept: SIGNAL_LOG["RETENTION_DAYS"] {says}. Give --keep-days N or --before TIME, which '
                "count for this run."
            )
        return found, why

    def _folder(self, given: str, *, begins: bool) -> Path | None:
        if not given:
            return None
        folder = Path(given).resolve()
        must_be_known(folder, begins=begins)
        if folder.exists():
            archive.manifests(folder)  # a damaged archive is not added to
        return folder

    def _tell(self, done: Pruned, folder: Path | None, holding: Holding | None) -> None:
        to = f", archived in {folder} ({counted(done.files, 'file')})" if folder and done.events else ""
        if holding and done.events:
            to = f", which {'is' if done.events == 1 else 'are'} in {holding.archive.place.location}"
        which = f" ({done.first:,} to {done.last:,})" if done.events else ""
        self.stdout.write(
            f"Pruned {counted(done.events, 'event')}{which}{to}.{'' if _is_told_of(done) else _why_none()}"
        )
        if done.partitions:
            self.stdout.write(f"Dropped {counted(done.partitions, 'partition')} for it.")
        if done.emptied:
            self.stdout.write(f"Dropped {counted(done.emptied, 'partition')} that earlier prunes had emptied.")
        if done.undropped:
            why = next(iter(done.undropped.values()))
            self.stdout.write(
                f"Not dropped: {counted(len(done.undropped), 'partition')}, which the next prune tries again. {why}"
            )
        for held, number in done.held.items():
            self.stdout.write(f"Kept: {counted(number, 'event')} by {held}")
        if done.unarchived:
            are = "it is" if done.unarchived == 1 else "they are"
            self.stdout.write(
                f"Kept: {counted(done.unarchived, 'event')} that the archive does not hold as {are} now; "
                "signal_archive adds what is missing"
            )
        if done.unsealed:
            self.stdout.write(f"Kept: {counted(done.unsealed, 'event')} not sealed yet")
        if done.tampered:
            self.stdout.write(f"Kept, because somebody has changed or inserted them: events {done.tampered}")


def _is_told_of(done: Pruned) -> bool:
    """Whether anything went, or was kept for a reason that is said."""
    return bool(done.events or done.held or done.unarchived or done.unsealed or done.tampered)


def _why_none() -> str:
    """How old the oldest event is that may ever go: the age that was given may be a slip."""
    oldest = events().exclude(signal__in=KEPT).order_by("pk").values_list("occurred_at", flat=True).first()
    if oldest is None:
        return " The log has none that may go."
    return f" The oldest that may go happened {timezone.localtime(oldest):%Y-%m-%d %H:%M:%S} ({zone()})."


def _read_as(moment: datetime | None) -> str:
    """Which moment was meant, and the time now, in the zone in which it was read."""
    shown, now = (f"{timezone.localtime(one):%Y-%m-%d %H:%M:%S}" for one in (moment or clock.now(), clock.now()))
    return (
        f"without an offset it is a time in {zone()}, so {shown} there, where it is {now} now. "
        "For UTC write it as 2026-01-31T09:25Z."
    )


def _holding(url: str) -> Holding:
    archive = open_archive(url, names_of_log())
    from signal_log.seal.iceberg.holding import Holding

    return Holding(archive)


def _of_model(retention: Retention, label: str) -> Retention:
    try:
        known = apps.get_model(label)._meta.label
    except (LookupError, ValueError):
        found = events().filter(sender__iexact=label).values_list("sender", flat=True).first()
        if found is None:
            raise RedactionError(f"There is no model {label!r}, and the log has no events of one.") from None
        known = found
    return replace(retention, every=None, labels=((known, retention.kept_from(known)),))
