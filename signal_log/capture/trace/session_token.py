"""The signed name of a session that a browser's cookie, a client's header or a process's environment carries."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.core.signing import BadSignature, Signer

from signal_log import clock

COOKIE: Final = "signal_session"
HEADER: Final = "HTTP_X_SIGNAL_SESSION"
ENVIRONMENT: Final = "SIGNAL_SESSION"
_SALT: Final = "signal_log.session"
_LONGEST: Final = 200


def make_token(session: int, until: int) -> str:
    """The token of a session, valid until this second since 1970."""
    return Signer(salt=_SALT).sign(f"{session}.{until}")


def read_token(token: str) -> int:
    """The session that a token names; 0 if it is forged or has expired."""
    if not token or len(token) > _LONGEST:
        return 0
    try:
        session, _, until = Signer(salt=_SALT).unsign(token).partition(".")
        return int(session) if int(until) * 1_000_000_000 > clock.time_ns() else 0
    except (BadSignature, ValueError):
        return 0


def named_in(meta: Mapping[str, Any]) -> tuple[int, ...]:
    """The sessions that a request's headers name; without any, it costs two look-ups."""
    header, cookies = meta.get(HEADER), meta.get("HTTP_COOKIE")
    if header is None and (cookies is None or COOKIE not in cookies):
        return ()
    return tuple(session for token in _tokens(header, cookies) if (session := read_token(token)))


def named_by_process() -> tuple[int, ...]:
    """The session that this process was started in by ``signal_session run``."""
    session = read_token(os.environ.get(ENVIRONMENT, ""))
    return (session,) if session else ()


def _tokens(header: Any, cookies: Any) -> Iterator[str]:
    if header:
        yield str(header)
    for part in str(cookies or "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            yield value.strip('"')
