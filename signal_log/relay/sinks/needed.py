"""Imports a package that only one kind of sink needs, or says which command installs it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from signal_log.errors import RelayError


def needed(module: str, extra: str) -> Any:
    """The module; raises ``RelayError`` where it is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        if (error.name or "").partition(".")[0] != module.partition(".")[0]:
            raise
        raise RelayError(
            f"A relay with the sink {extra!r} needs the package of the extra {extra!r}, which is not installed here: "
            f"pip install 'signal-log[{extra}]'"
        ) from None
