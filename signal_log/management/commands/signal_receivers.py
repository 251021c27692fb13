"""``manage.py signal_receivers``: who listens to what, in the order of calls, and what was seen of it."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from django.core.checks import CheckMessage
from django.core.management.base import CommandError
from django.db import DatabaseError

from signal_log.checks import of_receivers
from signal_log.conf import conf
from signal_log.management.command import SignalCommand
from signal_log.show.receivers.mermaid import mermaid
from signal_log.show.receivers.recent import Recent, recent_findings
from signal_log.show.receivers.wiring import Wired, as_json, effect, wiring
from signal_log.show.words.text import duration, one_line
from signal_log.store.tables import not_migrated


class Command(SignalCommand):
    """``signal_receivers``."""

    help = (
        "The receivers of every observed model and signal in the order of their calls, with what the log has seen of "
        "them, and what is worth attention in the newest traces. --check runs the checks of receivers, also those that "
        "read the log, and exits with 1 if any finds something."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How to tell it."""
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--json", action="store_true", help="one JSON object, for programs")
        how.add_argument("--mermaid", action="store_true", help="a Mermaid flowchart, for documentation")
        how.add_argument("--check", action="store_true", help="only what is wrong; exit status 1 if anything is")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the map, or what is wrong with it."""
        if options["check"]:
            self._check()
            return
        try:
            found, recent = wiring(), recent_findings()
        except DatabaseError as error:
            raise CommandError(not_migrated() or str(error).strip()) from error
        if options["json"]:
            self.stdout.write(json.dumps(as_json(found, recent), indent=2))
        elif options["mermaid"]:
            self.stdout.write(mermaid(found), ending="")
        else:
            for line in (*lines(found), *found_lately(recent)):
                self.stdout.write(line)

    def _check(self) -> None:
        messages: list[CheckMessage] = [
            message
            for check in of_receivers()
            for message in check(databases=[conf.DATABASE])
            if not message.is_silenced()
        ]
        for message in messages:
            self.stdout.write(f"{message.id}: {message.msg}\n    {message.hint}")
        if messages:
            raise CommandError(f"{len(messages)} finding{'' if len(messages) == 1 else 's'}.", returncode=1)
        self.stdout.write("Nothing found.")


def lines(found: Iterable[Wired]) -> Iterator[str]:
    """The map as text: a block for each model, a line for each receiver and one for what was seen of it."""
    nothing = True
    for model, of_model in groupby(found, key=lambda one: (one.at is None, one.model or one.signal)):
        nothing = False
        is_gone, name = model
        yield f"{one_line(name, 200)}{'  (not connected any more)' if is_gone else ''}"
        for one in of_model:
            yield f"  {one.signal if one.model else ''} {one.order or '-'}  {one_line(one.receiver, 200)}".rstrip()
            for told in filter(None, (_place(one), _seen(one))):
                yield f"      {told}"
    if nothing:
        yield "No receivers are connected to observed models."


def found_lately(recent: Sequence[Recent]) -> Iterator[str]:
    """What the newest traces have shown, each with what helps."""
    if recent:
        yield "\nFound in the newest traces"
    for one in recent:
        yield f"! {one.finding.text} (in {one.times}; the last is {one.newest})"
        yield f"    {one.finding.fix}"


def _place(one: Wired) -> str:
    at = one.at
    if at is None:
        return ""
    kinds = [
        "async" if at.is_async else "",
        "" if at.is_weak else "strong",
        "every sender" if at.for_every_sender else "",
        f"connected {one.copies} times" if one.copies > 1 else "",
    ]
    uid = f"dispatch_uid {one_line(at.dispatch_uid, 60)}" if at.dispatch_uid else ""
    return " · ".join(filter(None, (f"{one_line(at.file, 200)}:{at.line}" if at.line else "", *kinds, uid)))


def _seen(one: Wired) -> str:
    told = one.seen
    if not told.calls:
        return "never seen"
    errors = f" · {told.errors:,} error{'' if told.errors == 1 else 's'}" if told.errors else ""
    times = f"p50 {duration(told.p50_us)} · p95 {duration(told.p95_us)}"
    caused = f" · {effect(one)}" if one.caused else " · no writes"
    return f"{told.calls:,} call{'' if told.calls == 1 else 's'} · {times}{errors}{caused}"
