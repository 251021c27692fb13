"""What ``manage.py check`` finds: each message says what happened, each hint the next move, ready to paste."""

from django.core.checks import Tags, register

from signal_log.checks import databases, fields, given, live, names, requests, rows


def register_all() -> None:
    """Register every check; those of ``Tags.database`` run with ``--database`` and before ``migrate``."""
    register(given.check_settings)
    register(names.check_names)
    register(fields.check_converted_fields)
    register(requests.check_middleware)
    register(requests.check_urls, Tags.urls)
    register(live.check_server)
    register(databases.check_vendors)
    register(databases.check_sqlite)
    register(databases.check_sequence, Tags.database)
    register(rows.check_rows, Tags.database)
