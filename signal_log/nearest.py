"""The nearest of the names that exist to one that does not, for "did you mean …?"."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

ALIKE: Final = 0.6
"""How alike two names are at least, from 0 to 1, for one to be a slip of the other."""


def nearest(name: str, existing: Iterable[str], alike: float = ALIKE) -> str:
    """The existing name that is most like this one, whatever the case; empty if none is."""
    by_lower = {other.lower(): other for other in existing}
    found = get_close_matches(name.lower(), by_lower, n=1, cutoff=alike)
    return by_lower[found[0]] if found else ""


def nearest_label(name: str, labels: Iterable[str]) -> str:
    """The same for ``app.Model``, where also the model's name alone may tell: ``User`` or a dotted path to it."""
    labels = list(labels)
    model = name.lower().rpartition(".")[2]
    same = [label for label in labels if label.lower().rpartition(".")[2] == model and model != "*"]
    return (nearest(name, same, 0) if same else "") or nearest(name, labels)
