"""One relay of ``SIGNAL_LOG["RELAYS"]``: where it sends, in which form, and which events."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from signal_log.conf import conf
from signal_log.errors import ConfigurationError, FilterError, RelayError
from signal_log.filters import Filters
from signal_log.nearest import nearest

FORMATS: Final = ("cloudevents", "ocsf", "json")
WEBHOOK: Final = "webhook"
KAFKA: Final = "kafka"
NATS: Final = "nats"
SYSLOG: Final = "syslog"
FILE: Final = "file"
FIELDS: Final = ("sink", "url", "format", "filters", "secret", "headers", "batch", "ca", "options")
HERE: Final = ("localhost", "127.0.0.1", "::1")
"""Hosts to which a webhook may go without TLS."""
LONGEST_NAME: Final = 100
MOST_IN_A_REQUEST: Final = 1_000
LEAST_SECRET: Final = 16
"""In characters."""
URLS: Final[Mapping[str, str]] = {
    WEBHOOK: "https://host/path, or http:// for this machine",
    KAFKA: "kafka://host:9092,host2:9092/topic",
    NATS: "nats://host:4222/subject, or tls://",
    SYSLOG: "tls://host:6514 or tcp://host:601",
    FILE: "an absolute path, or file:///path",
}
ACCEPTED: Final = (
    f'a dict with "sink" ({", ".join(map(repr, URLS))}), "url" (as its sink needs it), "format" '
    f'({", ".join(map(repr, FORMATS))}) and "filters" (a query such as "model:User outcome:committed"); for a webhook '
    'also "secret", "headers" and "batch", for Kafka and NATS "options", and "ca", a file of certificates to trust'
)
_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}", re.ASCII)
_SUBJECT: Final = re.compile(r"[!-)+-=?-~]+", re.ASCII)
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Relay:
    """A parsed relay."""

    name: str
    sink: str
    url: str
    format: str = FORMATS[0]
    filters: Filters = field(default_factory=Filters)
    secrets: tuple[str, ...] = ()
    """The first signs; what is signed by the others too, a receiver takes while it changes its own."""
    headers: Mapping[str, str] = field(default_factory=dict)
    batch: int = 1
    ca: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shown_url(self) -> str:
        """Where it sends, without what may be secret: a webhook's path, and a user's name and password."""
        if self.sink == FILE:
            return self.path
        parts = urlsplit(self.url)
        place = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{place}/…" if self.sink == WEBHOOK else f"{parts.scheme}://{place}{parts.path}"

    @property
    def path(self) -> str:
        """Of a file."""
        return self.url.removeprefix("file://")


def relays() -> list[Relay]:
    """The relays of the settings, without those that are wrong: ``manage.py check`` names them."""
    found = []
    for name, given in conf.RELAYS.items():
        try:
            found.append(parse(name, given))
        except ConfigurationError:
            continue
    return found


def relay_called(name: str) -> Relay:
    """The relay with this name; raises ``RelayError`` that tells which there are."""
    if name not in conf.RELAYS:
        if not conf.RELAYS:
            raise RelayError(
                f'No relay is called {name!r}: SIGNAL_LOG["RELAYS"] has none. docs/relay.md shows how to add one.'
            )
        likely = nearest(name, conf.RELAYS)
        meant = f" Did you mean {likely!r}?" if likely else ""
        raise RelayError(f"No relay is called {name!r}.{meant} Configured: {', '.join(map(repr, conf.RELAYS))}.")
    try:
        return parse(name, conf.RELAYS[name])
    except ConfigurationError as error:
        raise RelayError(f"SIGNAL_LOG['RELAYS'][{name!r}]: {error} Accepted: {ACCEPTED}.") from None


def problems(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with the relays of a setting: the name of each, and a sentence."""
    for name, one in given.items():
        try:
            parse(name, one)
        except ConfigurationError as error:
            yield name, str(error)


