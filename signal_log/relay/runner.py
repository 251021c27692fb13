"""Runs one relay in one process: elects itself, reads, has the sink deliver, and writes down how far it has come."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from threading import Event
from typing import Final

from django.db import DatabaseError, InterfaceError, connections
from django.db.models import F

from signal_log import clock
from signal_log.amounts import counted
from signal_log.capture.model.error_text import error_text
from signal_log.capture.transaction.writing import process_name
from signal_log.conf import conf
from signal_log.errors import RelayError
from signal_log.models import DeadLetter, RelayCursor
from signal_log.relay import letters, place
from signal_log.relay.backoff import Backoff
from signal_log.relay.message import Delivery, Message, Sink
from signal_log.relay.place import Place
from signal_log.relay.reading import Encode, Reading, Row
from signal_log.relay.settings import Relay
from signal_log.seal import elected
from signal_log.store.read import events
from signal_log.tail.cursor import START, Anchor

POLL_EVERY: Final = 0.5
BEAT_EVERY: Final = 5.0
"""Seconds between two signs of life."""
MOST_REFUSED: Final = 100
"""So many refused in a row are no bad events but a receiver that takes none: from then on they wait."""
TRIES_ONCE: Final = 5
"""How often it is tried at most, where somebody waits for the end."""
SECONDS_TO_SETTLE: Final = 2.0
"""How long transactions that are open are waited for then."""
_OFFICES: Final = 0x40000000


class Runner:
    """One process that runs a relay; ``say`` is told, in a sentence, what somebody should know.

    With ``up_to``, the id of an event, it ends when it has come so far.
    """

    def __init__(
        self,
        relay: Relay,
        encode: Encode,
        sink: Sink,
        say: Callable[[str], None],
        over: Event,
        *,
        up_to: int | None = None,
    ) -> None:
        self.sent = 0
        """Messages that the receiver has acknowledged."""
        self.dead = 0
        """Those that it has refused for good."""
        self.waiting = 0
        """With ``up_to``: how many events could not be read, because a transaction is still open."""
        self._relay = relay
        self._encode = encode
        self._sink = sink
        self._say = say
        self._over = over
        self._up_to = up_to
        self._once = up_to is not None
        self._runner = process_name()
        self._office = office_of(relay.name)
        self._reading = Reading(relay, encode)
        self._place: Place | None = None
        self._backoff = Backoff()
        self._refused_in_a_row = 0
        self._beaten_at = float("-inf")
        self._problem = ""
        self._lost_database = False

    def run(self) -> None:
        """Send until it is over, or all that there was to be. Raises ``RelayError``."""
        self._take_office()
        try:
            self._work()
        finally:
            self._resign()

    def begin_at(self, anchor: Anchor) -> None:
        """Set the relay's place, whatever it was. Raises ``RelayError`` if another process runs it."""
        self._take_office()
        self._place = place.begin(self._relay.name, anchor)

    def _work(self) -> None:
        lost, since = Backoff(), clock.monotonic()
        while not self._over.is_set():
            try:
                is_idle = self._turn()
                lost.over()
                self._find_database()
            except (DatabaseError, InterfaceError) as error:
                if self._once:
                    raise
                self._lose_database(error)
                self._place = None  # another process may move it meanwhile
                self._over.wait(lost.next())
                continue
            if not is_idle:
                continue
            reached = self._place.anchor.id if self._place else 0
            if self._up_to is None:
                self._over.wait(POLL_EVERY)
                continue
            self.waiting = events().filter(pk__gt=reached, pk__lte=self._up_to).count()
            if not self.waiting or clock.monotonic() - since > SECONDS_TO_SETTLE:
                return
            self._over.wait(POLL_EVERY / 10)

    def _turn(self) -> bool:
        """Send the next events; whether there were none."""
        if self._place is None:
            self._take_office()
            self._place = place.find(self._relay.name) or place.begin(self._relay.name, START)
            self._with_database(lambda: place.beat(self._relay.name, self._runner))
        try:
            self._place.must_hold()
        except RelayError as error:
            place.note_failure(self._relay.name, str(error), self._runner)
            raise
        self._send_letters()
        page = self._reading.page(self._place.anchor, self._up_to)
        if page.missing:
            self._say(place.note_missing(self._relay.name, page.missing))
        if not page.rows:
            self._beat()
            return True
        self._deliver(page.rows)
        return False

    def _deliver(self, rows: Sequence[Row]) -> None:
        """Have all messages of some rows taken or refused, and the relay's place moved behind them."""
        settled: set[Message] = set()
        written, taken = 0, 0  # rows behind which the place is, and messages that are not counted there yet
        while written < len(rows):
            left = [message for row in rows[written:] for message in row.messages if message not in settled]
            delivery = self._sent(left[: self._sink.most]) if left else Delivery()
            settled.update(delivery.taken)
            settled.update(message for message, _ in delivery.refused)
            taken += len(delivery.taken)
            done = next(
                (at for at in range(written, len(rows)) if not settled.issuperset(rows[at].messages)), len(rows)
            )
            if done > written:
                self._write(rows[done - 1], taken)
                written, taken = done, 0
            if written < len(rows):
                self._pause(delivery)
                if self._over.is_set():
                    return

    def _sent(self, batch: Sequence[Message]) -> Delivery:
        """One attempt; what is refused for good is kept as a dead letter, unless all of late was."""
        delivery = self._sink.send(batch)
        if delivery.taken:
            self._refused_in_a_row = 0
        kept = []
        for message, why in delivery.refused:
            if self._refused_in_a_row >= MOST_REFUSED:
                ours = why.partition("\n")[0]  # an alert tells it, and no text of others
                delivery.problem = (
                    f"{ours} So were the {counted(MOST_REFUSED, 'event')} before it, which are dead letters now: the "
                    "receiver seems to take none, and the others wait for it."
                )
                break
            self._refused_in_a_row += 1
            self._with_database(lambda message=message, why=why: letters.keep(self._relay.name, message, why))  # type: ignore[misc]
            kept.append((message, why))
        delivery.refused = kept
        self.sent += len(delivery.taken)
        self.dead += len(kept)
        return delivery

    def _pause(self, delivery: Delivery) -> None:
        """After an attempt that did not do all: wait, for longer each time, while it gets on with nothing."""
        if delivery.taken or not delivery.problem:
            self._backoff.over()
            if not delivery.problem:
                self._beat()
                return
        if self._once and self._backoff.failures + 1 >= TRIES_ONCE:
            self._note(delivery.problem)
            raise RelayError(f"{self._relay.shown_url} has not taken all. {delivery.problem}")
        self._note(delivery.problem)
        until = clock.monotonic() + self._backoff.next(delivery.wait)
        while (left := until - clock.monotonic()) > 0 and not self._over.wait(min(left, BEAT_EVERY)):
            self._beat()

    def _note(self, problem: str) -> None:
        if problem != self._problem:
            self._say(f"{problem} It is tried again." if not self._once else problem)
        self._problem = problem
        self._with_database(lambda: place.note_failure(self._relay.name, problem, self._runner, failed=1))
        self._beaten_at = clock.monotonic()

    def _write(self, row: Row, sent: int) -> None:
        """Move the place behind a row; the receiver has all up to there, so it is not sent again if that takes long."""

        def advance() -> None:
            assert self._place is not None  # noqa: S101  it is there while rows of it are sent
            self._place.advance(row.anchor, self._runner, sent)
            if self._problem and not sent:
                place.get_on(self._relay.name)

        self._with_database(advance)
        self._beaten_at = clock.monotonic()
        if self._problem:
            self._say(f"{self._relay.shown_url} takes events again.")
            self._problem = ""
        self._backoff.over()

    def _with_database(self, write: Callable[[], None]) -> None:
        """Write, and wait for a database that is gone or locked; what was sent meanwhile is not forgotten."""
        waits = Backoff()
        while True:
            try:
                if waits.failures:
                    self._take_office()
                write()
                self._find_database()
                return
            except (DatabaseError, InterfaceError) as error:
                if self._once or self._over.is_set():
                    raise
                self._lose_database(error)
                self._over.wait(waits.next())

    def _send_letters(self) -> None:
        """Send the dead letters again for which somebody has asked."""
        wanted = letters.wanted(self._relay.name)
        if not wanted:
            return
        found = events().in_bulk([letter.event for letter in wanted])
        by_message: dict[Message, DeadLetter] = {}
        for letter in wanted:
            event = found.get(letter.event)
            message = self._reading.message(event, is_tombstone=letter.is_tombstone) if event is not None else None
            if message is None:
                letters.give_up(letter)
            else:
                by_message[message] = letter
        left = list(by_message)
        while left and not self._over.is_set():
            delivery = self._sent(left[: self._sink.most])
            for message in delivery.taken:
                letters.settle(by_message[message])
            RelayCursor.objects.filter(name=self._relay.name).update(sent=F("sent") + len(delivery.taken))
            done = {*delivery.taken, *(message for message, _ in delivery.refused)}
            left = [message for message in left if message not in done]
            if left:
                self._pause(delivery)

    def _beat(self) -> None:
        if clock.monotonic() - self._beaten_at < BEAT_EVERY:
            return
        self._beaten_at = clock.monotonic()

        def beat() -> None:
            self._take_office()  # the lock may have gone without the connection that writes
            place.beat(self._relay.name, self._runner)

        self._with_database(beat)

    def _take_office(self) -> None:
        """Raise ``RelayError``, which says who runs the relay, if another process does."""
        if elected.stand(self._office):
            return
        row = RelayCursor.objects.filter(name=self._relay.name).first()
        who = f"{row.runner!r}" if row is not None and row.runner else "another process"
        heard = ""
        if row is not None and row.heartbeat_at is not None:
            seconds = max(0, round((clock.now() - row.heartbeat_at).total_seconds()))
            heard = f" Its last sign of life was {counted(seconds, 'second')} ago."
        raise RelayError(f"The relay {self._relay.name!r} is run by {who} already.{heard} One at a time does.")

    def _resign(self) -> None:
        try:
            if self._place is not None:
                place.beat(self._relay.name, "")
            elected.resign(self._office)
        except (DatabaseError, InterfaceError):
            connections[conf.DATABASE].close()

    def _lose_database(self, error: Exception) -> None:
        if not connections[conf.DATABASE].in_atomic_block:
            connections[conf.DATABASE].close()
        if not self._lost_database:
            self._say(f"The log's database does not answer: {error_text(error)}. It is tried again.")
        self._lost_database = True

    def _find_database(self) -> None:
        if self._lost_database:
            self._say("The log's database answers again.")
        self._lost_database = False


def office_of(name: str) -> elected.Office:
    """What the process is elected for that runs a relay: one for each name."""
    number = zlib.crc32(name.encode())
    return elected.Office(_OFFICES | (number & (_OFFICES - 1)), f"-relay-{number:08x}")
