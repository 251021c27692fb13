"""The mails about an account: sent after the commit, never for what was rolled back, never in its way."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string

from signal_log.capture.trace.context import current_actor

logger = logging.getLogger(__name__)


def send_welcome(user: Any, using: str) -> None:
    """Greet a new user once the account is committed."""
    if user.email:
        welcome = compose("welcome", [user.email], facts(user))
        transaction.on_commit(lambda: deliver([welcome]), using=using)


def send_farewell(user: Any, using: str) -> None:
    """Once the deletion is committed, say goodbye to the user and tell the administrators by whom."""
    # Everything is read now: after the commit the instance has lost its pk, and the request may be over.
    about = facts(user) | {"deleted_by": deleted_by(user)}
    readers = {"farewell": [user.email] if user.email else [], "notice": admin_addresses()}
    messages = [compose(name, to, about) for name, to in readers.items() if to]
    if messages:
        transaction.on_commit(lambda: deliver(messages), using=using)


def deleted_by(user: Any) -> str:
    """Who is at work: the user, another account, or outside requests the machine's login."""
    actor = current_actor()
    if actor.pk and actor.pk == str(user.pk):
        return "the user"
    name = " ".join(actor.name.split())
    return f"{name} (id {actor.pk})" if actor.pk else name


def facts(user: Any) -> dict[str, Any]:
    """What the templates may say of a user; not the name, or people could mail their text to others by us."""
    return {"username": " ".join(user.get_username().split()), "pk": user.pk}


def admin_addresses() -> list[str]:
    """The addresses of ``ADMINS``: (name, address) pairs on Django 5.2, addresses since 6.0."""
    return [admin if isinstance(admin, str) else admin[1] for admin in settings.ADMINS]


def compose(name: str, to: list[str], context: dict[str, Any]) -> EmailMessage:
    """The mail of a template: its first line is the subject, the rest the text."""
    subject, _, body = render_to_string(f"users/mail/{name}.txt", context).strip().partition("\n\n")
    return EmailMessage(" ".join(subject.split()), body, to=to)


def deliver(messages: Sequence[EmailMessage]) -> None:
    """Send each; a failure is logged, with the address masked, and goes no further."""
    for position, message in enumerate(messages):
        try:
            message.send()
        except Exception as error:  # noqa: BLE001  whatever the mail backend raises, the account stands
            if isinstance(error, OSError) and not isinstance(error, SMTPException):
                # No server at the other end: the next mail would only wait for it again.
                log_failure(error, messages[position:])
                return
            log_failure(error, [message])


def log_failure(error: Exception, messages: Sequence[EmailMessage]) -> None:
    """A line for each; the error's own text stays out, for SMTP errors quote the address."""
    for message in messages:
        masked = ", ".join(mask(address) for address in message.to)
        logger.error("Mail to %s was not sent: %s", masked, type(error).__name__)


def mask(address: str) -> str:
    """``ada@example.org`` as ``a***@e***.org``: enough to recognise, not enough to write to."""
    local, _, domain = address.rpartition("@")
    host, dot, ending = domain.rpartition(".")
    return f"{local[:1]}***@{(host or ending)[:1]}***{dot and '.' + ending}"
