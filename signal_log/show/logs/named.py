"""The logs of other databases that ``SIGNAL_LOG["LOGS"]`` names by their origins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from django.db import connections

from signal_log.conf import ORIGIN, conf
from signal_log.errors import ConfigurationError
from signal_log.query_language import Term, write
from signal_log.show.links import url
from signal_log.show.words.text import visible

FIELDS: Final = ("database", "url")
ACCEPTED: Final = (
    '{origin: {"database": an alias of DATABASES, "url": the address of that log\'s pages, as '
    '"https://b.example.org/signals/", or ""}}'
)


@dataclass(frozen=True, slots=True)
class Log:
    """A log that pages show: in which database it is, and where its own pages are."""

    origin: str
    alias: str
    url: str = ""
    """Ends with a slash; empty if it has no pages, or none that people can reach."""
    is_own: bool = False


def others() -> list[Log]:
    """The logs of the settings, without those that are wrong: ``manage.py check`` names them."""
    found: dict[str, Log] = {}
    for origin, given in _configured().items():
        try:
            log = parse(origin, given)
        except ConfigurationError:
            continue
        found.setdefault(log.alias, log)
    return list(found.values())


def in_all_logs(key: str, text: str) -> str:
    """The address of all logs, asked for one thing; empty where there is only this log, or a query cannot say it."""
    return url("logs", q=write(Term(key, text))) if conf.LOGS and text and visible(text) == text else ""


def faults() -> Iterator[tuple[str, str]]:
    """Each entry that is wrong, as its key, and what is wrong with it, in a sentence."""
    aliases: dict[str, str] = {}
    for origin, given in _configured().items():
        try:
            log = parse(origin, given)
        except ConfigurationError as error:
            yield repr(origin)[:250], str(error)
            continue
        if log.alias in aliases:
            yield repr(origin), f"its database {log.alias!r} is that of {aliases[log.alias]!r}, and holds one log."
        aliases.setdefault(log.alias, log.origin)


def parse(origin: Any, given: Any) -> Log:
    """Read one entry; raises ``ConfigurationError`` with a sentence."""
    if not isinstance(origin, str) or ORIGIN.fullmatch(origin) is None:
        raise ConfigurationError("an origin is a text of up to 200 characters without spaces and +.")
    if origin == conf.SEAL_ORIGIN:
        raise ConfigurationError("that is this log's own SEAL_ORIGIN; it is shown without being named.")
    if not isinstance(given, Mapping) or not all(key in FIELDS for key in given):
        raise ConfigurationError('it must be a dict with the keys "database" and "url", and no others.')
    alias = given.get("database")
    if not isinstance(alias, str) or alias not in connections:
        raise ConfigurationError(f"its database {alias!r} is not in DATABASES, which has {', '.join(connections)}.")
    if alias in (conf.DATABASE, conf.READ_DATABASE):
        raise ConfigurationError(f"its database {alias!r} is that of this log, which is shown without being named.")
    return Log(origin, alias, _address(given.get("url", "")))


def _address(given: Any) -> str:
    if given == "":
        return ""
    try:
        parts = urlsplit(given) if isinstance(given, str) and given.isprintable() and " " not in given else None
        is_right = parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_right = False
    if not is_right or parts is None or parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError(
            'its "url" must be the http(s) address of its pages, without a user, a query and a fragment, or "".'
        )
    return f"{given.rstrip('/')}/"


def _configured() -> Mapping[Any, Any]:
    return conf.LOGS if isinstance(conf.LOGS, Mapping) else {}
