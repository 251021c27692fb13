"""A demo person's browser: real requests through the whole middleware stack, without a network."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.management.base import CommandError
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse


class FastHasher(PBKDF2PasswordHasher):
    """Django's default hasher with few iterations: the passwords are long and random, so slow hashing adds nothing."""

    iterations = 1_000


LOGGED_OUT_AFTER: Final = ("users:logout", "users:delete")
"""Submitting one of these forms leads to the login page; any other form keeps the user logged in."""
DUMMY_MAIL: Final = "django.core.mail.backends.dummy.EmailBackend"


def traffic_settings() -> dict[str, Any]:
    """Settings to override in this process while it makes traffic.

    No mail is sent or stored, no session is left in the database, and hashing is fast.
    """
    mail = {"MAILERS": {"default": {"BACKEND": DUMMY_MAIL}}} if hasattr(settings, "MAILERS") else {}
    return {
        **(mail or {"EMAIL_BACKEND": DUMMY_MAIL}),
        "THROTTLES": {},  # a whole population from a few hundred addresses
        "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
        "PASSWORD_HASHERS": [f"{__name__}.{FastHasher.__name__}", *settings.PASSWORD_HASHERS],
    }


def allowed_host() -> str:
    """A host name that ALLOWED_HOSTS accepts."""
    hosts = settings.ALLOWED_HOSTS or (["localhost"] if settings.DEBUG else [])
    if not hosts:
        raise CommandError("ALLOWED_HOSTS is empty, so every request would be rejected. Set it, or set DEBUG=1.")
    return "localhost" if "*" in hosts else hosts[0].removeprefix(".")


class UnexpectedResponseError(Exception):
    """The site did not accept a form."""


class Visitor:
    """One person at one IP address, logged in or not."""

    def __init__(self, host: str, remote_address: str, password: str) -> None:
        self.password = password
        self.is_logged_in = False
        # Not 127.0.0.1, where the debug toolbar would instrument every page under DEBUG.
        self._client = Client(SERVER_NAME=host, REMOTE_ADDR=remote_address)

    def submit(self, page: str, **fields: str) -> None:
        """Submit a form and, like a browser, follow its redirect."""
        response: Any = self._client.post(reverse(page), fields, follow=True, secure=True)
        at_login = response.request["PATH_INFO"] == reverse("users:login")
        if response.redirect_chain and response.status_code == 200 and at_login == (page in LOGGED_OUT_AFTER):
            return
        self.is_logged_in = False
        raise UnexpectedResponseError(
            f"{page} ended at {response.request['PATH_INFO']} with {response.status_code}{_form_errors(response)}"
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


def _form_errors(response: HttpResponse) -> str:
    """The errors of the form on the page, if its context is available."""
    form = (getattr(response, "context_data", None) or {}).get("form")
    return f": {form.errors.as_text()}" if form is not None and form.errors else ""
