"""The system check of ``ARCHIVE``: its URL can be read, holds no password, and what it needs is installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Final

from django.core import checks

from signal_log.conf import accepted, conf
from signal_log.errors import ProofError
from signal_log.seal.iceberg.opening import INSTALL
from signal_log.seal.iceberg.place import read_place

NEEDED: Final = ("duckdb", "pyarrow", "pyiceberg")


def check_archive(**_: Any) -> list[checks.CheckMessage]:
    """Whether an archive is there, and reachable, is for those who use it to say: it may be in another building."""
    if not accepted("ARCHIVE") or not conf.ARCHIVE:
        return []
    problem = "" if all(map(find_spec, NEEDED)) else INSTALL
    try:
        place = read_place(conf.ARCHIVE)
    except ProofError as error:
        problem = str(error)
    else:
        if not problem:
            return [_password_in_url(is_rest=place.is_rest)] if place.password else []
    hint = "Accepted: a folder such as /srv/archive, or s3://bucket/prefix?catalog=…; None for no archive."
    return [checks.Error(f"SIGNAL_LOG['ARCHIVE']: {problem}", hint=hint, id="signal_log.E041")]


def _password_in_url(*, is_rest: bool) -> checks.CheckMessage:
    hint = "PostgreSQL finds it in the file ~/.pgpass, in the one that PGPASSFILE names, or in PGPASSWORD."
    if is_rest:
        hint = "Give it in the environment instead: PYICEBERG_CATALOG__SIGNAL_LOG__CREDENTIAL=name:secret."
    return checks.Warning(
        "SIGNAL_LOG['ARCHIVE'] holds the password of the archive's catalog. No message shows it, but wherever that "
        "setting is kept is a place of a secret now.",
        hint=hint,
        id="signal_log.W041",
    )
