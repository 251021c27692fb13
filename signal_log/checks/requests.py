"""System checks of how the log is built into the project: its middleware and its pages' addresses."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.core import checks
from django.urls import NoReverseMatch, Resolver404, get_script_prefix, resolve, reverse
from django.utils.module_loading import import_string

from signal_log.capture.middleware import SignalLogMiddleware
from signal_log.show.access import login_url, wanted_login

OURS: Final = f"{SignalLogMiddleware.__module__}.{SignalLogMiddleware.__qualname__}"
KNOWS_WHO: Final = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
)
"""As paths: where these apps are missing, their modules cannot be imported."""
PAGES: Final = ("live", "events")
INCLUDE: Final = 'path("signals/", include("signal_log.urls"))'


def check_middleware(**_: Any) -> list[checks.CheckMessage]:
    """The middleware is installed, and after those that find out who is logged in."""
    classes = [_class_of(path) for path in settings.MIDDLEWARE]
    at = next((i for i, one in enumerate(classes) if _is(one, SignalLogMiddleware)), None)
    if at is None:
        return [
            checks.Warning(
                "SignalLogMiddleware is not in MIDDLEWARE: events will not know their request or actor.",
                hint=f'Add "{OURS}" after the authentication middleware.',
                id="signal_log.W002",
            )
        ]
    later = [path for path, one in list(zip(settings.MIDDLEWARE, classes, strict=True))[at:] if _knows_who(one)]
    if not later:
        return []
    return [
        checks.Warning(
            f"SignalLogMiddleware stands before {' and '.join(name.rpartition('.')[2] for name in later)} in "
            "MIDDLEWARE: whatever is saved in between is by an unknown actor.",
            hint=f'Move "{OURS}" right after "{later[-1]}".',
            id="signal_log.W009",
        )
    ]


def check_urls(**_: Any) -> list[checks.CheckMessage]:
    """The log's pages have addresses, these lead to them, and there is a page to log in."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return []
    found: list[checks.CheckMessage] = []
    for page in PAGES:
        try:
            address = reverse(f"signal_log:{page}")
        except NoReverseMatch:
            return [
                checks.Warning(
                    "The log's pages have no address: signal_log.urls is not included in ROOT_URLCONF "
                    f"({settings.ROOT_URLCONF}). Events are recorded, but nobody sees them.",
                    hint=f"In {settings.ROOT_URLCONF}, before patterns that match everything: {INCLUDE}",
                    id="signal_log.W010",
                )
            ]
        taken_by = _taken_by(address)
        if taken_by:
            found.append(
                checks.Warning(
                    f"The log's page {address} is never reached: {taken_by} comes first.",
                    hint=f"In {settings.ROOT_URLCONF}, move {INCLUDE} up, before patterns that match everything.",
                    id="signal_log.W011",
                )
            )
    return [*found, *_login()]


def _login() -> list[checks.CheckMessage]:
    """There is a page where people log in: the one of ``LOGIN_URL``, or the admin's if the setting is Django's."""
    if wanted_login():
        return []
    fallback = login_url()
    is_there = fallback != str(settings.LOGIN_URL)
    if is_there and not settings.is_overridden("LOGIN_URL"):  # type: ignore[misc]  # taken for a setting
        return []  # a new project, whose people log in to the admin
    instead = f"sends people to {fallback} instead" if is_there else "sends people there, to a page that is not found"
    return [
        checks.Warning(
            f"LOGIN_URL is {str(settings.LOGIN_URL)!r}, which leads nowhere: the log {instead}.",
            hint=f"An address that {settings.ROOT_URLCONF} has, or the name of one of its patterns. For Django's own "
            'log-in: path("accounts/", include("django.contrib.auth.urls")).',
            id="signal_log.W023",
        )
    ]


def _taken_by(address: str) -> str:
    """What answers at the address of one of our pages, if it is somebody else's view."""
    prefix = get_script_prefix()
    try:
        match = resolve("/" + address.removeprefix(prefix) if prefix != "/" else address)
    except Resolver404:
        return "a pattern that answers 404"
    if match.app_names[-1:] == ["signal_log"]:
        return ""
    return f"the pattern {match.route!r} ({match._func_path})"


def _class_of(path: str) -> object:
    try:
        return import_string(path)
    except ImportError:
        return None  # Django says so when it loads the middleware


def _is(middleware: object, wanted: type) -> bool:
    return isinstance(middleware, type) and issubclass(middleware, wanted)


def _knows_who(middleware: object) -> bool:
    bases = middleware.__mro__ if isinstance(middleware, type) else ()
    return any(f"{base.__module__}.{base.__qualname__}" in KNOWS_WHO for base in bases)
