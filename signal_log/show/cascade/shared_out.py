"""Shares out what can be read at once, so that nothing small is left out for the sake of something large."""

from __future__ import annotations

from collections.abc import Iterable


def level(sizes: Iterable[int], most: int) -> int:
    """The largest share of each such that all take at most ``most`` together; who needs less leaves the rest to others.

    ``level([2, 22_000, 2], 20_000)`` is 19,996: both small ones are whole.
    """
    share, ordered = 0, sorted(sizes)
    for number, size in enumerate(ordered):
        share = max(most, 0) // (len(ordered) - number)
        if size > share:
            return share
        share = size
        most -= size
    return share
