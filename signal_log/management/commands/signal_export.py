"""``manage.py signal_export``: the log, or what filters select of it, as a file; for scripts and for long exports."""

from __future__ import annotations

import argparse
import getpass
import os
import platform
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import Error

from signal_log.errors import FilterError
from signal_log.event import OUTCOMES
from signal_log.filters import KEYS, Filters
from signal_log.show.export.answer import FORMATS
from signal_log.show.words.moments import parse_moment
from signal_log.store.export import Export, Selection
from signal_log.store.read import as_mapping

STDOUT: Final = "-"
BROKE_OFF: Final = 1
NOT_UNDERSTOOD: Final = 2
STOPPED: Final = 130
HINTS: Final = {
    "sender": "a model, such as auth.User",
    "signal": "such as post_save",
    "actor": "name or key",
    "object": "app.Model/key, a key, or a part of its name",
    "outcome": ", ".join(OUTCOMES),
    "source": "such as http or shell",
    "trace": "a UUID",
    "q": "a part of anything a person reads in a row",
}
BETWEEN_LINES: Final = 0.2
"""Seconds after which the line on the terminal is written again."""


def text(given: str) -> str:
    """A filter's value."""
    try:
        given.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{given!r} is not UTF-8; nothing in the log can match it.") from None
    return given


def event_id(given: str) -> int:
    """The number of an event."""
    if not (given.isascii() and given.isdigit() and len(given) < 19):
        raise argparse.ArgumentTypeError(f"{given!r} is not the number of an event: give one such as 4711, or 0.")
    return int(given)


class Command(BaseCommand):
    """Writes a file that is either whole or not there."""

    help = (
        "Export the log, oldest event first, as it is at this moment: all of it, or what the filters select, which "
        "are those of the history (a value that begins with ! excludes; several of one kind widen, different kinds "
        "narrow). A file comes into being under its name only when it is whole, readable by you alone. Exit status: "
        "0 whole, 1 broken off, 2 not understood, 130 stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=list(FORMATS), help="by the output's name, else jsonl")
        parser.add_argument("--output", metavar="FILE", default=STDOUT, help="where to; - is standard output (-)")
        parser.add_argument("--overwrite", action="store_true", help="replace the file if there is one")
        for key in KEYS:
            parser.add_argument(f"--{key}", action="append", default=[], type=text, metavar="TEXT", help=HINTS.get(key))
        for name, which in (("since", "not before"), ("until", "not after")):
            parser.add_argument(f"--{name}", metavar="TIME", default="", help=f"{which}, such as '2026-11-22 09:42'")
        for name, which in (("after", "above"), ("before", "below")):
            parser.add_argument(f"--{name}", type=event_id, metavar="ID", help=f"only events with ids {which} this one")

    def handle(self, *args: Any, **options: Any) -> None:
        selection = self._selection(options)
        path = None if options["output"] == STDOUT else Path(options["output"])
        kind = options["format"] or (path.suffix.lower().lstrip(".") if path else "")
        progress = Progress(self.stderr)
        try:
            export = Export.begin(selection)
            by = {"pk": "", "name": f"os:{getpass.getuser()}"}
            file = FORMATS.get(kind, FORMATS["jsonl"])(export.about() | {"site": platform.node(), "by": by})
            with self._target(path, overwrite=options["overwrite"]) as out:
                out.write(file.begin())
                for page in export.pages():
                    out.write(file.add([as_mapping(event) for event in page]))
                    if page:
                        progress.show(file.number, page[-1].pk, export.moment.up_to)
                out.write(file.end())
        except BrokenPipeError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains once more at its end
            raise CommandError("The export broke off: nobody reads it any more.", returncode=BROKE_OFF) from error
        except (OSError, Error) as error:
            raise CommandError(f"The export broke off: {error}", returncode=BROKE_OFF) from error
        except KeyboardInterrupt as error:
            raise CommandError("The export was stopped.", returncode=STOPPED) from error
        finally:
            progress.clear()
        if options["verbosity"] and path:
            self.stderr.write(f"{file.number:,} events in {path}", style_func=str)

    def _selection(self, options: dict[str, Any]) -> Selection:
        try:
            return Selection(
                Filters.parse({key: options[key] for key in KEYS if options[key]}),
                parse_moment("since", options["since"]),
                parse_moment("until", options["until"]),
                options["after"],
                options["before"],
            )
        except FilterError as error:
            raise CommandError(str(error), returncode=NOT_UNDERSTOOD) from error

    @contextmanager
    def _target(self, path: Path | None, *, overwrite: bool) -> Iterator[BinaryIO]:
        if path is None:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
            return
        if path.exists() and not overwrite:
            raise CommandError(
                f"{path} is there already. Give another name, or --overwrite.", returncode=NOT_UNDERSTOOD
            )
        part = path.with_name(path.name + ".part")
        try:
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                yield out
                out.flush()
                os.fsync(out.fileno())
            part.replace(path)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise


class Progress:
    """One line on a terminal, nothing anywhere else."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._began = self._shown = monotonic()

    def show(self, events: int, reached: int, last: int) -> None:
        """Say how far it is, by the ids."""
        now = monotonic()
        if self._stream.isatty() and now - self._shown >= BETWEEN_LINES:
            self._shown = now
            pace = events / (now - self._began)
            self._line(f"{events:,} events, {pace:,.0f} a second, at {reached:,} of {last:,}   (Ctrl-C ends it)")

    def clear(self) -> None:
        """Leave nothing of it."""
        if self._stream.isatty():
            self._line("")

    def _line(self, text: str) -> None:
        self._stream.write(f"\r\033[K{text}", style_func=str, ending="")
        self._stream.flush()
