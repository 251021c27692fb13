"""Wiring only: starts the recorder and registers the system checks when Django is ready."""

from django.apps import AppConfig
from django.core.checks import Tags, register


class SignalLogConfig(AppConfig):
    """The reusable app."""

    name = "signal_log"
    verbose_name = "Signal log"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Start recording: importing signal_log patches nothing, everything is patched here and can be undone."""
        from signal_log import checks, pipeline, row_checks, rows
        from signal_log.capture.model.same_row import families
        from signal_log.conf import problems
        from signal_log.store import schema

        rows.belong_together(families())
        schema.watch_migrations()
        register(checks.check_settings)
        register(checks.check_converted_fields)
        register(checks.check_middleware)
        register(checks.check_vendors)
        register(checks.check_database, Tags.database)
        register(row_checks.check_rows, Tags.database)
        if problems():  # `manage.py check` reports them; a wrong setting must not hide behind a traceback
            pipeline.unlock_flush()
        else:
            pipeline.start()
