"""Account mail: sent after the commit, never for rolled-back work, and never fatal if sending fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from smtplib import SMTPException
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string

from signal_log import current_actor

LONGEST_WAIT: Final = 3.0
"""Seconds that a request waits for the mail server."""

logger = logging.getLogger(__name__)


def send_welcome(user: Any, using: str) -> None:
    """Send the welcome mail once the new account is committed."""
    if user.email:
        welcome = compose("welcome", [user.email], facts(user))
        transaction.on_commit(lambda: deliver([welcome]), using=using)


def send_farewell(user: Any, using: str) -> None:
    """Once the deletion is committed, send a farewell to the user and a notice to the administrators."""
    # Collect everything now: after the commit the instance has no pk, and the request may be over.
    about = facts(user) | {"deleted_by": deleted_by(user)}
    recipients = {"farewell": [user.email] if user.email else [], "notice": admin_addresses()}
    messages = [compose(name, to, about) for name, to in recipients.items() if to]
    if messages:
        transaction.on_commit(lambda: deliver(messages), using=using)


def deleted_by(user: Any) -> str:
    """Who deleted the account: the user, another account or, outside requests, the OS user."""
    actor = current_actor()
    if actor.pk and actor.pk == str(user.pk):
        return "the user"
    name = " ".join(actor.name.split())
    return f"{name} (id {actor.pk})" if actor.pk else name


def facts(user: Any) -> dict[str, Any]:
    """The user data available to templates; no free-text name, which could be used to mail arbitrary text to others."""
    return {"username": " ".join(user.get_username().split()), "pk": user.pk}


def admin_addresses() -> list[str]:
    """The addresses in ``ADMINS``: (name, address) pairs on Django 5.2, plain addresses since 6.0."""
    return [admin if isinstance(admin, str) else admin[1] for admin in settings.ADMINS]


def compose(name: str, to: list[str], context: dict[str, Any]) -> EmailMessage:
    """Render a message; the template's first line is the subject, the rest is the body."""
    subject, _, body = render_to_string(f"users/mail/{name}.txt", context).strip().partition("\n\n")
    return EmailMessage(" ".join(subject.split()), body, to=to)


def deliver(messages: Sequence[EmailMessage]) -> None:
    """Send the messages, and wait a few seconds at most; if it takes longer they are still sent.

    ``EMAIL_TIMEOUT`` does not limit the look-up of the server's name, which alone can take half a minute.
    """
    sending = threading.Thread(target=send_each, args=(messages,), name="mail")
    sending.start()
    sending.join(LONGEST_WAIT)
    if sending.is_alive():
        logger.warning("The mail server takes more than %g s; mails are sent on without waiting.", LONGEST_WAIT)


def deliver_later(messages: Sequence[EmailMessage]) -> None:
    """Send the messages without waiting at all, so that the answer's time does not tell whether there are any."""
    threading.Thread(target=send_each, args=(messages,), name="mail").start()


def send_each(messages: Sequence[EmailMessage]) -> None:
    """Send each message; failures are logged with a masked address and not propagated."""
    for position, message in enumerate(messages):
        try:
            message.send()
        except Exception as error:  # noqa: BLE001  whatever the mail backend raises, the account is committed
            if isinstance(error, OSError) and not isinstance(error, SMTPException):
                # The server is unreachable: the remaining messages would only time out too.
                log_failure(error, messages[position:])
                return
            log_failure(error, [message])


def log_failure(error: Exception, messages: Sequence[EmailMessage]) -> None:
    """Log one line per message, without the error's text, because SMTP errors quote the address."""
    for message in messages:
        masked = ", ".join(mask(address) for address in message.to)
        logger.error("Mail to %s was not sent: %s", masked, type(error).__name__)


def mask(address: str) -> str:
    """``ada@example.org`` as ``a***@e***.org``: recognisable, but not usable."""
    local, _, domain = address.rpartition("@")
    host, dot, ending = domain.rpartition(".")
    return f"{local[:1]}***@{(host or ending)[:1]}***{dot and '.' + ending}"
