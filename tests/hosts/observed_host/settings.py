"""The settings module of the run: the suite's own settings, changed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from .change import changed
from .job import current


def own(path: str) -> Mapping[str, Any]:
    """Return the settings of this module, or those that the function with this path returns."""
    try:
        return {name: value for name, value in vars(import_module(path)).items() if name.isupper()}
    except ModuleNotFoundError:
        module, _, function = path.rpartition(".")
        if not module:
            raise
        returned: Mapping[str, Any] = getattr(import_module(module), function)()
        return returned


_job = current()
globals().update(changed(own(_job.settings), _job))
