"""System checks for ``manage.py check``: each message names the bad value and what is accepted."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import connections

from signal_log.capture.model.registry import converted_fields, unknown_labels
from signal_log.capture.signals import extra
from signal_log.conf import WITHOUT_EFFECT, conf, problems
from signal_log.models import SignalEvent
from signal_log.vendor import vendor_of

MIDDLEWARE = "signal_log.capture.middleware.SignalLogMiddleware"
SUPPORTED = ("sqlite", "postgresql")
RETURNING = (3, 35)
"""The first SQLite with ``RETURNING``."""
NAMED = 5
"""How many fields a message names."""


def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """``SIGNAL_LOG`` has known keys, accepted values, and models that exist."""
    found: list[checks.CheckMessage] = [
        checks.Error(what, hint=hint, id="signal_log.E001") for what, hint in problems()
    ]
    if found:
        return found
    for setting, label in unknown_labels():
        found.append(
            checks.Error(
                f"SIGNAL_LOG[{setting!r}] names {label!r}, but no such model is installed.",
                hint='Accepted: "app_label.Model", "app_label.*" or "*", of apps in INSTALLED_APPS.',
                id="signal_log.E002",
            )
        )
    if not conf.MODELS:
        found.append(
            checks.Warning(
                "SIGNAL_LOG['MODELS'] is empty: nothing is recorded.",
                hint='Name the models to observe, e.g. SIGNAL_LOG = {"MODELS": ["auth.User"]}.',
                id="signal_log.W001",
            )
        )
    found += [
        checks.Warning(
            f"SIGNAL_LOG[{key!r}] has no effect in this version.",
            hint="Remove it until a version whose changelog mentions it.",
            id="signal_log.W003",
        )
        for key in WITHOUT_EFFECT
        if key in getattr(settings, "SIGNAL_LOG", ())
    ]
    found += [
        checks.Error(
            f"SIGNAL_LOG['EXTRA_SIGNALS']: {what}",
            hint="Accepted: the dotted path of a django.dispatch.Signal other than the models', "
            'e.g. "django.contrib.auth.signals.user_logged_in".',
            id="signal_log.E007",
        )
        for what in extra.invalid_paths()
    ]
    if conf.DATABASE not in connections:
        found.append(
            checks.Error(
                f"SIGNAL_LOG['DATABASE'] is {conf.DATABASE!r}, which is not in DATABASES.",
                hint=f"Accepted: {', '.join(connections)}.",
                id="signal_log.E003",
            )
        )
    return found


def check_converted_fields(**_: Any) -> list[checks.CheckMessage]:
    """Fields whose class converts what it stores, in code that may encrypt, are masked or known to hide nothing."""
    if problems():
        return []
    found: dict[type, list[tuple[str, str]]] = {}
    for model, field in converted_fields():
        found.setdefault(type(field), []).append((model._meta.label, field.name))
    return [_converted(kind, fields) for kind, fields in found.items()]


def _converted(kind: type, fields: Sequence[tuple[str, str]]) -> checks.CheckMessage:
    names = [f"{label}.{name}" for label, name in fields[:NAMED]]
    if len(fields) > NAMED:
        names.append(f"{len(fields) - NAMED} more")
    label, name = fields[0]
    return checks.Info(
        f"The class {kind.__module__}.{kind.__qualname__} converts what it stores ({', '.join(names)}). If it "
        "encrypts, the log shows what the column hides.",
        hint=f'If it does: SIGNAL_LOG["MASK_FIELDS"] = {{"{label}": ["{name}"]}}. If it does not, state that with an '
        f'exclamation mark: ["!{name}"].',
        id="signal_log.I001",
    )


def check_middleware(**_: Any) -> list[checks.CheckMessage]:
    """The middleware is installed; without it events have no request or actor."""
    if MIDDLEWARE in settings.MIDDLEWARE:
        return []
    return [
        checks.Warning(
            "SignalLogMiddleware is not in MIDDLEWARE: events will not know their request or actor.",
            hint=f'Add "{MIDDLEWARE}" after the authentication middleware.',
            id="signal_log.W002",
        )
    ]


def check_vendors(**_: Any) -> list[checks.CheckMessage]:
    """The databases are of kinds that the recorder knows."""
    if problems() or conf.DATABASE not in connections:
        return []
    found: list[checks.CheckMessage] = []
    vendors = {alias: vendor_of(connections[alias]) for alias in connections}
    vendor = vendors[conf.DATABASE]
    if vendor not in SUPPORTED:
        found.append(
            checks.Error(
                f"The log's database {conf.DATABASE!r} is {vendor}; supported are SQLite and PostgreSQL.",
                hint='Point SIGNAL_LOG["DATABASE"] at a database of one of these kinds.',
                id="signal_log.E004",
            )
        )
    if vendor == "postgresql" and not _is_psycopg3():
        found.append(
            checks.Error(
                "The log is written to PostgreSQL with COPY by psycopg 3, and this project uses psycopg 2.",
                hint="pip install 'psycopg[binary]'; Django prefers it when both are installed.",
                id="signal_log.E005",
            )
        )
    others = sorted(alias for alias, kind in vendors.items() if kind not in SUPPORTED and alias != conf.DATABASE)
    found += [
        checks.Warning(
            f"The database {alias!r} is {vendors[alias]}: of changes there the log shows what the instances believed.",
            hint="What the log promises is tested on SQLite and PostgreSQL only. If no observed model is there, add "
            "signal_log.W004 to SILENCED_SYSTEM_CHECKS.",
            id="signal_log.W004",
        )
        for alias in others
    ]
    if "sqlite" in vendors.values() and sqlite3.sqlite_version_info < RETURNING:
        found.append(
            checks.Error(
                f"SQLite here is {sqlite3.sqlite_version}, which has no RETURNING: what rows hold cannot be recorded.",
                hint=f"Use a Python whose sqlite3 is at least {'.'.join(map(str, RETURNING))}.",
                id="signal_log.E008",
            )
        )
    return found


def check_database(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """What only the log's database itself can tell."""
    if problems() or conf.DATABASE not in connections or conf.DATABASE not in (databases or ()):
        return []
    return _check_sequence() if vendor_of(connections[conf.DATABASE]) == "postgresql" else []


def _check_sequence() -> list[checks.CheckMessage]:
    """Ids are allocated one at a time; otherwise readers cannot tell a late event from one that will never arrive."""
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute(
            "SELECT seqcache FROM pg_sequence JOIN pg_depend ON objid = seqrelid WHERE refobjid = to_regclass(%s)",
            [SignalEvent._meta.db_table],
        )
        row = cursor.fetchone()
    if row is None or row[0] == 1:
        return []
    return [
        checks.Error(
            f"The sequence of {SignalEvent._meta.db_table}.id hands out ids in blocks of {row[0]}.",
            hint=f"ALTER SEQUENCE {SignalEvent._meta.db_table}_id_seq CACHE 1; live pages would miss events.",
            id="signal_log.E006",
        )
    ]


def _is_psycopg3() -> bool:
    """Whether Django uses psycopg 3; called only if the database is PostgreSQL."""
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    return bool(is_psycopg3)
