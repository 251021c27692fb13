"""``manage.py signal_partition``: keeps a log of many events in parts on PostgreSQL, each a range of ids."""

from __future__ import annotations

import argparse
import json
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any, Final

from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError, connections

from signal_log.amounts import counted
from signal_log.audit.pruning.partitions import Described, described
from signal_log.conf import conf
from signal_log.errors import PartitionError
from signal_log.management.command import SignalCommand
from signal_log.management.ending import INCOMPLETE, INTERRUPTED, ending
from signal_log.store.partitions.ahead import make_ahead
from signal_log.store.partitions.briefly import PATIENCE
from signal_log.store.partitions.convert import FEWEST, ROWS, Plan, convert, plan
from signal_log.store.partitions.layout import layout, taken_out
from signal_log.store.partitions.table import table_of

MOST: Final = 10**12


def rows(given: str) -> int:
    """Parse how many ids a partition is to have."""
    plain = given.replace(",", "").replace("_", "")
    if not (plain.isascii() and plain.isdigit() and FEWEST <= int(plain) <= MOST):
        raise argparse.ArgumentTypeError(f"{given[:40]!r} is no number of events from {FEWEST:,} on, such as 5000000.")
    return int(plain)


def seconds(given: str) -> float:
    """Parse for how long others are waited for."""
    if not (given.isascii() and given.isdigit() and 1 <= int(given) <= 86_400):
        raise argparse.ArgumentTypeError(f"{given[:40]!r} is no number of seconds from 1 to 86400.")
    return float(given)


class Command(SignalCommand):
    """``signal_partition convert | ahead | list``."""

    help = (
        "Keep the log in partitions on PostgreSQL, each a range of ids: `convert` turns the table into one with "
        "partitions while others write, `ahead` makes the next ones (a server does so by itself, if its database role "
        "owns the table), `list` shows them. signal_prune then drops a partition of which everything goes. Exit "
        "status: 0 done, 1 listed, but something is missing, 2 nothing done, 130 interrupted; run it again then."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Three words, each with what it needs."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="convert | ahead | list")
        converting = actions.add_parser("convert", help="turn the log's table into one with partitions")
        converting.add_argument(
            "--rows", type=rows, default=ROWS, metavar="N", help=f"ids in a partition; default: {ROWS:,}"
        )
        converting.add_argument("--dry-run", action="store_true", help="print the statements, and run none")
        ahead = actions.add_parser("ahead", help="make the partitions of the next days")
        ahead.add_argument("--rows", type=rows, metavar="N", help="ids in each; default: as many as the newest has")
        for one in (converting, ahead):
            one.add_argument(
                "--wait", type=seconds, default=PATIENCE, metavar="SECONDS",
                help=f"how long to wait for a moment in which nobody has the table open; default: {PATIENCE:.0f}",
            )  # fmt: skip
        listed = actions.add_parser("list", help="show the partitions, and what is wrong with them")
        listed.add_argument("--json", action="store_true", help="one JSON object, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, or say in one sentence why not."""
        with ending(PartitionError, interrupted="Interrupted. Run it again."):
            try:
                getattr(self, f"_{options['action']}")(options)
            except KeyboardInterrupt as error:
                if options["action"] != "convert" or options["dry_run"]:
                    raise
                raise CommandError(_interrupted(), returncode=INTERRUPTED) from error

    def _convert(self, options: dict[str, Any]) -> None:
        connection = connections[conf.DATABASE]
        if options["dry_run"]:
            self._print(plan(connection, options["rows"]))
            return
        if table_of(connection).is_partitioned:
            self.stdout.write("The log has partitions already: signal_partition list shows them.")
            return
        held = convert(connection, options["rows"], self._say, patience=options["wait"])
        self.stdout.write(
            f"The log has {counted(len(described()), 'partition')} now. For {held * 1000:.0f} ms nobody could write."
        )
        self.stdout.write("The next ones are made by a server, or by cron: signal_partition ahead")

    def _ahead(self, options: dict[str, Any]) -> None:
        made = make_ahead(connections[conf.DATABASE], rows=options["rows"], patience=options["wait"])
        if made.emptied:
            self.stdout.write(
                f"The default partition had events, as no other was made in time: it is {made.emptied} now."
            )
        for name in made.names:
            self.stdout.write(f"Made {name}.")
        self.stdout.write(
            f"{'Nothing to do: there' if not made.names and not made.emptied else 'There'} are partitions up to "
            f"event {made.enough_until - 1:,}; the newest is {made.last:,}."
        )

    def _list(self, options: dict[str, Any]) -> None:
        connection = connections[conf.DATABASE]
        table_of(connection)
        found, wrong = described(), taken_out(connection)
        parts = layout(connection)
        if parts is not None and parts.default is None:
            wrong.append("there is no default partition, so events of which no partition has the id cannot be written")
        if overflowed := sum(one.rows for one in found if one.first is None):
            wrong.append(
                f"{counted(overflowed, 'event')} had to go to the default partition, as the next was not made in time: "
                "signal_partition ahead makes it a proper one"
            )
        if options["json"]:
            self.stdout.write(json.dumps({"partitions": [one.as_json() for one in found], "problems": wrong}, indent=2))
        elif not found:
            self.stdout.write("The log has no partitions. Make them: python manage.py signal_partition convert")
        else:
            self._table(found)
        for what in wrong if not options["json"] else ():
            self.stdout.write(f"WRONG  {what[0].upper()}{what[1:]}.")
        self.stdout.flush()
        if wrong:
            raise SystemExit(INCOMPLETE)

    def _table(self, found: Sequence[Described]) -> None:
        lines = [("partition", "from", "to", "events", "size", "sealed", "held", "can be dropped")]
        lines += [
            (
                one.name,
                "" if one.first is None else f"{one.first:,}",
                "" if one.last is None else f"{one.last:,}",
                f"{one.rows:,}",
                _size(one.bytes),
                "" if not one.rows else "yes" if one.sealed else "no",
                f"{one.held:,}",
                "yes" if one.droppable else "no",
            )
            for one in found
        ]
        widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
        for line in lines:
            cells = [
                text.ljust(width) if at in (0, 5, 7) else text.rjust(width)
                for at, (text, width) in enumerate(zip(line, widths, strict=True))
            ]
            self.stdout.write("  ".join(cells).rstrip())

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _print(self, planned: Plan) -> None:
        for title, statements in (
            ("The table with partitions, beside the log; nobody waits.", planned.prepare),
            ("Where the log's table ends, for a moment in which nobody has it open.", [planned.prove]),
            ("Reading it once; nobody waits.", [planned.read]),
            ("In one transaction: for some milliseconds nobody can use the log.", [planned.lock, *planned.swap]),
        ):
            self.stdout.write(f"-- {title}")
            for statement in statements:
                self.stdout.write(f"{statement};")


def _interrupted() -> str:
    """What an interrupted conversion has left."""
    connection = connections[conf.DATABASE]
    try:
        connection.close()  # it may have been cut in the middle of an answer
        converted = table_of(connection).is_partitioned
    except (DatabaseError, InterfaceError, PartitionError):
        return "Interrupted. The database does not say whether the log is converted: signal_partition list does, later."
    if converted:
        return "Interrupted, but the log is converted: signal_partition list shows its partitions."
    return "Interrupted. The log is as it was: run it again to convert it."


def _size(number: int) -> str:
    size = float(number)
    for unit in ("kB", "MB", "GB"):
        size /= 1024
        if size < 1024:
            return f"{size:,.0f} {unit}" if size >= 10 else f"{size:,.1f} {unit}"
    return f"{size / 1024:,.1f} TB"
