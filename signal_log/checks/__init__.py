"""What ``manage.py check`` finds: each message says what happened, each hint the next move, ready to paste."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, wraps
from typing import Any, Final

from django.apps import AppConfig
from django.core.checks import CheckMessage, Tags, register

from signal_log.checks import (
    alerts,
    archives,
    databases,
    fields,
    given,
    guards,
    keys,
    live,
    logs,
    names,
    of_servers,
    partitions,
    receivers,
    relays,
    requests,
    rows,
    witnesses,
)
from signal_log.show.words.text import visible

Check = Callable[..., list[CheckMessage]]


SETTINGS: Final = "signal_log"
"""The tag of the checks of ``SIGNAL_LOG``: all that commands which only read the log have to know of the project."""


def register_all() -> None:
    """Register every check; those of ``Tags.database`` run with ``--database`` and before ``migrate``."""
    for check in (
        given.check_settings,
        alerts.check_alerts,
        logs.check_logs,
        names.check_names,
        witnesses.check_witnesses,
        witnesses.check_timestamps,
    ):
        register(_of_this_app(check), SETTINGS)
    register(_of_this_app(relays.check_relays, ("signal_relay",)), SETTINGS)
    register(_of_this_app(archives.check_archive, ("signal_archive",)), SETTINGS)
    register(_of_this_app(keys.check_keys, ()))
    register(_of_this_app(requests.check_middleware, ()))
    register(_of_this_app(live.check_server, ()))
    register(_of_this_app(requests.check_urls, ()), Tags.urls)
    register(_of_this_app(fields.check_converted_fields, ()))
    for check in (
        databases.check_vendors,
        databases.check_sqlite,
        receivers.check_connected,
        receivers.check_imported,
    ):
        register(_of_this_app(check))
    register(_of_this_app(databases.check_sequence), Tags.database)
    register(_of_this_app(databases.check_tables), Tags.database)
    register(_of_this_app(databases.check_replica), Tags.database)
    register(_of_this_app(databases.check_triggers), Tags.database)
    register(_of_this_app(logs.check_named_logs), Tags.database)
    register(_of_this_app(partitions.check_partitions), Tags.database)
    register(_of_this_app(rows.check_rows), Tags.database)
    register(_of_this_app(guards.check_guards), Tags.database)
    register(_of_this_app(receivers.check_seen), Tags.database)


def of_receivers() -> tuple[Check, ...]:
    """The checks that ``signal_receivers --check`` runs, of connections and of what the log has seen."""
    return receivers.check_connected, receivers.check_imported, receivers.check_seen


def _shown(message: CheckMessage) -> CheckMessage:
    """The message without what a terminal would obey: names of files and receivers are whatever somebody chose."""
    message.msg, message.hint = visible(message.msg), message.hint and visible(message.hint)
    return message


@cache  # Django takes the same function once, however often the app gets ready
def _of_this_app(check: Check, told_by: tuple[str, ...] | None = None) -> Check:
    """Silent where other apps alone are checked: ``manage.py check shop``, or a host's own tests.

    With ``told_by`` its warnings are no matter of most commands: they are told before these, and where somebody asks.
    """

    @wraps(check)
    def run(app_configs: Iterable[AppConfig] | None = None, **options: Any) -> list[CheckMessage]:
        if app_configs is not None and all(config.name != "signal_log" for config in app_configs):
            return []
        found = check(app_configs=app_configs, **options)
        return [_shown(message) for message in (found if told_by is None else of_servers.told(found, told_by))]

    return run
