"""One alert of ``SIGNAL_LOG["ALERTS"]``: what it waits for, how often within how long, and whom it tells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from signal_log.conf import conf
from signal_log.errors import ConfigurationError, FilterError
from signal_log.event import BY_HAND, COMMITTED, PRE_DELETE, PRE_SAVE
from signal_log.filters import KEYS, QUERY, Filters
from signal_log.query_language.keys import MOMENTS, TOOK

VERIFY_FAILED: Final = "verify=failed"
SEALING_STOPPED: Final = "sealing=stopped"
WRITTEN_PAST: Final = "past-writes=found"
WITNESS_FORGOT: Final = "witness=forgot"
RELAY_STOPPED: Final = "relay=stopped"
CONDITIONS: Final = (VERIFY_FAILED, SEALING_STOPPED, WITNESS_FORGOT, WRITTEN_PAST, RELAY_STOPPED)
"""Queries that ask about the log itself, not about its events."""
FIELDS: Final = ("name", "query", "count", "seconds", "to")
CONDITION_SECONDS: Final = 3600
"""How often an alert about the log itself fires at most, unless it says so."""
LONGEST_NAME: Final = 100
MOST_COUNTED: Final = 100_000
HERE: Final = ("localhost", "127.0.0.1", "::1")
"""Hosts to which a webhook may go without TLS."""
ACCEPTED: Final = (
    '{"name": a text, "query": a query such as "model:User is_staff: new:true", or filters of the history such as '
    '"sender=auth.User&field=is_staff", or '
    f'"{VERIFY_FAILED}", "{SEALING_STOPPED}", "{WITNESS_FORGOT}", "{WRITTEN_PAST}" or "{RELAY_STOPPED}", '
    '"count": a whole number of events, "seconds": within how many, "to": one or a list of mail '
    "addresses and https:// addresses}"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A parsed alert."""

    name: str
    query: str
    count: int
    seconds: int
    to: tuple[str, ...]
    filters: Filters = field(default_factory=Filters)

    @property
    def is_condition(self) -> bool:
        """Whether it asks about the log itself."""
        return self.query in CONDITIONS

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether an event counts; of a save or delete that is committed, only its second one does.

        A query that names signals means those, as in the history.
        """
        names_signals = any(not excluded for _, excluded in self.filters.values("signal"))
        if not names_signals and _stands_for_none(event):
            return False
        return self.filters.matches(event)


def _stands_for_none(event: Mapping[str, Any]) -> bool:
    """Whether the event of the same operation that follows says all of it."""
    by_hand = isinstance(event["origin"], Mapping) and event["origin"].get(BY_HAND) is True
    return event["signal"] in (PRE_SAVE, PRE_DELETE) and event["outcome"] == COMMITTED and not by_hand


def rules() -> list[Rule]:
    """The alerts of the settings, without those that are wrong: ``manage.py check`` names them."""
    found: dict[str, Rule] = {}
    for given in conf.ALERTS:
        try:
            rule = parse(given)
        except ConfigurationError:
            continue
        found.setdefault(rule.name, rule)
    return list(found.values())


def problems(given: Any) -> Iterator[str]:
    """What is wrong with the alerts of a setting, a sentence each."""
    names: set[str] = set()
    for number, one in enumerate(given, 1):
        try:
            rule = parse(one)
        except ConfigurationError as error:
            yield f"number {number}: {error}"
            continue
        if rule.name in names:
            yield f"number {number}: another one is called {rule.name!r} too."
        names.add(rule.name)


def parse(given: Any) -> Rule:
    """Read one alert; raises ``ConfigurationError`` with a sentence that shows no secret of an address."""
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"it is a {type(given).__name__}, not a dict.")
    if unknown := [key for key in given if key not in FIELDS]:
        raise ConfigurationError(f"it has an unknown key {unknown[0]!r}.")
    name, query = given.get("name"), given.get("query")
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
        raise ConfigurationError(f"'name' must be a text of 1 to {LONGEST_NAME} characters.")
    if not isinstance(query, str) or not query.strip("?"):
        raise ConfigurationError("'query' must be a text that is not empty: a query for every event is none.")
    is_condition = query in CONDITIONS
    return Rule(
        name,
        query,
        _count(given.get("count", 1 if is_condition else None), is_condition=is_condition),
        _seconds(given.get("seconds", CONDITION_SECONDS if is_condition else None)),
        tuple(_addresses(given.get("to"))),
        Filters() if is_condition else _filters(query),
    )


def _count(given: Any, *, is_condition: bool) -> int:
    most = 1 if is_condition else MOST_COUNTED
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= most:
        wanted = "1, or left out, for such a query" if is_condition else f"a whole number from 1 to {most:,}"
        raise ConfigurationError(f"'count' must be {wanted}, not {_shown(given)}.")
    return given


def _seconds(given: Any) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= 31 * 86_400:
        raise ConfigurationError(
            f"'seconds' must be a whole number from 1 to 2,678,400 (31 days), not {_shown(given)}."
        )
    return given


def _filters(query: str) -> Filters:
    if not is_address(query):
        query = urlencode({QUERY: query})
    try:
        pairs = parse_qsl(query.removeprefix("?"), keep_blank_values=True, strict_parsing=True, max_num_fields=100)
    except ValueError:
        raise ConfigurationError(f"'query' is {query[:100]!r}, which is no query string such as key=value.") from None
    chosen: dict[str, list[str]] = {}
    for key, value in pairs:
        if key not in (*KEYS, *MOMENTS):
            accepted = ", ".join(name for name in KEYS if name != TOOK)
            raise ConfigurationError(
                f"'query' has an unknown filter {key[:50]!r}. Accepted: {accepted}, or {' or '.join(CONDITIONS)}."
            )
        chosen.setdefault(key, []).append(value)
    try:
        until = any(chosen.pop("until", ()))
        chosen.pop("since", None)  # it begins with what comes
        filters = Filters.parse(chosen).must_be_followed()
    except FilterError as error:
        raise ConfigurationError(f"'query': {error}") from None
    if filters.needs_times:
        raise ConfigurationError("'query' asks how long something took, which is known only later.")
    if until or filters.until is not None:
        raise ConfigurationError("'query' has an end ('until'), and an alert waits for what is yet to come.")
    if not filters:
        raise ConfigurationError("'query' has no value in it, so every event would count.")
    return filters


def is_address(query: str) -> bool:
    """Whether it is what stands behind the ? of an address, ``key=value``, and not the query itself."""
    return _KEY_AND_VALUE.match(query) is not None


_KEY_AND_VALUE: Final = re.compile(r"\??[A-Za-z_]+=")


def _addresses(given: Any) -> Iterator[str]:
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, (list, tuple)) or not listed:
        raise ConfigurationError("'to' must be an address, or a list of addresses.")
    for number, address in enumerate(listed, 1):
        if not isinstance(address, str) or not (_is_mail(address) or is_webhook(address)):
            raise ConfigurationError(  # not shown: an address of a webhook is a secret
                f"address {number} in 'to' is neither a mail address nor a https:// address (http:// for this machine)."
            )
        yield address


def _is_mail(address: str) -> bool:
    try:
        validate_email(address)
    except ValidationError:
        return False
    return True


def is_webhook(address: str) -> bool:
    """Whether it is an address to POST to."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    plain = address.isascii() and address.isprintable() and " " not in address and parts.username is None
    encrypted = parts.scheme == "https" or (parts.scheme == "http" and host in HERE)
    return bool(plain and encrypted and host) and port != 0


def masked(address: str) -> str:
    """The address as the log tells it: of a webhook only the host, for the rest is its secret."""
    return f"{urlsplit(address).scheme}://{urlsplit(address).netloc}/…" if is_webhook(address) else address


def _shown(value: Any) -> str:
    return "nothing" if value is None else repr(value)[:50]
