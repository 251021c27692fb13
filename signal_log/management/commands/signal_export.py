"""``manage.py signal_export``: exports the log, or what filters select, to a file; for scripts and long exports."""

from __future__ import annotations

import argparse
import getpass
import platform
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from django.core.management.base import CommandError
from django.db import DatabaseError, Error

from signal_log import clock
from signal_log.amounts import counted
from signal_log.audit.own_events import EXPORTED, tell
from signal_log.errors import FilterError, ProofError
from signal_log.event import OUTCOMES
from signal_log.filters import KEYS, QUERY, Filters
from signal_log.management.command import SignalCommand, give_up_stdout
from signal_log.management.ending import INTERRUPTED
from signal_log.management.output_file import output_file, why_not_written
from signal_log.management.progress import Line
from signal_log.models import SignalEvent
from signal_log.moments import check_order, earliest, latest, parse_moment
from signal_log.seal.ranges import Ranges
from signal_log.show.export.answer import FORMATS, File, exported
from signal_log.show.export.proofs import Proofs
from signal_log.show.export.slots import NoPlace, take
from signal_log.show.export.whole import WholeExport
from signal_log.show.query.unmatched import unmatched
from signal_log.show.words.text import visible
from signal_log.store.export import Selection
from signal_log.store.read import as_mapping
from signal_log.store.tables import not_migrated

STDOUT: Final = "-"
FAILED: Final = 1
USAGE_ERROR: Final = 2
HINTS: Final = {
    "sender": "a model, such as auth.User",
    "signal": "such as post_save",
    "actor": "name or key",
    "actor_pk": "the key, and no name",
    "actor_name": "the name, and no key",
    "object": "app.Model/key, a key, or part of its name",
    "outcome": ", ".join(OUTCOMES),
    "source": "such as http or shell",
    "trace": "a UUID",
    "field": "the name of a changed field",
    "old": "a whole old value (of --field, if given); null for none",
    "new": "a whole new value (of --field, if given); null for none",
    "value": "a whole value on either side",
    "overwrote": "yes, or the name of a field that was overwritten unseen",
    "took": "how long, such as >100ms or <2s; traces without times match neither",
    "q": "a query, as the history takes it: words, model:User, email:, -source:shell, OR, brackets",
}


def text(given: str) -> str:
    """Parse a filter's value."""
    try:
        given.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{given!r} is not valid UTF-8, so nothing in the log can match it.") from None
    return given


def add_filters(parser: ArgumentParser) -> None:
    """The query as an argument, and each filter as an option."""
    parser.add_argument("query", nargs="*", type=text, metavar="QUERY", help="the same as --q; all must match")
    for key in KEYS:
        option = f"--{key.replace('_', '-')}"
        parser.add_argument(option, action="append", default=[], type=text, metavar="TEXT", help=HINTS.get(key))


def filters_of(options: Mapping[str, Any]) -> Filters:
    """The filters that were given; raises ``CommandError`` with the query and its problems marked."""
    given = {key: options[key] for key in KEYS if options[key]}
    if options["query"]:
        given[QUERY] = [*given.get(QUERY, ()), *options["query"]]
    try:
        return Filters.parse(given)
    except FilterError as error:
        raise CommandError("\n".join([str(error), *_marked(error)]), returncode=USAGE_ERROR) from error


def _marked(error: FilterError) -> Iterator[str]:
    """The query, and below it marks where something is wrong."""
    if error.places and error.text.isprintable():
        marks = [" "] * (len(error.text) + 1)
        for place in error.places:
            marks[place.at : place.at + place.length] = "^" * place.length
        yield f"  {error.text}"
        yield f"  {''.join(marks).rstrip()}"


def event_id(given: str) -> int:
    """Parse an event's id."""
    if not (given.isascii() and given.isdigit() and len(given) < 19):
        raise argparse.ArgumentTypeError(f"{given!r} is not an event id: give an integer such as 4711, or 0.")
    return int(given)


def kind_of(path: Path) -> str:
    """The format that a file's name tells: ``x.csv``, ``x.ocsf``, ``x.ocsf.jsonl``."""
    last, *others = [suffix.lower().lstrip(".") for suffix in reversed(path.suffixes)] or [""]
    return others[0] if last == "jsonl" and others and others[0] in FORMATS else last


