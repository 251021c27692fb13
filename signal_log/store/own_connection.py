"""Connections of our own to the log's database: persistent, in no pool, and none of a request's."""

from __future__ import annotations

import copy
from typing import Final

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

SECONDS_TO_CONNECT: Final = 5
DEAD_PEER: Final = {"tcp_user_timeout": 10_000, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2}
"""For a server that vanished without closing (a failover): its connection fails after 10 to 20 s instead of hours."""


def own_connection(alias: str, application_name: str) -> BaseDatabaseWrapper:
    """A connection beside the one that this thread has; it is opened at its first use."""
    connection = connections.create_connection(alias)
    connection.settings_dict = settings = copy.deepcopy(connection.settings_dict)
    settings["CONN_MAX_AGE"] = None
    settings["CONN_HEALTH_CHECKS"] = False
    settings["ATOMIC_REQUESTS"] = False
    if not is_sqlite(alias):
        settings["OPTIONS"].pop("pool", None)
        ours = DEAD_PEER | {"connect_timeout": SECONDS_TO_CONNECT, "application_name": application_name}
        settings["OPTIONS"] = ours | settings["OPTIONS"]
    return connection


def dedicated_connection(alias: str, application_name: str) -> BaseDatabaseWrapper:
    """The same in place of the one that this thread has."""
    connections[alias] = connection = own_connection(alias, application_name)
    return connection


def is_sqlite(alias: str) -> bool:
    """Whether a database is SQLite, which is told without a connection."""
    return bool(connections.settings[alias]["ENGINE"].endswith("sqlite3"))
