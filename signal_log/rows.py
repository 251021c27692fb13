"""Which labels name one and the same row: those of a model, its proxies, its multi-table parents and children.

The models are known to Django alone, and filters work without it. So ``apps.ready`` says once which labels belong
together; until then, and for a label that is no model's, each label names rows of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_families: Final[dict[str, tuple[str, ...]]] = {}


def belong_together(families: Iterable[tuple[str, ...]]) -> None:
    """Say which labels belong together, instead of what was said before."""
    _families.clear()
    _families.update({label.lower(): family for family in families for label in family})


def labels_of_row(label: str) -> tuple[str, ...]:
    """The labels under which a row of this model may be recorded; with its key they identify the row."""
    return _families.get(label.lower(), (label,))


def spelled(label: str) -> str:
    """A model's label with the capitals that it has, as events have it; any other text unchanged."""
    return next((each for each in labels_of_row(label) if each.lower() == label.lower()), label)


def is_of_a_model(label: str) -> bool:
    """Whether an installed model has this label, so that it names rows and is not just some text."""
    return label.lower() in _families
