"""``manage.py signal_redact``: erases a person, or any other object, from the log, which still verifies afterwards."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, Final

import orjson
from django.apps import apps
from django.core.management.base import CommandError
from django.db import connections

from signal_log.amounts import counted
from signal_log.audit.redaction.archived import archived_events, folders
from signal_log.audit.redaction.redact import Report, redact, still_exist
from signal_log.audit.redaction.whom import Whom, find
from signal_log.conf import conf
from signal_log.errors import ProofError, RedactionError
from signal_log.management.command import SignalCommand
from signal_log.management.ending import INCOMPLETE, ending
from signal_log.management.progress import Progress
from signal_log.show.words.text import one_line
from signal_log.store.vacuum import vacuum

MOST_IDS: Final = 120


class Command(SignalCommand):
    """Finds whom it is about, says what it finds, and erases it."""

    help = (
        "Erase an object from the log: every event about it, for an account every event by it too, and whatever "
        "belongs to it alone (its one-to-one rows). Where other events, traces, sessions and shared views name it, it "
        "is masked. The log still verifies. Run it with --dry-run first, and again if it was interrupted. Exit "
        "status: 0 done, 1 done but something was left (it says what), 2 refused, 130 interrupted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whom, why, and by what else they are known."""
        parser.add_argument("label", nargs="?", metavar="LABEL", default="", help="a model, such as auth.User")
        parser.add_argument("pk", nargs="?", metavar="PK", default="", help="the object's key")
        parser.add_argument("--reason", metavar="TEXT", default="", help="why; it stays, so it must not name them")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        for name, what in (
            ("name", "another name"),
            ("email", "another address"),
            ("text", "any other text of theirs"),
        ):
            parser.add_argument(f"--{name}", action="append", default=[], metavar="TEXT", help=f"{what}; repeatable")
        parser.add_argument("--only-given", action="store_true", help="look for the given texts and for no other name")
        parser.add_argument("--alone", action="store_true", help="leave the rows that belong to it alone")
        parser.add_argument("--archive", action="append", default=[], metavar="URL",
                            help="an archive in storage, or not where it was written; repeatable")  # fmt: skip
        parser.add_argument("--full", action="store_true", help="on PostgreSQL rewrite the tables (VACUUM FULL)")
        parser.add_argument("--clean", action="store_true",
                            help="only clean the database's files, after a run that did not come so far")  # fmt: skip
        parser.add_argument("--no-vacuum", action="store_true", help="do not clean the database's files afterwards")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        if options["clean"]:
            if not self._clean(options):
                raise CommandError("The database's files were not cleaned; see above.", returncode=INCOMPLETE)
            return
        progress = Progress(self.stderr, "looked through up to event")
        dry_run = options["dry_run"]
        try:
            with ending(RedactionError, ProofError, interrupted="Interrupted. Run it again: it goes on."):
                if _in_a_block() and not (options["no_vacuum"] or dry_run):
                    raise RedactionError("In a transaction the database cannot be cleaned: call it with --no-vacuum.")
                if not options["label"] or not options["pk"]:
                    raise RedactionError("Say whom it is about: a label and a key, such as auth.User 42.")
                given = [*options["name"], *options["email"], *options["text"]]
                there, unreached = folders([str(one) for one in options["archive"]])
                whom = find(
                    options["label"], options["pk"], given,
                    relatives=not options["alone"], names=not options["only_given"],
                    archived=lambda: archived_events(there),
                )  # fmt: skip
                report = redact(whom, options["reason"], dry_run=dry_run, archives=there, progress=progress.show)
                report.unreached += unreached
                progress.clear()
                self._tell(whom, report, dry_run=dry_run)
                complete = report.is_complete
                if not dry_run:
                    complete = self._clean(options) and complete
                    if complete:
                        self.stdout.write("Nothing of what was looked for is left in the log's tables.")
        finally:
            progress.clear()
        if not complete:
            raise CommandError("Something was left; see above.", returncode=INCOMPLETE)

    def _tell(self, whom: Whom, report: Report, *, dry_run: bool) -> None:
        would = "Would be" if dry_run else "Were"
        say = self.stdout.write
        say(f"About: {', '.join(map(str, whom.things))}")
        names = ", ".join(f"“{one_line(text)}”" for text in whom.shown)
        say(f"Known as: {names or 'nothing but their keys'}")
        if whom.unsought:
            texts = ", ".join(f"“{one_line(text)}”" for text in whom.unsought)
            say(f"Recorded of them, but not looked for in other events: {texts}. Add by --name what is nobody else's.")
        say(f"{would} erased: {counted(report.erased.count, 'event')}{_ids(report.erased)}")
        say(f"{would} masked: {counted(report.masked.count, 'event')}{_ids(report.masked)}")
        for noun, number in report.beside.items():
            say(f"{would} masked: {counted(number, noun)}")
        if report.archived:
            files = counted(report.files, "file")
            say(f"{would} erased or masked in archives: {counted(report.archived.count, 'event')} in {files}:")
            for path in report.archives:
                say(f"  {path}")
        for pk, name, value in report.examples:
            say(f"  such as event {pk:,}: {name} = {one_line(_text(value), 100)}")
        for held, number in report.held.items():
            say(f"Kept: {counted(number, 'event')} by {held}")
        if report.tampered:
            say(
                f"Kept as evidence, because they are not what was sealed: {counted(report.tampered.count, 'event')} "
                f"({report.tampered})"
            )
        if whom.altered:
            say(
                f"No name was taken from what is not as it was sealed: {counted(whom.altered.count, 'event')} "
                f"({whom.altered}). Add by --name what is right."
            )
        if report.named_in_header:
            say(f"Named in a part that cannot be erased (source, cause or process): events {report.named_in_header}")
        for sentence in report.unreached:
            say(f"Not reached: {sentence}")
        if report.maintenance:
            say(f"Kept, because they tell of redactions and prunes that they did: events {report.maintenance}")
        for row in still_exist(whom):
            say(f"{row} still exists: what happens to it is recorded. Delete it and run this again.")
        say(
            "Not touched: the project's own tables (accounts, sessions, admin log), exports and proofs handed out, "
            "backups. The published tree holds digests only."
        )

    def _clean(self, options: dict[str, Any]) -> bool:
        if options["no_vacuum"]:
            self.stdout.write("Not cleaned (--no-vacuum): bytes of it stay in the database's files.")
            return True
        tables = [model._meta.db_table for model in apps.get_app_config("signal_log").get_models()]
        done, sentence = vacuum(tables, full=options["full"])
        self.stdout.write(sentence)
        return done


def _in_a_block() -> bool:
    return connections[conf.DATABASE].in_atomic_block


def _ids(found: Any) -> str:
    text = str(found)
    return f" ({text if len(text) <= MOST_IDS else f'{text[:MOST_IDS]}…'})" if text else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
