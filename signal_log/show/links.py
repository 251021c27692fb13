"""The URLs of the log's pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urlencode
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, reverse
from django.utils.http import RFC3986_SUBDELIMS

# Not safe in a path: browsers resolve dot segments; proxies merge slashes and reject control characters.
_NOT_IN_A_PATH: Final = re.compile(r"[\x00-\x1f\x7f]|//|^/|/$|(^|/)\.{1,2}(/|$)")

_NO_TRACE: Final = str(UUID(int=0))
_SAFE_IN_A_PATH: Final = f"{RFC3986_SUBDELIMS}/~:@"
"""What ``reverse`` leaves as it is."""


class KeyConverter:
    """Matches any primary key as the rest of a path, including slashes and line breaks."""

    regex = r"[\s\S]+"

    def to_python(self, value: str) -> str:
        """The key, unchanged."""
        return value

    def to_url(self, value: str) -> str:
        """The key, unchanged: ``reverse`` quotes it."""
        return value


def are_mounted() -> bool:
    """Whether the host has given the log's pages addresses; the functions below raise ``NoReverseMatch`` if not."""
    try:
        return bool(url("events"))
    except NoReverseMatch:
        return False


def object_url(label: str, pk: str) -> str:
    """The URL of one row's history; a key that is not safe in a path goes into the query string."""
    if not label or not pk:
        return ""
    if "/" in label:
        return url("events", sender=label, object=pk)
    if _NOT_IN_A_PATH.search(pk):
        return reverse("signal_log:object_by_query", args=[label]) + "?" + urlencode({"pk": pk})
    before, between, after = _split("object", ("label", "key"), get_script_prefix(), _urlconf())
    return f"{before}{quote(label, _SAFE_IN_A_PATH)}{between}{quote(pk, _SAFE_IN_A_PATH)}{after}"


def actor_url(pk: str) -> str:
    """The URL of what the account with this key did."""
    if not pk:
        return ""
    if _NOT_IN_A_PATH.search(pk):
        return reverse("signal_log:actor_by_query") + "?" + urlencode({"pk": pk})
    before, after = _split("actor", ("key",), get_script_prefix(), _urlconf())
    return f"{before}{quote(pk, _SAFE_IN_A_PATH)}{after}"


def url(name: str, *args: object, **query: str) -> str:
    """The URL of a page of the log, with a query string."""
    address = reverse(f"signal_log:{name}", args=args) if args else _split(name, (), get_script_prefix(), _urlconf())[0]
    return f"{address}?{urlencode(query)}" if query else address


def event_url(pk: int) -> str:
    """The URL of an event's page, for lists: ``reverse`` takes longer than all else of a row."""
    before, after = _split("event", ("0",), get_script_prefix(), _urlconf())
    return f"{before}{pk}{after}"


def trace_url(trace_id: UUID) -> str:
    """The URL of a trace's page, for lists."""
    before, after = _split("trace", (_NO_TRACE,), get_script_prefix(), _urlconf())
    return f"{before}{trace_id}{after}"


def _urlconf() -> object:
    return get_urlconf() or settings.ROOT_URLCONF


@lru_cache(maxsize=64)
def _split(name: str, marks: tuple[str, ...], _prefix: str, _urlconf: object) -> tuple[str, ...]:
    """What stands around the arguments of a page's URL, which are its last parts, under this prefix and these URLs."""
    rest, parts = reverse(f"signal_log:{name}", args=marks), []
    for mark in reversed(marks):
        rest, _, after = rest.rpartition(mark)
        parts.append(after)
    return (rest, *reversed(parts))


def field_names(label: str) -> tuple[str, ...]:
    """The names of a model's columns, as in the log; empty if the model is not installed."""
    try:
        return tuple(field.name for field in apps.get_model(label)._meta.concrete_fields)
    except (LookupError, ValueError):
        return ()


def with_query(path: str, query: Mapping[str, list[str]]) -> str:
    """A path with a query string, omitting empty values."""
    encoded = urlencode([(key, value) for key, values in query.items() for value in values if value])
    return f"{path}?{encoded}" if encoded else path


def in_query(address: str, **values: str) -> str:
    """A URL with more parameters in its query string."""
    if not values:
        return address
    return f"{address}{'&' if '?' in address else '?'}{urlencode(values)}"
