"""Tells people and programs that an alert has fired: by mail and by webhook, in a thread of its own.

Whoever watches never waits for it. What cannot be sent after three attempts is an error in the server's log; that the
alert has fired stands in the events all the same.
"""

from __future__ import annotations

import json
import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.core.mail import send_mail
from django.db import connections

from signal_log.audit.alerts.firing import SOURCE, Due
from signal_log.audit.alerts.rule import Rule, is_webhook, masked
from signal_log.capture.api import context
from signal_log.capture.model.error_text import error_text
from signal_log.errors import ProofError, SignalLogError
from signal_log.seal import http_call
from signal_log.seal.canonical import timestamp

logger = logging.getLogger("signal_log")

PAUSES: Final = (1.0, 5.0)
"""Seconds before the second and the third attempt."""
SECONDS: Final = 5.0
"""For the whole of a webhook's answer."""
MOST_WAITING: Final = 100

_thread: Final = ThreadPoolExecutor(1, "signal_log-alerts")
_waiting: Final[list[Future[None]]] = []


class NotTaken(SignalLogError):
    """The other side has answered that it does not take it."""


def send_later(rule: Rule, due: Due, at: datetime) -> None:
    """Send it to all addresses of the alert, in the background."""
    _waiting[:] = [future for future in _waiting if not future.done()]
    if len(_waiting) >= MOST_WAITING:
        logger.error("The alert %r is not sent: %d are waiting to be.", rule.name, len(_waiting))
        return
    _waiting.append(_thread.submit(send, rule, due, at))


def send(rule: Rule, due: Due, at: datetime) -> None:
    """Send it to all addresses now; logs what cannot be sent."""
    try:
        with context(source=SOURCE):  # a mail backend may write rows
            for address in rule.to:
                _try(rule, address, message(rule, due, at))
    finally:
        connections.close_all()


def message(rule: Rule, due: Due, at: datetime) -> dict[str, Any]:
    """What is told: what and how often, and where to look, but no value of any event."""
    told: dict[str, Any] = {"alert": rule.name, "query": rule.query, "count": due.times, "at": timestamp(at)}
    if rule.is_condition:
        return told | {"detail": due.detail, "see": "/seals/"}
    see = f"/events/?{rule.query.removeprefix('?')}&{urlencode({'after': due.first - 1})}"
    return told | {"seconds": rule.seconds, "first_event": due.first, "last_event": due.last, "see": see}


def _try(rule: Rule, address: str, told: dict[str, Any]) -> None:
    for pause in (*PAUSES, None):
        try:
            if is_webhook(address):
                _post(address, told)
            else:
                send_mail(_subject(rule, told), _text(told), None, [address])
        except Exception as error:  # noqa: BLE001  a mail backend may raise anything
            if pause is None:
                why = str(error) if isinstance(error, SignalLogError) else error_text(error)
                logger.error("The alert %r could not be sent to %s: %s", rule.name, masked(address), why)
                return
            time.sleep(pause)
        else:
            return


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
