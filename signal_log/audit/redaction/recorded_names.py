"""What else may name somebody: values that the log has of the object's fields for names, telephones and addresses.

They are not looked for elsewhere, for many a person is called Ada; whoever redacts is told of them, and adds those that
are nobody else's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from signal_log.audit.redaction.names import Names
from signal_log.event import MASK

LONGEST: Final = 100
MOST: Final = 50
_FIELD: Final = re.compile(r"name|nick|alias|handle|pseudonym|mail|phone|mobile|address|street", re.IGNORECASE)
_NOTHING: Final = re.compile(r"[\W_]*|.*….*", re.DOTALL)


def in_changes(changes: Any) -> Iterator[str]:
    """The old and new texts of such fields in an event's changes."""
    if isinstance(changes, Mapping):
        for name, pair in changes.items():
            if isinstance(pair, list) and _FIELD.search(name):
                yield from _texts(pair)


def in_row(row: Any) -> Iterator[str]:
    """The texts of such fields of a row; those that were not loaded are left alone."""
    for field in row._meta.concrete_fields:
        if _FIELD.search(field.name):
            yield from _texts([row.__dict__.get(field.attname)])


def not_among(names: Names, texts: Iterable[str]) -> tuple[str, ...]:
    """Those that are not looked for anyway, at most ``MOST``, sorted."""
    return tuple(text for text in sorted(set(texts)) if names.masked(text) == text)[:MOST]


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str) and len(value) <= LONGEST and MASK not in value and not _NOTHING.fullmatch(value):
            yield value.strip()