def parse(name: str, given: Any) -> Relay:
    """Read one relay; raises ``ConfigurationError`` with a sentence that shows no secret."""
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise ConfigurationError(f"its name must be 1 to {LONGEST_NAME} letters, digits, '.', '_' and '-'.")
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"it is a {type(given).__name__}, not a dict.")
    if unknown := [key for key in given if key not in FIELDS]:
        likely = nearest(str(unknown[0]), FIELDS)
        meant = f" Did you mean {likely!r}?" if likely else ""
        raise ConfigurationError(f"it has an unknown key {unknown[0]!r}.{meant}")
    sink = _one_of("sink", given.get("sink"), tuple(URLS))
    url = given.get("url")
    if not isinstance(url, str) or not _ADDRESSES[sink](url):
        raise ConfigurationError(f"'url' must be, for this sink, {URLS[sink]}.")  # not shown: it may hold a password
    return Relay(
        name,
        sink,
        url,
        _one_of("format", given.get("format", FORMATS[0]), FORMATS),
        _filters(given.get("filters", "")),
        tuple(_secrets(given.get("secret"), sink)),
        _headers(given.get("headers", {}), sink),
        _batch(given.get("batch", 1), sink),
        _ca(given.get("ca", "")),
        _options(given.get("options", {}), sink),
    )


def _one_of(field: str, given: Any, accepted: tuple[str, ...]) -> str:
    if isinstance(given, str) and given in accepted:
        return given
    likely = nearest(given, accepted) if isinstance(given, str) else ""
    meant = f" Did you mean {likely!r}?" if likely else ""
    shown = "missing" if given is None else f"{given!r}"[:60]
    raise ConfigurationError(f"{field!r} is {shown}, and must be one of {', '.join(map(repr, accepted))}.{meant}")


def _filters(given: Any) -> Filters:
    if not isinstance(given, (str, Mapping)):
        raise ConfigurationError('\'filters\' must be a query, or a dict of filters such as {"sender": "auth.User"}.')
    try:
        asked = ({"q": given} if given else {}) if isinstance(given, str) else given
        filters = Filters.parse(asked).must_be_followed()
    except FilterError as error:
        raise ConfigurationError(f"'filters': {error}") from None
    if filters.needs_times:
        raise ConfigurationError("'filters' ask how long something took, which is known only later.")
    if filters.since is not None or filters.until is not None:
        raise ConfigurationError("'filters' have a time in them; where a relay begins is said by `--from`.")
    return filters


def _secrets(given: Any, sink: str) -> Iterator[str]:
    listed = [] if given is None else [given] if isinstance(given, str) else given
    if listed and sink != WEBHOOK:
        raise ConfigurationError("'secret' signs the requests of a webhook; this sink has none.")
    if not isinstance(listed, (list, tuple)):
        raise ConfigurationError("'secret' must be a text, or a list of texts, of which the first is the newest.")
    for one in listed:
        if not isinstance(one, str) or len(one) < LEAST_SECRET:
            raise ConfigurationError(f"each 'secret' must be a text of {LEAST_SECRET} characters or more.")
        yield one


def _headers(given: Any, sink: str) -> dict[str, str]:
    if given and sink != WEBHOOK:
        raise ConfigurationError("'headers' are for a webhook; this sink has none.")
    if not isinstance(given, Mapping):
        raise ConfigurationError('\'headers\' must be a dict of texts, such as {"Authorization": "Bearer …"}.')
    for name, value in given.items():
        plain = isinstance(value, str) and value.isascii() and value.isprintable()
        if not (isinstance(name, str) and _HEADER.fullmatch(name) and plain):
            raise ConfigurationError(f"'headers' have {str(name)[:50]!r}, which is no header with a plain text.")
    return dict(given)


def _batch(given: Any, sink: str) -> int:
    if given != 1 and sink != WEBHOOK:
        raise ConfigurationError("'batch' is for a webhook; other sinks send many at once anyway.")
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= MOST_IN_A_REQUEST:
        raise ConfigurationError(f"'batch' must be a whole number of events from 1 to {MOST_IN_A_REQUEST:,}.")
    return given


def _ca(given: Any) -> str:
    if given == "":
        return ""
    if not isinstance(given, (str, Path)) or not Path(given).is_file():
        raise ConfigurationError(f"'ca' is {str(given)[:200]!r}, and there is no such file.")
    return str(given)


def _options(given: Any, sink: str) -> dict[str, Any]:
    if given and sink not in (KAFKA, NATS):
        raise ConfigurationError("'options' are for Kafka and NATS; this sink has none.")
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise ConfigurationError("'options' must be a dict by name.")
    return dict(given)


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
    path = url.removeprefix("file://")
    return path.startswith("/") and not path.endswith("/") and "\0" not in path


_ADDRESSES: Final[Mapping[str, Callable[[str], bool]]] = {
    WEBHOOK: _is_webhook,
    KAFKA: _is_kafka,
    NATS: _is_nats,
    SYSLOG: _is_syslog,
    FILE: _is_file,
}
