"""Names in settings that stand for several: ``card*`` and ``*_number``, in any case."""

from __future__ import annotations

from fnmatch import fnmatchcase


def is_pattern(name: str) -> bool:
    """Whether a listed name has a wildcard in it: ``*`` for any characters, ``?`` for one."""
    return "*" in name or "?" in name


def fits(name: str, listed: str) -> bool:
    """Whether a name is the listed one, or one that a listed pattern stands for."""
    return name == listed or (is_pattern(listed) and fnmatchcase(name.lower(), listed.lower()))
