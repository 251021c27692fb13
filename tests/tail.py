"""People, sessions and sockets for tests of the live websocket."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import AbstractUser, Permission, User
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from tests.socket_client import SocketClient

if TYPE_CHECKING:
    from tests.servers.daphne import Daphne


def database_url() -> str:
    """Return the address of the database that this test's ORM uses, for a server on it."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    user, password = quote(database["USER"]), quote(database["PASSWORD"])
    return f"postgres://{user}:{password}@{database['HOST']}:{database['PORT']}/{quote(database['NAME'])}"


def make_observer(name: str = "grace", *, superuser: bool = False) -> User:
    """Create a person who may see events, by the permission alone or as superuser."""
    user = User.objects.create_user(name, f"{name}@example.org", "Correct-Horse-9", is_superuser=superuser)
    if not superuser:
        user.user_permissions.add(*Permission.objects.filter(codename__in=("view_signalevent", "export_signalevent")))
    return user


def log_in(user: AbstractUser) -> SessionStore:
    """Return a session of this person, as the log-in page makes it."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session


def open_socket(server: Daphne, session: SessionStore | None, *, acknowledge: bool = True) -> SocketClient:
    """Return a live websocket for the session's owner, to be opened by ``with``."""
    cookies = f"{settings.SESSION_COOKIE_NAME}={session.session_key}" if session else ""
    return SocketClient(server.url, cookies, acknowledge=acknowledge)
