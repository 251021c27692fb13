"""Databases for other logs, empty until a test begins one there."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections

from signal_log.show.logs import asking
from signal_log.show.query import paging
from signal_log.store.schema import log_identity
from tests.integration.logs.elsewhere import ALIASES, B, Begin, Elsewhere


@pytest.fixture(scope="package", autouse=True)
def _databases(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The other databases, by their aliases."""
    own = dict(connection.settings_dict) | {"ATOMIC_REQUESTS": False, "CONN_MAX_AGE": 0, "OPTIONS": {}}
    for alias in ALIASES.values():
        entry = own | {"NAME": f"{alias}_{secrets.token_hex(4)}", "TEST": {"MIRROR": "default"}}  # Django empties none
        connections.databases[alias] = connections.configure_settings({"default": {}, alias: entry})[alias]
    names = [connections.databases[alias]["NAME"] for alias in ALIASES.values()] * (connection.vendor == "postgresql")
    if names:
        with django_db_blocker.unblock(), Elsewhere.server() as server:
            connection.close()
            connection.close_pool()
            for name in names:
                server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{own["NAME"]}"')
    yield
    for alias in ALIASES.values():
        connections[alias].close()
        del connections[alias], connections.databases[alias]
    for name in names:
        with Elsewhere.server() as server:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Begin another log: `begin("b.example")`."""
    monkeypatch.setattr(asking, "_failed", {})
    for module in (asking, paging):  # however busy the machine is
        monkeypatch.setattr(module, "SECONDS", 60.0)
    log_identity("default")
    entries = {alias: dict(connections.databases[alias]) for alias in ALIASES.values()}
    yield lambda origin=B: Elsewhere(tmp_path, origin)
    for alias, entry in entries.items():
        connections[alias].close()
        connections.databases[alias] |= entry
