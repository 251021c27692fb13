"""The signed name of a session that a browser's cookie, a client's header or a process's environment carries.

Each way has a signature of its own, so that what one carries is not accepted from another. A browser's token is its
owner's: it names the account that started the session, and the log-in it was started in, as keyed hashes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.utils.crypto import salted_hmac

from signal_log import clock

COOKIE: Final = "signal_session"
HEADER: Final = "HTTP_X_SIGNAL_SESSION"
ENVIRONMENT: Final = "SIGNAL_SESSION"
BROWSER: Final = "browser"
CLIENT: Final = "client"
COMMAND: Final = "command"
TASK: Final = "task"
"""Kinds of tokens: the scopes of sessions that have one, and what a task's message carries for any session."""
_SALT: Final = "signal_log.session"
MOST: Final = 5
"""A browser sends one cookie of a name, or one for each path and domain; whoever sends more is not read further."""
_LONGEST: Final = 200


class Named(NamedTuple):
    """A session that a token names."""

    session: int
    owner: str = ""
    """The hash of the account whose browser it records; empty if it records anybody's."""
    login: str = ""
    """The hash of the log-in that it was started in."""
    is_same_login: bool = False
    """Whether the browser is still in that."""

    def is_of(self, account: str) -> bool:
        """Whether it records what this account does; of a request that has not asked who it is, the log-in tells."""
        if not self.owner:
            return True
        return _hash(account) == self.owner if account else self.is_same_login


def make_token(kind: str, session: int, until: int, *, account: str = "", login: str = "") -> str:
    """The token of a session, valid until this second since 1970; for one account's browser alone if that is given."""
    return _signer(kind).sign(f"{session}.{until}.{_hash(account)}.{_hash(login)}")


def read_token(kind: str, token: str) -> Named | None:
    """The session that a token of this kind names; None if it is forged, of another kind or has expired."""
    if not token or len(token) > _LONGEST:
        return None
    try:
        session, until, owner, login = _signer(kind).unsign(token).split(".")
        return Named(int(session), owner, login) if int(until) * 1_000_000_000 > clock.time_ns() else None
    except (BadSignature, ValueError):
        return None


def named_in(meta: Mapping[str, Any]) -> tuple[Named, ...]:
    """The sessions that a request's headers name; without any, it costs two look-ups."""
    header, cookies = meta.get(HEADER), meta.get("HTTP_COOKIE")
    if header is None and (cookies is None or COOKIE not in cookies):
        return ()
    found = [*named_by_cookie(str(cookies or ""))]
    if header and (named := read_token(CLIENT, str(header))) is not None:
        found.append(named)
    return tuple(found)


def named_by_cookie(header: str) -> Iterator[Named]:
    """The sessions that a ``Cookie`` header names for its browser."""
    cookies = [part.strip().partition("=") for part in header.split(";")]
    logins = [value for name, _, value in cookies if name == settings.SESSION_COOKIE_NAME][:MOST]
    tokens = [value for name, _, value in cookies if name == COOKIE][:MOST]
    for value in tokens:
        if (named := read_token(BROWSER, value.strip('"'))) is not None:
            is_same = bool(named.login) and any(_hash(login.strip('"')) == named.login for login in logins)
            yield named._replace(is_same_login=is_same)


def named_by_process() -> tuple[int, ...]:
    """The session that this process was started in by ``signal_session run``."""
    named = read_token(COMMAND, os.environ.get(ENVIRONMENT, ""))
    return () if named is None else (named.session,)


def forget_cookie(response: Any) -> None:
    """Have the browser forget its session."""
    response.delete_cookie(COOKIE, path=settings.SESSION_COOKIE_PATH, domain=settings.SESSION_COOKIE_DOMAIN)


def _signer(kind: str) -> Signer:
    return Signer(salt=f"{_SALT}.{kind}")


def _hash(text: str) -> str:
    return salted_hmac(_SALT, text, algorithm="sha256").hexdigest()[:24] if text else ""
