"""The only reader of ``settings.SIGNAL_LOG``: every key, with its default and accepted values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.conf import settings
from django.core.signals import setting_changed

from signal_log.errors import ConfigurationError
from signal_log.nearest import nearest


def _texts(value: object) -> bool:
    return isinstance(value, (list, tuple, set, frozenset)) and all(isinstance(v, str) for v in value)


def _fields(value: object) -> bool:
    """``{"app.Model": [names]}``; the label ``"*"`` means every model, and so does a bare list."""
    if isinstance(value, Mapping):
        return all(isinstance(k, str) and _texts(v) for k, v in value.items())
    return _texts(value)


def _one_of(*accepted: object) -> Callable[[object], bool]:
    return lambda value: any(value is a or (isinstance(a, str) and value == a) for a in accepted)


def _whole(at_least: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= at_least


_flag = _one_of(True, False)


def _listed(*needed: str) -> Callable[[object], bool]:
    """A list of dicts, each of which has these keys."""
    return lambda value: (
        isinstance(value, (list, tuple))
        and all(isinstance(one, Mapping) and all(key in one for key in needed) for one in value)
    )


def _days(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(label, str) and _days(days) for label, days in value.items())
    return value is None or _whole(1)(value)


ORIGIN: Final = re.compile(r"[!-*,-~]{1,200}", re.ASCII)

# key: (default, validator, description of accepted values)
KEYS: Final[dict[str, tuple[Any, Callable[[Any], bool], str]]] = {
    "MODELS": ((), _texts, 'a list of model labels, "app.*" or "*"'),
    "EXCLUDE": ((), _texts, 'a list of model labels or "app.*"'),
    "EXCLUDE_FIELDS": ({}, _fields, '{"app.Model": [field names]}, or a list of names for every model'),
    "MASK_FIELDS": ({}, _fields, '{"app.Model": [field names]}, or a list of names for every model'),
    "UNMASK_FIELDS": ({}, _fields, '{"app.Model": [field names]}, or a list of names for every model'),
    "M2M": (True, _flag, "True or False"),
    "EXTRA_SIGNALS": ((), _texts, "a list of dotted paths of signals"),
    "SILENT_WRITES": ("record", _one_of("record", "raise", "off"), '"record", "raise" or "off"'),
    "ON_ERROR": ("raise", _one_of("raise", "log"), '"raise" or "log"'),
    "RECEIVERS": (True, _flag, "True or False"),
    "TRACES": (True, _flag, "True or False"),
    "TRACE_DAYS": (14, _whole(1), "a whole number of days"),
    "CALL_SITES": (None, _one_of(None, True, False), "True, False or None (as DEBUG)"),
    "DATABASE": ("default", lambda v: isinstance(v, str), "an alias of DATABASES"),
    "MAX_VALUE_CHARS": (4096, _whole(64), "a whole number of characters, 64 or more"),
    "TRUSTED_PROXIES": (0, _whole(0), "the number of reverse proxies, 0 or more"),
    "SEAL_EVERY": (5, lambda v: isinstance(v, (int, float)) and not isinstance(v, bool) and v > 0,
                   "a number of seconds above 0"),
    "SEAL_KEYS": ((), lambda v: isinstance(v, (list, tuple)) and all(isinstance(one, str) and one for one in v),
                  "a list of texts: paths of key files, unix:/path of a signer's socket, verifier keys of older ones"),
    "SEAL_ORIGIN": (None, lambda v: v is None or (isinstance(v, str) and ORIGIN.fullmatch(v) is not None),
                    "None, or what the log is called: up to 200 characters without spaces and +, as log.example.org"),
    "WITNESSES": ((), _listed("url", "vkey"), 'a list of {"url", "vkey"}'),
    "WITNESS_QUORUM": (0, _whole(0), "a whole number, 0 or more"),
    "TIMESTAMPS": (None, lambda v: v is None or _listed("url", "certificate")([v]),
                   'None or {"url", "certificate"}'),
    "RETENTION_DAYS": (None, _days, 'None, a whole number of days, or {"app.Model": number}'),
    "ARCHIVE": (None, lambda v: v is None or (isinstance(v, str) and bool(v)),
                "None, or the URL of an archive: a folder, or s3://bucket/prefix?catalog=…"),
    "RELAYS": ({}, lambda v: isinstance(v, Mapping), 'a dict {name: {"sink", "url", "format", "filters"}}'),
    "READS": ((), _texts, 'a list of model labels, "app.*" or "*"'),
    "REASONS": ((), _texts, 'a list of model labels, "app.*" or "*"'),
    "ALERTS": ((), _listed(), 'a list of {"name", "query", "count", "seconds", "to"}'),
    "READ_DATABASE": (None, lambda v: v is None or isinstance(v, str), "None or an alias of DATABASES"),
    "LOGS": ({}, lambda v: isinstance(v, Mapping), 'a dict {origin: {"database", "url"}}'),
    "METRICS_TOKEN": (None, lambda v: v is None or (isinstance(v, str) and len(v) >= 16),
                      "None, or a text of 16 characters or more that monitoring sends"),
    "SOCKETS_PER_ACCOUNT": (20, _whole(1), "a whole number of sockets, 1 or more"),
    "PERMISSION": ("signal_log.view_signalevent",
                   lambda v: isinstance(v, str) and v.count(".") == 1, '"app.codename"'),
}  # fmt: skip


SECRETS: Final = ("ARCHIVE", "METRICS_TOKEN", "SEAL_KEYS", "RELAYS", "ALERTS")
"""Keys whose values no message shows."""

LONGEST_SHOWN: Final = 200
"""How much of a wrong value a message shows, in characters."""

# Keys of earlier drafts, and why nobody needs them any more.
GONE: Final = {
    "ATOMIC": " It is gone: a save in autocommit shares one transaction with its events, which ends before post_save."
}


class Conf:
    """Attribute access to the settings, cached until a test changes them."""

    def __getattr__(self, key: str) -> Any:
        if key not in KEYS:
            raise AttributeError(f"SIGNAL_LOG has no key {key!r}.")
        value = self._given().get(key, KEYS[key][0])
        if key == "CALL_SITES" and value is None:
            value = settings.DEBUG
        elif key in ("EXCLUDE_FIELDS", "MASK_FIELDS", "UNMASK_FIELDS") and not isinstance(value, Mapping):
            value = {"*": list(value)}
        self.__dict__[key] = value
        return value

    def reload(self) -> None:
        """Clear the cache; the next access reads the settings again."""
        self.__dict__.clear()

    @staticmethod
    def _given() -> Mapping[str, Any]:
        given = getattr(settings, "SIGNAL_LOG", {})
        if not isinstance(given, Mapping):
            raise ConfigurationError(f"SIGNAL_LOG must be a dict, not {type(given).__name__}.")
        return given


conf = Conf()


def problems() -> list[tuple[str, str]]:
    """The problems with ``settings.SIGNAL_LOG``, as pairs of (message, accepted values)."""
    given = getattr(settings, "SIGNAL_LOG", {})
    if not isinstance(given, Mapping):
        return [
            (
                f"SIGNAL_LOG is a {type(given).__name__}.",
                "A dict with the keys " + ", ".join(KEYS) + ".",
            )
        ]
    found = []
    for key, value in given.items():
        if key not in KEYS:
            likely = nearest(str(key), KEYS)
            meant = GONE.get(str(key), f" Did you mean {likely!r}?" if likely else "")
            found.append((f"SIGNAL_LOG has an unknown key {key!r}.{meant}", f"Accepted: {', '.join(KEYS)}."))
        elif not KEYS[key][1](value):
            hint = f"Accepted: {KEYS[key][2]}."
            found.append((f"SIGNAL_LOG[{key!r}] is {_shown(key, value)}.{_why(key, value)}", hint))
    return found


def accepted(key: str) -> bool:
    """Whether the setting has a value of its kind, or none: it can be looked into although others have problems."""
    given = getattr(settings, "SIGNAL_LOG", {})
    return isinstance(given, Mapping) and (key not in given or bool(KEYS[key][1](given[key])))


def _shown(key: str, value: object) -> str:
    text = f"a {type(value).__name__} that is not shown here" if key in SECRETS else repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _why(key: str, value: object) -> str:
    """What is wrong inside a value that should be a list or a dict of texts; often empty."""
    if isinstance(value, str):
        written = "" if key in SECRETS else f": [{value!r}]"
        return f" One name needs a list too{written}." if KEYS[key][1]([value]) else ""
    if KEYS[key][1] not in (_texts, _fields):
        return ""
    if isinstance(value, Mapping):
        for label, names in value.items():
            if isinstance(label, str) and isinstance(names, str):
                return f" One name needs a list too: {{{label!r}: [{names!r}]}}."
        entries = [*value, *(n for names in value.values() if isinstance(names, (list, tuple, set)) for n in names)]
    else:
        entries = list(value) if isinstance(value, (list, tuple, set, frozenset)) else []
    for entry in entries:
        if not isinstance(entry, str):
            label = getattr(getattr(entry, "_meta", None), "label", None)
            instead = f"its label: {label!r}" if label else "text"
            return f" {_shown(key, entry)} is no text; write {instead}."
    return ""


def _on_setting_changed(*, setting: str, **_: object) -> None:
    if setting in ("SIGNAL_LOG", "DEBUG"):
        conf.reload()


setting_changed.connect(_on_setting_changed, dispatch_uid="signal_log.conf")
