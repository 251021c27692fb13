"""Who may have a socket: the log-in and the permission behind it, checked when it opens and every few seconds after.

A log-in that ends, an account that is deactivated or deleted, a password that changes and a permission
that is taken away close their sockets within ``CHECK_EVERY`` seconds, whichever process did it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model, load_backend
from django.contrib.auth.signals import user_logged_out
from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from signal_log.permission import may_see_events, who_may_see_events
from signal_log.tail.wire import NO_PERMISSION, NOT_LOGGED_IN

CHECK_EVERY: Final = 4.0


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a socket belongs to; ``session`` is None where the host logs in without sessions."""

    user: Any
    session: str | None

    def __str__(self) -> str:
        return f"user {self.user}"


def admit(scope: Mapping[str, Any]) -> Identity | int:
    """Who opens a socket, or the close code to refuse it with. Asks the database."""
    user = scope.get("user")
    if user is None or not user.is_authenticated:
        return NOT_LOGGED_IN
    if not may_see_events(user):
        return NO_PERMISSION
    session = scope.get("session")
    # A user without a session of their own was authenticated by something else; only the account can be checked.
    has_session = session is not None and SESSION_KEY in session
    return Identity(user.pk, session.session_key if session is not None and has_session else None)


def admit_sessions(keys: Collection[str]) -> dict[str, Identity | int]:
    """Who opens sockets with these sessions' cookies, or the close code to refuse each with. Asks the database."""
    sessions = _sessions({*keys})
    users = _accounts(sessions)
    who = {key: Identity(user.pk, key) for key, user in users.items()}
    logged_in = {key for key, user in users.items() if _logged_in(who[key], user, sessions)}
    permitted = who_may_see_events([users[key] for key in logged_in])
    return {
        key: NOT_LOGGED_IN if key not in logged_in else who[key] if who[key].user in permitted else NO_PERMISSION
        for key in keys
    }


def _accounts(sessions: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The active accounts that sessions name and their backends let in; those of Django's own by one query."""
    from django.contrib.auth.backends import ModelBackend  # has models, which may not be loaded yet

    users: dict[str, Any] = {}
    numbers: dict[str, Any] = {}
    for key, session in sessions.items():
        path = str(session.get(BACKEND_SESSION_KEY))
        if SESSION_KEY not in session or path not in settings.AUTHENTICATION_BACKENDS:
            continue
        with suppress(ValidationError):  # a key of another kind than accounts have today
            number = get_user_model()._meta.pk.to_python(session[SESSION_KEY])
            backend = load_backend(path)
            if type(backend) is ModelBackend:
                numbers[key] = number
            else:
                users[key] = backend.get_user(number)
    found = get_user_model()._default_manager.in_bulk({*numbers.values()}) if numbers else {}
    users |= {key: found.get(number) for key, number in numbers.items()}
    return {key: user for key, user in users.items() if user is not None and user.is_active}


def turned_away(
    identities: Iterable[Identity], permitted: Callable[[Collection[Any]], set[Any]] = who_may_see_events
) -> dict[Identity, int]:
    """Those whose sockets must be closed, with the close code. One query for sessions, one for users, and what
    the authentication backends need for the permission (``permitted`` tells the keys of accounts that have it)."""
    asked = set(identities)
    if not asked:
        return {}
    release_connections()
    sessions = _sessions({who.session for who in asked if who.session is not None})
    users = get_user_model()._default_manager.in_bulk({who.user for who in asked})
    may_stay = permitted(users.values())
    found: dict[Identity, int] = {}
    for who in asked:
        user = users.get(who.user)
        if user is None or not user.is_active or not _logged_in(who, user, sessions):
            found[who] = NOT_LOGGED_IN
        elif who.user not in may_stay:
            found[who] = NO_PERMISSION
    return found


def release_connections() -> None:
    """Close unusable or expired connections, as at the end of a request, but not inside a transaction, as in tests."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def _logged_in(who: Identity, user: Any, sessions: Mapping[str, Mapping[str, Any]]) -> bool:
    if who.session is None:
        return True
    session = sessions.get(who.session)
    if session is None or str(session.get(SESSION_KEY)) != str(user.pk):
        return False
    if session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return False
    if not hasattr(user, "get_session_auth_hash"):
        return True
    given = session.get(HASH_SESSION_KEY) or ""
    accepted = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(given, one) for one in accepted)


def _sessions(keys: set[str]) -> dict[str, Mapping[str, Any]]:
    """The sessions that exist and have not expired, decoded."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    if hasattr(store, "get_model_class"):
        rows = store.get_model_class().objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
        return {row.session_key: row.get_decoded() for row in rows}
    return {key: store(key).load() for key in keys}


def on_logout(ended: Callable[[str], object]) -> Callable[[], None]:
    """Have ``ended`` called with the session's key at each log-out in this process; returns how to stop."""

    def logged_out(*, request: Any = None, **_: object) -> None:
        key = getattr(getattr(request, "session", None), "session_key", None)
        if key:
            ended(key)

    user_logged_out.connect(logged_out, weak=False)

    def stop() -> None:
        user_logged_out.disconnect(logged_out)

    return stop
