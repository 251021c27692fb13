"""``manage.py signal_archive``: copies sealed events into an archive outside the database, as an Iceberg table."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import CommandError

from signal_log.amounts import counted
from signal_log.audit.archiving import archive_into
from signal_log.conf import conf
from signal_log.errors import ProofError
from signal_log.management.command import SignalCommand
from signal_log.management.ending import INCOMPLETE, ending
from signal_log.management.progress import Progress
from signal_log.seal.iceberg.opening import open_archive
from signal_log.seal.iceberg.place import read_place
from signal_log.seal.stored import names_of_log

MEGABYTE: Final = 1_000_000


class Command(SignalCommand):
    """Archives, and lists what is archived."""

    help = (
        "Copy sealed events into an archive, 65,536 leaves of the tree a file: Parquet files in an Apache Iceberg "
        "table, with the exact bytes that were hashed. Nothing is removed from the log; signal_prune --archive URL "
        "removes what is there and old enough. Exit status: 0 done, 1 done but files were not written because rows do "
        "not verify, 2 not possible, 130 interrupted; run it again then."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to, and how much."""
        parser.add_argument(
            "url", nargs="?", default="", metavar="URL",
            help="a folder, or s3://bucket/prefix?catalog=…; default: the setting ARCHIVE",
        )  # fmt: skip
        parser.add_argument(
            "--all", action="store_true", help="also the newest sealed events, which do not fill a file yet"
        )
        parser.add_argument("--list", action="store_true", help="only list what is archived")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        progress = Progress(self.stderr, "archived leaf")
        try:
            with ending(ProofError, interrupted="Interrupted. Run it again: it goes on."):
                url = options["url"] or conf.ARCHIVE
                if not url:
                    raise ProofError('Say where the archive is: signal_archive URL, or SIGNAL_LOG["ARCHIVE"].')
                if options["list"]:
                    self._list(url)
                    return
                done = archive_into(url, all_leaves=options["all"], progress=progress.show)
        finally:
            progress.clear()
        size = sum(part.size for part in done.parts) / MEGABYTE
        self.stdout.write(
            f"Archived {counted(done.events, 'event')} in {read_place(url).location} "
            f"({counted(len(done.parts), 'file')}, {size:,.1f} MB)."
        )
        if done.bare:
            self.stdout.write(
                f"Without their event: {done.bare:,} leaves of the tree, as the table has it no more. What no prune "
                "has removed, signal_verify names."
            )
        if done.left:
            self.stdout.write(f"Not removed: {done.left}")
        if done.waiting:
            are = "is" if done.waiting == 1 else "are"
            self.stdout.write(
                f"Waiting: {counted(done.waiting, 'sealed event')} {are} not enough for a file of 65,536 yet; "
                "--all archives the rest, too."
            )
        if done.altered:
            rows = "event" if done.altered.count == 1 else "events"
            raise CommandError(
                f"Not everything was written, because somebody has changed or inserted {rows} {done.altered}: "
                "run signal_verify.",
                returncode=INCOMPLETE,
            )  # fmt: skip

    def _list(self, url: str) -> None:
        parts = open_archive(url, names_of_log()).parts()
        for part in parts:
            ids = f"events {part.low:,} to {part.high:,}" if part.high else "no event"
            self.stdout.write(
                f"generation {part.generation}, leaves {part.first:,} to {part.last:,}: {ids}, "
                f"{part.size / MEGABYTE:,.1f} MB"
            )
        self.stdout.write(f"{counted(len(parts), 'file')} in {read_place(url).location}.")
