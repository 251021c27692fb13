"""``manage.py signal_relay NAME``: send the log to another system, as ``RELAYS`` says, until it is ended."""

from __future__ import annotations

import signal
import sys
from argparse import ArgumentParser
from datetime import datetime
from threading import Event, current_thread, main_thread
from typing import Any, Final

from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError, connections, transaction

from signal_log.amounts import counted
from signal_log.audit.own_events import EXPORTED, tell
from signal_log.conf import conf
from signal_log.errors import FilterError, RelayError
from signal_log.management.command import SignalCommand
from signal_log.management.ending import INTERRUPTED
from signal_log.models import RelayCursor
from signal_log.moments import parse_moment
from signal_log.relay import place
from signal_log.relay.forget import forget
from signal_log.relay.runner import Runner
from signal_log.relay.settings import Relay, relay_called
from signal_log.relay.sinks import sink_of
from signal_log.seal.settled import newest_id
from signal_log.show.export.bodies import body
from signal_log.show.words.text import visible
from signal_log.store.own_connection import dedicated_connection
from signal_log.store.span import LARGEST_ID
from signal_log.store.tables import not_migrated
from signal_log.tail.cursor import START, Anchor

REFUSED: Final = 1
USAGE_ERROR: Final = 2
NOW: Final = "now"
WHERE: Final = "an id, a time such as '2026-11-22 09:42' or now-2h, or now"


class Command(SignalCommand):
    """``signal_relay``."""

    help = (
        "Send the log to another system, as the relay of this name in SIGNAL_LOG['RELAYS'] says: from where it was, "
        "or from the oldest event, and on until it is ended. Each event arrives at least once. Exit status: 0 ended, "
        "or with --once all is sent, but for what waits for an open transaction; 1 another process runs it, it must "
        "not go on, or with --once not all could be sent or events were refused for good, which are dead letters; "
        "2 no such relay, or a wrong option; 130 interrupted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The relay, and where to begin."""
        parser.add_argument("name", metavar="NAME", help="a name of SIGNAL_LOG['RELAYS']")
        parser.add_argument(
            "--once", action="store_true",
            help="send what there is now, and end; gives up after 5 attempts in a row of which nothing was taken",
        )  # fmt: skip
        parser.add_argument(
            "--from", dest="begin", metavar="WHERE", default="",
            help=f"where a relay begins that has never run, or with --reset: {WHERE}",
        )  # fmt: skip
        parser.add_argument("--reset", action="store_true", help="forget where it was, as after a restored backup")
        parser.add_argument(
            "--replay", metavar="FROM", default="", help="send everything from there on once more: an id or a time"
        )

        parser.add_argument(
            "--forget", action="store_true",
            help="remove what is known of a relay that RELAYS does not name any more, its dead letters too",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        """Run it, or forget it."""
        try:
            if options["forget"]:
                self._forget(options)
                return
            relay = relay_called(options["name"])
            anchor = self._anchor(relay, options)
            over = Event()
            sink = sink_of(relay, over)
        except (RelayError, FilterError) as error:
            raise CommandError(str(error), returncode=USAGE_ERROR) from error
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(not_migrated() or str(error).strip(), returncode=REFUSED) from error
        if not options["once"]:
            dedicated_connection(conf.DATABASE, "signal_log relay")
            if current_thread() is main_thread():
                signal.signal(signal.SIGTERM, lambda *_: over.set())
        try:
            runner = Runner(relay, body, sink, self._say, over, up_to=newest_id() if options["once"] else None)
            if anchor is not None:
                runner.begin_at(anchor)
                _tell(relay, anchor, "replay" if options["replay"] else "reset" if options["reset"] else "begin")
            self._greet(relay, options)
            runner.run()
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        except RelayError as error:
            raise CommandError(str(error), returncode=REFUSED) from error
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(not_migrated() or str(error).strip(), returncode=REFUSED) from error
        finally:
            sink.close()
            if not options["once"]:
                connections[conf.DATABASE].close()
        self._report(relay, runner, options)

    def _forget(self, options: dict[str, Any]) -> None:
        if any(options[other] for other in ("once", "begin", "reset", "replay")):
            raise RelayError("--forget goes with no other option.")
        with transaction.atomic(using=conf.DATABASE):
            reached, number = forget(options["name"])
            tell(EXPORTED, relay=options["name"], action="forget", after=reached, dead_letters=number)
        also = f", and {counted(number, 'dead letter')}" if number else ""
        self.stdout.write(f"Forgotten: where the relay {options['name']!r} was{also}.")

    def _anchor(self, relay: Relay, options: dict[str, Any]) -> Anchor | None:
        """Behind which event to begin; None if it goes on where it was."""
        begin, replay, reset = options["begin"], options["replay"], options["reset"]
        if replay and (begin or reset):
            raise RelayError("--replay says from where itself; leave --from and --reset out.")
        has_run = RelayCursor.objects.filter(name=relay.name).exists()
        if replay:
            if not has_run:
                raise RelayError(f"The relay {relay.name!r} has never run, so there is nothing to send once more.")
            place.find(relay.name).must_hold()  # type: ignore[union-attr]  # it has run
            return place.below(_where("--replay", replay))
        if begin and has_run and not reset:
            raise RelayError(
                f"The relay {relay.name!r} has run before, and goes on where it was. To send events once more: "
                f"--replay {begin}. To begin elsewhere, whatever is left out: --reset --from {begin}."
            )
        if begin:
            return place.below(_where("--from", begin))
        return START if reset or not has_run else None

    def _greet(self, relay: Relay, options: dict[str, Any]) -> None:
        row = RelayCursor.objects.get(name=relay.name)
        waiting = max(0, newest_id() - row.reached)
        self._say(
            f"The relay {relay.name!r} sends to {relay.shown_url}, as {relay.format}, what comes after event "
            f"{row.reached:,}; {_waiting(waiting)}." + ("" if options["once"] else " (Ctrl-C to stop)")
        )

    def _report(self, relay: Relay, runner: Runner, options: dict[str, Any]) -> None:
        said = f"{counted(runner.sent, 'event')} sent to {relay.shown_url}."
        if runner.waiting:
            waits = "waits" if runner.waiting == 1 else "wait"
            said += f" {counted(runner.waiting, 'event')} {waits} for a transaction that is still open."
        self.stdout.write(said)
        if not runner.dead:
            return
        refused = f"{counted(runner.dead, 'event was', 'events were')} refused for good: "
        refused += "the dead letters on the page /relays/, and in the admin, say why."
        if options["once"]:
            raise CommandError(refused, returncode=REFUSED)
        self._say(refused)

    def _say(self, sentence: str) -> None:
        self.stderr.write(visible(sentence), style_func=str)
        self.stderr.flush()


def _waiting(number: int) -> str:
    """Of ids some may be no events."""
    if not number:
        return "nothing is waiting"
    return f"up to {counted(number, 'event')} {'is' if number == 1 else 'are'} waiting"


def _where(option: str, given: str) -> int | datetime | None:
    """An id, a time, or None for now."""
    if given.lower() == NOW:
        return None
    if given.isascii() and given.isdigit() and int(given) <= LARGEST_ID:
        return int(given)
    return parse_moment(option, given)


def _tell(relay: Relay, anchor: Anchor, action: str) -> None:
    """Have the log say that somebody takes it elsewhere, from where, and in which form."""
    labels = {"relay": relay.name, "to": relay.shown_url, "format": relay.format, "action": action}
    tell(EXPORTED, **labels, after=anchor.id)
