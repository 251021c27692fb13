"""The path of a request as the log shows it: without the tokens that stand in addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Final

from django.conf import settings
from django.urls import resolve

from signal_log.capture.model.masking import secret_names
from signal_log.capture.model.object_text import QueryRefused, without_queries
from signal_log.capture.model.secret_text import looks_random, without_secrets
from signal_log.capture.model.snapshot import clean_truncated
from signal_log.event import MASK

MAX_CHARS: Final = 500
_INVITING: Final = frozenset({"code", "hash", "invitation", "invite", "sig"})
"""Words of parameters that are secret if they are long."""
_SHORTEST_INVITATION: Final = 6
_SHORTEST_POSITIONAL: Final = 8
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


_PATH: Final = re.compile(r"(?<![\w:/.<~-])/[\w./~%@+:=,!$&*;•-]*")


class RequestPath:
    """The path of one request, asked for whenever an event is written."""

    __slots__ = ("_request", "_resolved", "_shown", "secrets")

    def __init__(self, request: Any) -> None:
        self._request = request
        self._resolved: Any = None
        self._shown = ""
        self.secrets: tuple[str, ...] = ()
        """What has been masked of it."""

    def __call__(self) -> str:
        match = self._request.resolver_match
        if not self._shown or (match is not None and match is not self._resolved):
            self._resolved = match if match is not None else _resolve(self._request)
            self._shown = shown_path(self._request.path, self._resolved)
            self.secrets = tuple(_secrets_in(self._resolved))
        return self._shown


def request_path(request: Any) -> str:
    """The path without the query string, and without what the parameters of its URL tell, or show, to be secret."""
    return RequestPath(request)()


def shown_path(path: str, match: Any = None) -> str:
    """A path without the secrets that the match names, and without every part that looks like one."""
    for value in sorted(set(_secrets_in(match)), key=len, reverse=True):
        whole = re.sub(rf"(?<![^/]){re.escape(value)}(?![^/])", MASK, path)
        path = whole if whole != path else path.replace(value, MASK)
    names = secret_names()
    parts = [
        MASK if looks_random(part) and not _UUID.fullmatch(part) else without_secrets(part, names)
        for part in path.split("/")
    ]
    return clean_truncated("/".join(parts), MAX_CHARS)


def _resolve(request: Any) -> Any:
    """What the path will resolve to: an event may be written before Django gets as far."""
    if not getattr(request, "path_info", ""):
        return None
    try:
        return without_queries(lambda path: resolve(path, getattr(request, "urlconf", None)), request.path_info)
    except (Exception, QueryRefused):  # noqa: BLE001  there is no such page, or a host's converter raises anything
        return None


def _secrets_in(match: Any) -> Iterator[str]:
    """What the parameters of a URL hold that is named as a secret, or looks like one."""
    if match is None:
        return
    names = secret_names()
    for name, value in match.kwargs.items():
        text = str(value)
        may_be = not _INVITING.isdisjoint(name.lower().split("_")) and len(text) >= _SHORTEST_INVITATION
        if text and (name in names or may_be or (looks_random(text) and not _UUID.fullmatch(text))):
            yield text
    for value in getattr(match, "args", ()):
        if isinstance(value, str) and looks_random(value, _SHORTEST_POSITIONAL):
            yield value


def shown_line(text: str) -> str:
    """A line of a server's log, or several: its paths masked as those of events are, and so is what looks secret."""
    try:
        return _PATH.sub(_shown_in_line, without_secrets(text, secret_names()))
    except Exception:  # noqa: BLE001  a log must not fail, and must not tell either
        return "(not shown: this line could not be masked)"


def _shown_in_line(match: re.Match[str]) -> str:
    path = match[0]
    if path.endswith(".py") or "/" not in path[1:] or path.startswith(settings.STATIC_URL or "//"):
        return path
    return shown_path(path, _resolve(SimpleNamespace(path_info=path)))
