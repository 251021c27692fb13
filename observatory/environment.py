"""The environment as the settings read it: an empty variable is an unset one, and an error names its variable."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

from observatory.database import named_by

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
YES: Final = frozenset(environ.Env.BOOLEAN_TRUE_STRINGS)
NO: Final = frozenset({"false", "off", "n", "no", "0"})
NO_ADDRESS: Final = "is no address that can be read; see .env.example."
SECRETS: Final = (
    "SECRET_KEY", "DATABASE_PASSWORD", "EMAIL_URL", "METRICS_TOKEN", "ARCHIVE", "RELAYS", "ALERTS", "LOGS",
)  # fmt: skip
"""What a file may hold: ``SECRET_KEY_FILE`` is the path of one, as compose lays it into a container."""


class Environment(environ.Env):
    """django-environ's ``Env`` that takes nothing in silence which nobody can have meant."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.ENVIRON = given(os.environ if variables is None else variables)

    def bool(self, var: str, default: Any = environ.Env.NOTSET) -> bool:
        """Yes or no, and nothing else: django-environ takes all else for a no."""
        if var not in self.ENVIRON and default is not self.NOTSET:
            return bool(default)
        value = str(self.str(var)).lower()
        if value not in YES | NO:
            raise ImproperlyConfigured(f"{var} is {value!r}; it must be 1 or 0.")
        return value in YES

    def int(self, var: str, default: Any = environ.Env.NOTSET) -> int:
        """A whole number."""
        try:
            return int(super().int(var, default=default))
        except ValueError:
            raise ImproperlyConfigured(f"{var} is {self.ENVIRON.get(var)!r}; it must be a whole number.") from None

    def db(self, var: str, default: Any = environ.Env.NOTSET) -> dict[str, Any]:
        """The settings of a database, from its address; the error has no value, which may hold a password."""
        return named_by(str(self.str(var, default=default)), var)

    def email_url(self, var: str, default: Any = environ.Env.NOTSET) -> dict[str, Any]:
        """The settings of a mail server, from its address; the error has no value here either."""
        try:
            return dict(super().email_url(var, default=default))
        except (ImproperlyConfigured, ValueError):
            raise ImproperlyConfigured(f"{var} {NO_ADDRESS}") from None

    def document(self, var: str, default: Any) -> Any:
        """JSON, a list or an object as the default is; the error has no value here either."""
        if var not in self.ENVIRON:
            return default
        what, example = ("list", "[…]") if isinstance(default, list) else ("object", "{…}")
        try:
            value = json.loads(str(self.ENVIRON[var]), object_pairs_hook=_each_once)
        except json.JSONDecodeError as error:
            reason = f"{error.msg}, line {error.lineno}, column {error.colno}"
        except (ValueError, RecursionError) as error:
            reason = str(error)
        else:
            if isinstance(value, type(default)):
                return value
            reason = f"not {'an' if what == 'object' else 'a'} {what}"
        raise ImproperlyConfigured(
            f"{var} cannot be read: {reason}. Write a JSON {what}, {example}; .env.example has one."
        ) from None

    def level(self, var: str, default: str = "INFO") -> str:
        """A logging level, in capitals or not."""
        value = str(self.str(var, default=default)).upper()
        if value not in LEVELS:
            raise ImproperlyConfigured(f"{var} is {value!r}; it must be one of {', '.join(LEVELS)}.")
        return value

    def time_zone(self, var: str, default: str = "UTC") -> str:
        """The name of a time zone."""
        value = str(self.str(var, default=default))
        try:
            ZoneInfo(value)
        except (OSError, ValueError, LookupError):
            raise ImproperlyConfigured(
                f"{var} is {value!r}; it must be the name of a time zone, such as UTC or Europe/Berlin."
            ) from None
        return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, in which a key that stands twice would be taken once in silence."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} stands twice in one object")
    return found


def given(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that have a value, those of ``SECRETS`` also from the file that ``NAME_FILE`` names."""
    found = {name: value for name, value in variables.items() if value.strip()}
    for name in SECRETS:
        path = found.get(f"{name}_FILE")
        if path is None or name in found:
            continue
        try:
            text = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not text"
            raise ImproperlyConfigured(f"{name}_FILE: the file {path} cannot be read: {reason}.") from None
        if text:
            found[name] = text
    return found