class Command(SignalCommand):
    """Exports the log to a file, which is written atomically."""

    help = (
        "Export the log as of now, oldest event first: all of it, or what a query selects, as the history takes it. "
        "Filters may also be options: a value that starts with ! excludes, repeating one widens the selection, and "
        "different ones narrow it. The file is written atomically and is readable only by you. Exit status: "
        "0 complete, 1 failed, 2 usage error, 130 interrupted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=list(FORMATS), help="default: by the output's suffix, else jsonl")
        parser.add_argument(
            "--output", metavar="FILE", default=STDOUT, help="output file (default: -, standard output)"
        )
        parser.add_argument(
            "--proof", action="store_true", help="a ZIP archive with a .tlog-proof of each event, instead of one table"
        )
        parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
        add_filters(parser)
        for name, which in (("since", "at or after"), ("until", "at or before")):
            parser.add_argument(f"--{name}", metavar="TIME", default="", help=f"{which}, such as '2026-11-22 09:42'")
        for name, which in (("after", "above"), ("before", "below")):
            parser.add_argument(f"--{name}", type=event_id, metavar="ID", help=f"only events with ids {which} this one")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["proof"] and options["format"]:
            raise CommandError("--proof has a form of its own; leave --format out.", returncode=USAGE_ERROR)
        selection = self._selection(options)
        path = None if options["output"] == STDOUT else Path(options["output"])
        kind = options["format"] or (kind_of(path) if path else "")
        progress = Rate(self.stderr)
        try:
            slot = take()
        except NoPlace as error:
            raise CommandError(str(error), returncode=FAILED) from None
        try:
            for sentence in unmatched(selection.filters):
                self.stderr.write(sentence, style_func=str)
            export = WholeExport.begin(selection)
            if export.left_out:
                self.stderr.write(visible(export.left_out), style_func=str)
            self._tell("proof" if options["proof"] else kind if kind in FORMATS else "jsonl", export)
            by = {"pk": "", "name": f"os:{getpass.getuser()}"}
            about = export.about() | {"site": platform.node(), "by": by}
            file = Proofs(about) if options["proof"] else FORMATS.get(kind, FORMATS["jsonl"])(about)
            with self._target(path, overwrite=options["overwrite"]) as out:
                out.write(file.begin())
                for page in export.pages():
                    out.write(_added(file, page))
                    if page:
                        progress.show(file.number, page[-1].pk, export.export.snapshot.up_to)
                file.archived = export.archived
                out.write(file.end())
        except BrokenPipeError as error:
            give_up_stdout()
            raise CommandError("The export failed: the reader closed the pipe.", returncode=FAILED) from error
        except ProofError as error:
            raise CommandError(f"The export failed: {visible(str(error))}", returncode=FAILED) from error
        except (OSError, Error) as error:
            raise CommandError(f"The export failed: {_why(error, path)}", returncode=FAILED) from error
        except KeyboardInterrupt as error:
            raise CommandError("The export was interrupted.", returncode=INTERRUPTED) from error
        finally:
            slot.release()
            progress.clear()
        if options["verbosity"] and path:
            of_them = f", {file.archived:,} of them from the archive {export.place}" if export.place else ""
            self.stderr.write(visible(f"{counted(file.number, 'event')} in {path}{of_them}"), style_func=str)
        if isinstance(file, Proofs):
            _tell_unproved(file)

    def _tell(self, kind: str, export: WholeExport) -> None:
        """Have the log say that somebody exports it; a log that cannot be written is exported nevertheless.

        Whoever runs this can read the database anyway, and a copy that is looked into may be read-only.
        """
        try:
            tell(EXPORTED, **exported(kind, export))
        except Error as error:
            self.stderr.write(
                f"The log does not tell of this export, for it cannot be written: {error}", style_func=str
            )

    def _selection(self, options: dict[str, Any]) -> Selection:
        filters = filters_of(options)
        try:
            since = latest(parse_moment("since", options["since"]), parse_moment("since", filters.since or ""))
            until = earliest(parse_moment("until", options["until"]), parse_moment("until", filters.until or ""))
            check_order(since, until)
            return Selection(
                filters,
                since,
                until,
                options["after"],
                options["before"],
                {name: text for name in ("since", "until") if (text := options[name] or getattr(filters, name))},
            )
        except FilterError as error:
            raise CommandError(str(error), returncode=USAGE_ERROR) from error

    @contextmanager
    def _target(self, path: Path | None, *, overwrite: bool) -> Iterator[BinaryIO]:
        if path is None:
            if sys.stdout is None:
                raise CommandError("Standard output is closed; name a file with --output.", returncode=USAGE_ERROR)
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
            return
        if (path.is_file() or path.is_dir()) and not overwrite:
            raise CommandError(f"{path} already exists. Give another name, or --overwrite.", returncode=USAGE_ERROR)
        with output_file(path) as out:
            yield out


def _added(file: Proofs | File, page: list[SignalEvent]) -> bytes:
    return file.add(page) if isinstance(file, Proofs) else file.add([as_mapping(event) for event in page])


def _tell_unproved(file: Proofs) -> None:
    """Not every event has a proof."""
    told = []
    if file.unsealed:
        are = "is" if file.unsealed == 1 else "are"
        told.append(f"{counted(file.unsealed, 'event')} {are} in no signed checkpoint yet.")
    if file.altered:
        told.append(f"No proof is possible of {Ranges.of(file.altered)}; signal_verify tells what was altered.")
    if told:
        raise CommandError(" ".join(told), returncode=FAILED)


def _why(error: Exception, path: Path | None) -> str:
    if isinstance(error, DatabaseError):
        return not_migrated() or str(error)
    return why_not_written(path, error) if path and isinstance(error, OSError) else str(error)


class Rate:
    """How far the export has come, and how fast, in a line of progress."""

    def __init__(self, stream: Any) -> None:
        self._line = Line(stream)
        self._began = clock.monotonic()
        self.clear = self._line.clear

    def show(self, events: int, reached: int, last: int) -> None:
        """Show the progress, by id."""
        if self._line.is_due:
            rate = events / max(clock.monotonic() - self._began, 0.001)
            self._line.draw(f"{counted(events, 'event')}, {rate:,.0f}/s, at {reached:,} of {last:,}   (Ctrl-C to stop)")
