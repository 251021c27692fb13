"""Tells people and programs that an alert has fired: by mail and by webhook, each address in a turn of its own.

Nobody waits for an address that is slow or gone: not whoever watches, not another address, and not the end of the
server, which drops what is unsent after a moment. What is dropped, or not taken in three attempts, is an error in the
server's log; that the alert has fired stands in the events all the same.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import threading
from collections import deque
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.core.mail import send_mail
from django.db import connections
from django.urls import NoReverseMatch, reverse

from signal_log import clock
from signal_log.audit.alerts.firing import SOURCE, Due
from signal_log.audit.alerts.rule import RELAY_STOPPED, WRITTEN_PAST, Rule, is_address, is_webhook, masked
from signal_log.capture.api import context
from signal_log.capture.model.error_text import error_text
from signal_log.errors import ProofError, SignalLogError
from signal_log.seal import http_call
from signal_log.seal.canonical import timestamp

logger = logging.getLogger("signal_log")

_PAGES: Final = {WRITTEN_PAST: "past_writes", RELAY_STOPPED: "relays"}
"""Where a condition is looked at, if not with the seals."""
PAUSES: Final = (1.0, 5.0)
"""Seconds before the second and the third attempt."""
SECONDS: Final = 5.0
"""For the whole of a webhook's answer."""
MOST_WAITING: Final = 100
"""For one address."""
SECONDS_TO_STOP: Final = 0.8
"""How long the end of a process waits for all that are being sent, together."""


class _Turn:
    """What waits to be sent to one address, and the thread that sends it, which ends when nothing waits."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[Rule, Due, datetime]] = deque()
        self.sending: Rule | None = None
        self.thread: threading.Thread | None = None


class _Turns:
    """The turns of all addresses of this process."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._of: dict[str, _Turn] = {}

    def add(self, address: str, rule: Rule, due: Due, at: datetime) -> None:
        """Have it sent when those before it are; whatever is too much is an error in the server's log."""
        with self._lock:
            turn = self._of.setdefault(address, _Turn())
            waiting = len(turn.waiting)
            if waiting < MOST_WAITING and not self.over.is_set():
                turn.waiting.append((rule, due, at))
                if turn.thread is None:
                    name = f"signal_log alert to {masked(address)}"
                    thread = threading.Thread(target=self._work, args=(address, turn), name=name, daemon=True)
                    thread.start()
                    turn.thread = thread
                return
        why = "the server ends" if self.over.is_set() else f"{waiting} are waiting to be"
        logger.error("The alert %r is not sent to %s: %s.", rule.name, masked(address), why)

    def stop(self, seconds: float) -> None:
        """Send nothing more, wait a moment for what is just being sent, and log what is dropped."""
        self.over.set()
        until = clock.monotonic() + seconds
        with self._lock:
            turns = list(self._of.items())
            threads = [turn.thread for _, turn in turns if turn.thread is not None]
        for thread in threads:
            thread.join(max(0.0, until - clock.monotonic()))
        with self._lock:
            for address, turn in turns:
                unsent = [rule.name for rule, *_ in turn.waiting]
                turn.waiting.clear()
                if turn.sending is not None:
                    unsent.insert(0, turn.sending.name)
                if unsent:
                    names = ", ".join(map(repr, unsent))
                    logger.error("Not sent to %s, because the server ends: %s.", masked(address), names)

    def _work(self, address: str, turn: _Turn) -> None:
        try:
            while (one := self._next(turn)) is not None:
                if send_to(address, *one, self.over):
                    turn.sending = None
        finally:
            with self._lock:
                turn.thread = None
            connections.close_all()

    def _next(self, turn: _Turn) -> tuple[Rule, Due, datetime] | None:
        with self._lock:
            if not turn.waiting or self.over.is_set():
                turn.thread = None  # whatever comes from now on begins another
                return None
            one = turn.waiting.popleft()
            turn.sending = one[0]
            return one


_turns = _Turns()


class NotTaken(SignalLogError):
    """The other side has answered that it does not take it."""


def send_later(rule: Rule, due: Due, at: datetime) -> None:
    """Send it to all addresses of the alert, in the background."""
    for address in rule.to:
        _turns.add(address, rule, due, at)


def send(rule: Rule, due: Due, at: datetime) -> None:
    """Send it to all addresses now; logs what cannot be sent."""
    try:
        for address in rule.to:
            send_to(address, rule, due, at, threading.Event())
    finally:
        connections.close_all()


def stop(seconds: float = SECONDS_TO_STOP) -> None:
    """Drop what is unsent, when the process ends."""
    _turns.stop(seconds)


def message(rule: Rule, due: Due, at: datetime) -> dict[str, Any]:
    """What is told: what and how often, and where to look, but no value of any event."""
    told: dict[str, Any] = {"alert": rule.name, "query": rule.query, "count": due.times, "at": timestamp(at)}
    if rule.is_condition:
        return told | {"detail": due.detail, "see": _page(_PAGES.get(rule.query, "seals"))}
    query = rule.query.removeprefix("?") if is_address(rule.query) else urlencode({"q": rule.query})
    see = f"{_page('events')}?{query}&{urlencode({'after': due.first - 1})}"
    return told | {"seconds": rule.seconds, "first_event": due.first, "last_event": due.last, "see": see}


def _page(name: str) -> str:
    """The address of a page of the log, wherever it is mounted, also from a process without URLs."""
    try:
        return reverse(f"signal_log:{name}")
    except (NoReverseMatch, AttributeError, ImportError):  # no pages, no ROOT_URLCONF, or none that can be imported
        return f"/{name.replace('_', '-')}/"


def send_to(address: str, rule: Rule, due: Due, at: datetime, over: threading.Event) -> bool:
    """Send it to one address, in three attempts while it is not over; whether it is settled, be it by an error."""
    told = message(rule, due, at)
    for pause in (*PAUSES, None):
        try:
            with context(source=SOURCE):  # a mail backend may write rows
                if is_webhook(address):
                    _post(address, told)
                else:
                    send_mail(_subject(rule, told), _text(told), None, [address])
        except Exception as error:  # noqa: BLE001  a mail backend may raise anything
            if pause is None:
                why = str(error) if isinstance(error, SignalLogError) else error_text(error)
                logger.error("The alert %r could not be sent to %s: %s", rule.name, masked(address), why)
                return True
            if over.wait(pause):
                return False
        else:
            return True
    return True


def _post(address: str, told: dict[str, Any]) -> None:
    """POST the message; a redirect is followed nowhere."""
    body = json.dumps(told).encode()
    headers = {"Content-Type": "application/json"}
    try:
        answer = http_call.send("POST", address, body, headers=headers, seconds=SECONDS)
    except ProofError as error:
        raise NotTaken(str(error)) from None
    if not 200 <= answer.status < 300:
        raise NotTaken(f"It answered {answer.status}.")


def _subject(rule: Rule, told: dict[str, Any]) -> str:
    what = "the log" if rule.is_condition else f"{told['count']} event{'s' if told['count'] != 1 else ''}"
    return f"[signal_log] {' '.join(rule.name.split())}: {what}"


def _text(told: dict[str, Any]) -> str:
    return "".join(f"{name.replace('_', ' ')}: {value}\n" for name, value in told.items())


def _begin_anew() -> None:
    """A forked process has none of the threads, and its parent sends what waits."""
    global _turns  # noqa: PLW0603  one for the process
    _turns = _Turns()


atexit.register(stop)
os.register_at_fork(after_in_child=_begin_anew)
