"""One relay of ``SIGNAL_LOG["RELAYS"]``: where it sends, in which form, and which events."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from signal_log.conf import conf
from signal_log.errors import ConfigurationError, FilterError, RelayError
from signal_log.filters import Filters
from signal_log.nearest import nearest
from signal_log.relay.addresses import FILE, KAFKA, NATS, URLS, WEBHOOK, address, path_of

FORMATS: Final = ("cloudevents", "ocsf", "json")
FIELDS: Final = ("sink", "url", "format", "filters", "secret", "headers", "batch", "ca", "options")
LONGEST_NAME: Final = 100
MOST_IN_A_REQUEST: Final = 1_000
LEAST_SECRET: Final = 16
"""In characters."""
ACCEPTED: Final = (
    f'a dict with "sink" ({", ".join(map(repr, URLS))}), "url" (as its sink needs it), "format" '
    f'({", ".join(map(repr, FORMATS))}) and "filters" (a query such as "model:User outcome:committed"); for a webhook '
    'also "secret", "headers" and "batch", for Kafka and NATS "options", and "ca", a file of certificates to trust'
)
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
        return path_of(self.url)


def configured() -> Mapping[Any, Any]:
    """What the settings name, by name; nothing if they are no dict, which ``manage.py check`` says."""
    return conf.RELAYS if isinstance(conf.RELAYS, Mapping) else {}


def relays() -> list[Relay]:
    """The relays of the settings, without those that are wrong: ``manage.py check`` names them."""
    found = []
    for name, given in configured().items():
        try:
            found.append(parse(name, given))
        except ConfigurationError:
            continue
    return found


def relay_called(name: str) -> Relay:
    """The relay with this name; raises ``RelayError`` that tells which there are."""
    named = configured()
    if name not in named:
        if not named:
            raise RelayError(
                f'No relay is called {name!r}: SIGNAL_LOG["RELAYS"] has none. docs/relay.md shows how to add one.'
            )
        likely = nearest(name, map(str, named))
        meant = f" Did you mean {likely!r}?" if likely else ""
        raise RelayError(f"No relay is called {name!r}.{meant} Configured: {', '.join(map(repr, named))}.")
    try:
        return parse(name, named[name])
    except ConfigurationError as error:
        raise RelayError(f"SIGNAL_LOG['RELAYS'][{name!r}]: {error} Accepted: {ACCEPTED}.") from None


def parse(name: Any, given: Any) -> Relay:
    """Read one relay; raises ``ConfigurationError`` with a sentence for each fault, which show no secret."""
    faults = _Faults()
    if not isinstance(name, str) or len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        faults.append(f"its name must be 1 to {LONGEST_NAME} letters, digits, '.', '_' and '-'.")
    if not isinstance(given, Mapping):
        what = "None" if given is None else f"a {type(given).__name__}"
        faults.append(f"it is {what}, not a dict.")
        raise faults.error
    for key in given:
        if key not in FIELDS:
            likely = nearest(str(key), FIELDS)
            meant = f" Did you mean {likely!r}?" if likely else ""
            faults.append(f"it has an unknown key {str(key)[:50]!r}.{meant}")
    sink = faults.of(_one_of, "sink", given.get("sink"), tuple(URLS))
    form = faults.of(_one_of, "format", given.get("format", FORMATS[0]), FORMATS)
    filters = faults.of(_filters, given.get("filters", ""))
    ca = faults.of(_ca, given.get("ca", ""))
    if sink is None:  # what else is wrong depends on it
        raise faults.error
    url = faults.of(address, given.get("url"), sink)
    secrets = faults.of(_secrets, given.get("secret"), sink)
    headers = faults.of(_headers, given.get("headers", {}), sink)
    batch = faults.of(_batch, given.get("batch", 1), sink)
    options = faults.of(_options, given.get("options", {}), sink)
    if faults:
        raise faults.error
    return Relay(name, sink, url, form, filters, secrets, headers, batch, ca, options)


class _Faults(list[str]):
    """What is wrong with one relay, a sentence each."""

    def of(self, read: Callable[..., Any], *given: Any) -> Any:
        """What is read; None, and the fault is kept, if it is wrong."""
        try:
            return read(*given)
        except ConfigurationError as error:
            self.append(str(error))
            return None

    @property
    def error(self) -> ConfigurationError:
        """All of them, each but the first with a capital letter."""
        first, *others = self
        return ConfigurationError(" ".join([first, *(f"{one[0].upper()}{one[1:]}" for one in others)]))


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


def _secrets(given: Any, sink: str) -> tuple[str, ...]:
    listed = [] if given is None else [given] if isinstance(given, str) else given
    if listed and sink != WEBHOOK:
        raise ConfigurationError("'secret' signs the requests of a webhook; this sink has none.")
    if not isinstance(listed, (list, tuple)):
        raise ConfigurationError("'secret' must be a text, or a list of texts, of which the first is the newest.")
    for one in listed:
        if not isinstance(one, str) or len(one) < LEAST_SECRET:
            raise ConfigurationError(f"each 'secret' must be a text of {LEAST_SECRET} characters or more.")
    return tuple(listed)


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
    # Unlike Path.is_file it has no error for a folder that may not be read.
    if not isinstance(given, (str, Path)) or not os.path.isfile(given):
        raise ConfigurationError(f"'ca' is {str(given)[:200]!r}, and there is no such file.")
    return str(given)


def _options(given: Any, sink: str) -> dict[str, Any]:
    if given and sink not in (KAFKA, NATS):
        raise ConfigurationError("'options' are for Kafka and NATS; this sink has none.")
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise ConfigurationError("'options' must be a dict by name.")
    return dict(given)
