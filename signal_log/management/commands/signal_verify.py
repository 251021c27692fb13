"""``manage.py signal_verify``: whether the log is what was sealed; for people, cron and scripts."""

from __future__ import annotations

import argparse
import getpass
import json
import re
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError
from django.db import Error

from signal_log import clock
from signal_log.audit.breaks.continuity import Break
from signal_log.audit.breaks.reading import breaks
from signal_log.audit.guard.queue import stuck
from signal_log.audit.which_archive import is_table
from signal_log.errors import ProofError
from signal_log.management.command import SignalCommand
from signal_log.management.ending import INTERRUPTED
from signal_log.management.progress import Line, bar
from signal_log.seal.verify.findings import Report
from signal_log.seal.verify.hashing import UNREADABLE
from signal_log.seal.verify.progress import Kept, last_interrupted
from signal_log.seal.verify.run import verify
from signal_log.seal.verify.wanted import INTACT, TAMPERED, Progress, Result, Wanted
from signal_log.seal.verify.words import as_json, told
from signal_log.store.tables import not_migrated

EXIT: Final = {INTACT: 0, TAMPERED: 1}
NOT_CHECKED: Final = 2
LONGEST: Final = 100
"""Characters of a row's value."""
_SHARD: Final = re.compile(r"([1-9]\d{0,4})/([1-9]\d{0,4})", re.ASCII)


def shard(given: str) -> tuple[int, int]:
    """Parse ``i/n``."""
    match = _SHARD.fullmatch(given)
    if match is None or int(match[1]) > int(match[2]):
        raise argparse.ArgumentTypeError(f"{given[:40]!r} is no part of a whole, such as 1/4, the first of four.")
    return int(match[1]), int(match[2])


def index(given: str) -> int:
    """Parse a number of leaves."""
    if not (given.isascii() and given.isdigit() and len(given) < 19):
        raise argparse.ArgumentTypeError(f"{given[:40]!r} is no size of a tree: give a number such as 1000000.")
    return int(given)


class Command(SignalCommand):
    """Compares every event with the sealed tree, and the tree with its checkpoints and witnesses."""

    help = (
        "Verify the log: hash every event again, compare it with the sealed tree, the tree with every checkpoint, and "
        "those with what witnesses hold. Exit status: 0 intact, 1 tampered with, 2 could not be checked."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of sentences")
        parser.add_argument(
            "--since", type=index, default=0, metavar="SIZE",
            help="compare only events from this index on, such as the size of a checkpoint that was verified before",
        )  # fmt: skip
        parser.add_argument(
            "--checkpoint", action="append", default=[], type=Path, metavar="FILE",
            help="a checkpoint of this log that was kept elsewhere; the log must have grown from it",
        )  # fmt: skip
        parser.add_argument(
            "--witness", action="append", default=[], metavar="URL",
            help="a witness to ask, besides those in WITNESSES; 'URL VKEY' names its key too",
        )  # fmt: skip
        parser.add_argument(
            "--vkey", action="append", default=[], metavar="KEY",
            help="the log's verifier key, name+id+key; default: those in SEAL_KEYS",
        )  # fmt: skip
        parser.add_argument("--shard", type=shard, default=(1, 1), metavar="I/N",
                            help="compare only one of N equal parts, so that N processes share the work")  # fmt: skip
        parser.add_argument(
            "--archive", action="append", default=[], metavar="URL",
            help="also compare the events in this archive, of signal_archive or of signal_prune; repeatable",
        )  # fmt: skip
        parser.add_argument(
            "--continuity",
            action="store_true",
            help="also list what was written to observed rows past Django, with the events on both sides",
        )
        parser.add_argument("--resume", action="store_true", help="go on where the last run was interrupted")

    def handle(self, *args: Any, **options: Any) -> None:
        line = Bar(self.stderr)
        kept = Kept(f"os:{getpass.getuser()}")
        try:
            wanted = _wanted(options)
            resumed = last_interrupted(wanted) if options["resume"] else None
            if options["resume"] and resumed is None:
                self.stderr.write("No interrupted run is kept: this one begins at the first event.", style_func=str)
            if resumed is not None:
                kept.go_on()
            result = verify(wanted, Progress(show=line.show, passed=kept.passed(wanted)), resumed)
            kept.end(result)
        except ProofError as error:
            raise self._unchecked(str(error), as_text=not options["json"]) from error
        except Error as error:
            why = not_migrated() or str(error).strip().partition("\n")[0]
            raise self._unchecked(why, as_text=not options["json"]) from error
        except UNREADABLE as error:  # whatever stands somewhere, the run says so
            form = f"something has a form that nobody writes ({type(error).__name__}: {str(error)[:LONGEST]})"
            why = f"{form}; --traceback tells where."
            raise self._unchecked(why, as_text=not options["json"]) from error
        except KeyboardInterrupt as error:
            line.clear()
            raise CommandError("Interrupted; --resume goes on.", returncode=INTERRUPTED) from error
        finally:
            line.clear()
        broken = breaks() if options["continuity"] else iter(())
        self._tell(result, broken, as_text=not options["json"])

    def _unchecked(self, why: str, *, as_text: bool) -> CommandError:
        """The sentence of a run that could not be; for scripts it is a verdict, too."""
        text = f"Could not be checked: {why}"
        if not as_text:
            found = as_json(Result(Report(unchecked=[why])), NOT_CHECKED) | {"text": text, "breaks": []}
            self.stdout.write(json.dumps(found))
            self.stdout.flush()
        return CommandError(text, returncode=NOT_CHECKED)

    def _tell(self, result: Result, broken: Iterator[Break], *, as_text: bool) -> None:
        code = EXIT.get(result.verdict, NOT_CHECKED)
        waits = stuck()
        if as_text:
            for one in broken:
                self.stdout.write(
                    f"PAST DJANGO  {one.label} {one.pk}, {one.field}: event {one.before} knew "
                    f"{shown(one.known)}, event {one.after} found {shown(one.found)}."
                )
            for sentence in told(result):
                self.stdout.write(sentence)
            if waits:
                self.stdout.write(f"NOTE  {waits}")
        else:
            found = as_json(result, code) | {"breaks": [one.as_dict() for one in broken]}
            found["notes"] = [*found["notes"], *filter(None, [waits])]
            self.stdout.write(json.dumps(found))
        self.stdout.flush()
        if code:
            raise SystemExit(code)


def _wanted(options: dict[str, Any]) -> Wanted:
    kinds = {str(one): is_table(str(one)) for one in options["archive"]}
    return Wanted(
        vkeys=tuple(options["vkey"]),
        witnesses=tuple(options["witness"]),
        checkpoints=tuple(options["checkpoint"]),
        archives=tuple(Path(one) for one, is_one in kinds.items() if not is_one),
        tables=tuple(one for one, is_one in kinds.items() if is_one),
        since=options["since"],
        shard=options["shard"],
    )


def shown(value: Any) -> str:
    """A value of a row, on one line."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


class Bar:
    """How much is done, and how fast, in a line of progress."""

    def __init__(self, stream: Any) -> None:
        self._line = Line(stream)
        self._begun = clock.monotonic()
        self._count = 0
        self._what = ""
        self.clear = self._line.clear

    def show(self, what: str, added: int, done: int, total: int) -> None:
        """Show how much is done."""
        if what != self._what:
            self._what, self._begun, self._count = what, clock.monotonic(), 0
        self._count += added
        if self._line.is_due:
            rate = self._count / max(clock.monotonic() - self._begun, 0.001)
            self._line.draw(f"{bar(done, total)} {done:,} of {total:,} {what}, {rate:,.0f}/s")
