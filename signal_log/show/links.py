"""The URLs of the log's pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.urls import get_script_prefix, get_urlconf, reverse

# Not safe in a path: browsers resolve dot segments; proxies merge slashes and reject control characters.
_NOT_IN_A_PATH: Final = re.compile(r"[\x00-\x1f\x7f]|//|^/|/$|(^|/)\.{1,2}(/|$)")

_NO_TRACE: Final = str(UUID(int=0))


class KeyConverter:
    """Matches any primary key as the rest of a path, including slashes and line breaks."""

    regex = r"[\s\S]+"

    def to_python(self, value: str) -> str:
        """The key, unchanged."""
        return value

    def to_url(self, value: str) -> str:
        """The key, unchanged: ``reverse`` quotes it."""
        return value


def object_url(label: str, pk: str) -> str:
    """The URL of one row's history; a key that is not safe in a path goes into the query string."""
    if not label or not pk:
        return ""
    if "/" in label:
        return url("events", sender=label, object=pk)
    if _NOT_IN_A_PATH.search(pk):
        return reverse("signal_log:object_by_query", args=[label]) + "?" + urlencode({"pk": pk})
    return reverse("signal_log:object", args=[label, pk])


def actor_url(pk: str) -> str:
    """The URL of what the account with this key did."""
    if not pk:
        return ""
    if _NOT_IN_A_PATH.search(pk):
        return reverse("signal_log:actor_by_query") + "?" + urlencode({"pk": pk})
    return reverse("signal_log:actor", args=[pk])


def url(name: str, *args: object, **query: str) -> str:
    """The URL of a page of the log, with a query string."""
    address = reverse(f"signal_log:{name}", args=args)
    return f"{address}?{urlencode(query)}" if query else address


def event_url(pk: int) -> str:
    """The URL of an event's page, for lists: ``reverse`` takes longer than all else of a row."""
    before, after = _around("event", "0", get_script_prefix(), get_urlconf() or settings.ROOT_URLCONF)
    return f"{before}{pk}{after}"


def trace_url(trace_id: UUID) -> str:
    """The URL of a trace's page, for lists."""
    before, after = _around("trace", _NO_TRACE, get_script_prefix(), get_urlconf() or settings.ROOT_URLCONF)
    return f"{before}{trace_id}{after}"


@lru_cache(maxsize=64)
def _around(name: str, mark: str, _prefix: str, _urlconf: object) -> tuple[str, str]:
    """What stands before and after the one argument of a page's URL, under this prefix and these URLs."""
    before, _, after = reverse(f"signal_log:{name}", args=[mark]).rpartition(mark)
    return before, after


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
