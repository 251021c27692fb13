"""Which addresses a relay may send to: of each sink a form of its own, and none with a user or a password in it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from signal_log.errors import ConfigurationError

WEBHOOK: Final = "webhook"
KAFKA: Final = "kafka"
NATS: Final = "nats"
SYSLOG: Final = "syslog"
FILE: Final = "file"
HERE: Final = ("localhost", "127.0.0.1", "::1")
"""Hosts to which a webhook may go without TLS."""
URLS: Final[Mapping[str, str]] = {
    WEBHOOK: "https://host/path, or http:// for this machine",
    KAFKA: "kafka://host:9092,host2:9092/topic",
    NATS: "nats://host:4222/subject, or tls://",
    SYSLOG: "tls://host:6514 or tcp://host:601",
    FILE: "an absolute path, or file:///path",
}
INSTEAD: Final[Mapping[str, str]] = {
    WEBHOOK: 'they belong in \'headers\', such as {"Authorization": "Basic …"}',
    KAFKA: 'they belong in \'options\', as "sasl.username" and "sasl.password"',
    SYSLOG: "syslog has no log-in, so leave them out",
}
"""Where a user and a password go that a sink does not take from its address."""
_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}", re.ASCII)
_SUBJECT: Final = re.compile(r"[!-)+-=?-~]+", re.ASCII)


def address(given: Any, sink: str) -> str:
    """The address; raises ``ConfigurationError`` that does not show it, for it may hold a password."""
    if not isinstance(given, str) or not _FORMS[sink](given):
        held = ""
        if isinstance(given, str) and sink in INSTEAD and "@" in re.split(r"[/?#]", given.partition("://")[2])[0]:
            held = f"'url' has a user or a password in it, which are refused there: {INSTEAD[sink]}. "
        raise ConfigurationError(f"{held}'url' must be, for this sink, {URLS[sink]}.")
    # os.path, and not Path, which raises where one may not look.
    if sink == FILE and os.path.isdir(path_of(given)):
        raise ConfigurationError("'url' is a folder; it must be a file, which need not be there yet.")
    return given


def path_of(url: str) -> str:
    """The path of a file's address."""
    return url.removeprefix("file://")


def _split(url: str) -> SplitResult | None:
    """The parts of an address that holds nothing but plain characters; a port that is none is refused."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  raises for what is no port
    except ValueError:
        return None
    return parts if url.isascii() and url.isprintable() and " " not in url else None


def _is_webhook(url: str) -> bool:
    parts = _split(url)
    if parts is None or parts.username is not None or parts.fragment or not parts.hostname or parts.port == 0:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in HERE)


def _hosts(url: str, *schemes: str) -> str | None:
    """What stands behind the hosts of an address, each of which has a port; None if it is no such address."""
    scheme, found, rest = url.partition("://")
    hosts, _, path = rest.partition("/")
    listed = [host.rpartition("@")[2] for host in hosts.split(",")]
    plain = url.isascii() and url.isprintable() and " " not in url
    ported = all(host.rpartition(":")[0] and host.rpartition(":")[2].isdigit() for host in listed)
    return path if found and scheme in schemes and plain and ported else None


def _is_kafka(url: str) -> bool:
    topic = _hosts(url, KAFKA)
    return topic is not None and "@" not in url and _TOPIC.fullmatch(topic) is not None


def _is_nats(url: str) -> bool:
    subject = _hosts(url, "nats", "tls")
    return bool(subject) and _SUBJECT.fullmatch(str(subject)) is not None


def _is_syslog(url: str) -> bool:
    return _hosts(url, "tcp", "tls") == "" and "," not in url and "@" not in url


def _is_file(url: str) -> bool:
    path = path_of(url)
    return path.startswith("/") and not path.endswith("/") and "\0" not in path


_FORMS: Final[Mapping[str, Callable[[str], bool]]] = {
    WEBHOOK: _is_webhook,
    KAFKA: _is_kafka,
    NATS: _is_nats,
    SYSLOG: _is_syslog,
    FILE: _is_file,
}
