"""What the server itself writes: lines of its log without secrets, and, if asked for, few mails to administrators."""

from __future__ import annotations

import logging
import re
import time
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from threading import Lock
from typing import Any, Final

import daphne.cli
from daphne.access import AccessLogGenerator
from django.core.mail import mail_admins
from django.core.signals import setting_changed

from signal_log.capture.trace.path import shown_line

MAIL_EVERY: Final = 600.0
"""Seconds between two mails."""
HEALTH_CHECKS: Final = frozenset({"GET /healthz", "GET /readyz"})

_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")

_ADDRESS: Final = re.compile(r"[0-9a-f.:]+", re.IGNORECASE).fullmatch

access = logging.getLogger("daphne.access")


class MaskingFormatter(logging.Formatter):
    """Formats a record as usual, traceback included, and masks what of it is a secret or looks like one."""

    def format(self, record: logging.LogRecord) -> str:
        """The whole text of the record, masked, unless its writer has seen to that."""
        text = super().format(record)
        return text if getattr(record, "is_masked", False) else shown_line(text)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's own name
        """The message as one line, whatever the paths and names in it hold."""
        record.message = escaped(record.message)
        return super().formatMessage(record)


def escaped(text: str) -> str:
    """A text on one line: what would begin another line, or command a terminal, is shown as ``\\n`` or ``\\x1b``."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class FewMails(logging.Handler):
    """Mails an error to ``ADMINS``, at most one in ten minutes: its message and where it came from.

    Django's own handler mails a report with settings, headers and local variables, for every failed request.
    """

    def __init__(self, level: int | str = logging.ERROR) -> None:
        super().__init__(level)
        self.setFormatter(MaskingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._next = float("-inf")
        self._left_out = 0
        self._counting = Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Mail the record, or count it."""
        with self._counting:
            now = time.monotonic()
            if now < self._next:
                self._left_out += 1
                return
            self._next, left_out, self._left_out = now + MAIL_EVERY, self._left_out, 0
        try:
            text = self.format(record)
            if left_out:
                text += f"\n\n{left_out} more errors since the last mail; the server's log has them."
            with suppress(OSError):  # which SMTP's errors are; the log itself has the record
                mail_admins(f"{record.levelname} {record.name}", text)
        except Exception:  # noqa: BLE001  as logging does: an error here must not become the host's
            self.handleError(record)


class MaskedAccessLog(AccessLogGenerator):
    """daphne's access log as records of the logger ``daphne.access``, which the formatter masks."""

    def write_entry(
        self, host: str, date: datetime, request: str, status: Any = None, length: Any = None, ident: Any = None,
        user: Any = None,
    ) -> None:  # fmt: skip
        """Log one line, but none for a health check that found all well: there is one every few seconds."""
        if status == HTTPStatus.OK and request in HEALTH_CHECKS:
            return
        # What is no address was made up by the client: X-Forwarded-For may hold anything.
        is_masked = host is not None and _ADDRESS(host) is not None
        shown = _shown(request) if is_masked else request
        access.info('%s "%s" %s %s', host, shown, status or "-", length or "-", extra={"is_masked": is_masked})


@lru_cache(maxsize=256)
def _shown(request: str) -> str:
    """What is logged of a request: looked for secrets once, as live pages that come back all ask for the same."""
    return shown_line(request)


setting_changed.connect(lambda **_: _shown.cache_clear(), weak=False)  # what is secret


def mask_access_log() -> None:
    """Have the command ``daphne`` use it; the command loads the application before it makes its access log."""
    daphne.cli.AccessLogGenerator = MaskedAccessLog
