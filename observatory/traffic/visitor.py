"""A demo person's browser: real requests through all of the middleware, without a network."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.management.base import CommandError
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse


class QuickHasher(PBKDF2PasswordHasher):
    """Django's default hasher with few rounds: long random passwords need no slowing down, the demo no heater."""

    iterations = 1_000


LEAVING: Final = ("users:logout", "users:delete")
"""Whoever has sent one of these finds themselves at the log-in page; any other form keeps them inside."""
DUMMY_MAIL: Final = "django.core.mail.backends.dummy.EmailBackend"


def settings_of_the_traffic() -> dict[str, Any]:
    """What differs in this process while it makes traffic.

    No mail leaves or piles up, no session is left in the database, hashing is quick.
    """
    mail = {"MAILERS": {"default": {"BACKEND": DUMMY_MAIL}}} if hasattr(settings, "MAILERS") else {}
    return {
        **(mail or {"EMAIL_BACKEND": DUMMY_MAIL}),
        "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
        "PASSWORD_HASHERS": [f"{__name__}.{QuickHasher.__name__}", *settings.PASSWORD_HASHERS],
    }


def allowed_host() -> str:
    """A host name by which this installation may be asked."""
    hosts = settings.ALLOWED_HOSTS or (["localhost"] if settings.DEBUG else [])
    if not hosts:
        raise CommandError("ALLOWED_HOSTS is empty, so no request would be answered. Set it, or DEBUG=1.")
    return "localhost" if "*" in hosts else hosts[0].removeprefix(".")


class UnexpectedAnswerError(Exception):
    """The site did not do what a form asked for."""


class Visitor:
    """One person at one address, logged in or not."""

    def __init__(self, host: str, remote_address: str, password: str) -> None:
        self.password = password
        self.is_logged_in = False
        # Not from 127.0.0.1, where DEBUG would have the debug toolbar work on each page.
        self._client = Client(SERVER_NAME=host, REMOTE_ADDR=remote_address)

    def submit(self, page: str, **fields: str) -> None:
        """Send a form and, as a browser does, open the page it leads to."""
        answer: Any = self._client.post(reverse(page), fields, follow=True, secure=True)
        at_login = answer.request["PATH_INFO"] == reverse("users:login")
        if answer.redirect_chain and answer.status_code == 200 and at_login == (page in LEAVING):
            return
        self.is_logged_in = False
        raise UnexpectedAnswerError(
            f"{page} ended at {answer.request['PATH_INFO']} with {answer.status_code}{_complaints(answer)}"
        )

    def log_in(self, username: str) -> None:
        """Log in, unless already done."""
        if not self.is_logged_in:
            self.submit("users:login", username=username, password=self.password)
            self.is_logged_in = True

    def log_out(self) -> None:
        """Log out, if logged in."""
        if self.is_logged_in:
            self.submit("users:logout")
            self.is_logged_in = False


def _complaints(answer: HttpResponse) -> str:
    """What the form on the page found wrong, where the page can be asked."""
    form = (getattr(answer, "context_data", None) or {}).get("form")
    return f": {form.errors.as_text()}" if form is not None and form.errors else ""
