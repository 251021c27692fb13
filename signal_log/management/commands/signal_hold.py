"""``manage.py signal_hold``: keeps an object's or an actor's events from pruning and redaction, until released."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from signal_log.amounts import counted
from signal_log.audit import hold
from signal_log.audit.holds_in_force import in_force
from signal_log.audit.thing import thing
from signal_log.errors import RedactionError
from signal_log.management.command import SignalCommand
from signal_log.management.ending import ending
from signal_log.models import SignalEvent
from signal_log.show.words.text import one_line


class Command(SignalCommand):
    """Holds, releases and lists."""

    help = (
        "Keep the events about an object, or by an actor, from signal_prune and signal_redact until the hold is "
        "released. Each hold and each release is an event with its actor. Exit status: 0 done, 2 not possible."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What is held, and what is done."""
        parser.add_argument("label", nargs="?", metavar="LABEL", help="a model, such as auth.User")
        parser.add_argument("pk", nargs="?", metavar="PK", help="the object's key")
        parser.add_argument("--actor", metavar="PK", default="", help="everything that this account has done, instead")
        parser.add_argument("--reason", metavar="TEXT", default="", help="why: who asked for it")
        parser.add_argument("--release", action="store_true", help="end the hold")
        parser.add_argument(
            "--number", type=int, metavar="N", help="with --release: the hold's number, whatever it is on"
        )
        parser.add_argument("--list", action="store_true", help="the holds in force")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        with ending(RedactionError):
            if options["list"]:
                self._list()
            else:
                self._change(options)

    def _list(self) -> None:
        found = in_force()
        for held in found:
            by = f"{held.held_at:%Y-%m-%d} by {held.held_by_repr or 'nobody known'}"
            self.stdout.write(f"{held.pk:>4}  {held}   {by}: {one_line(held.reason, 200)}")
        if not found:
            self.stdout.write("No holds.")

    def _change(self, options: dict[str, Any]) -> None:
        label, pk, actor = options["label"], options["pk"], options["actor"]
        if options["number"] is not None and options["release"] and not (label or actor):
            held = hold.release(options["reason"], number=options["number"])
            self.stdout.write(f"Released: {hold.shown(held)}.")
            return
        if bool(actor) == bool(label) or bool(label) != bool(pk):
            raise RedactionError("Say what is meant: a label and a key, such as auth.User 42, or --actor and a key.")
        whom: dict[str, Any] = {"actor": actor} if actor else {"thing": thing(label, pk)}
        if options["release"]:
            held = hold.release(options["reason"], **whom)
            self.stdout.write(f"Released: {hold.shown(held)}.")
            return
        held = hold.hold(options["reason"], **whom)
        number = SignalEvent.objects.filter(hold.events_held(held)).count()
        self.stdout.write(f"Held: {counted(number, 'event')} so far, and all that come: {hold.shown(held)}.")
