"""Wiring only: starts the recorder and registers the system checks when Django is ready."""

from django.apps import AppConfig


class SignalLogConfig(AppConfig):
    """The reusable app."""

    name = "signal_log"
    verbose_name = "Signal log"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Start recording: importing signal_log patches nothing, everything is patched here and can be undone."""
        from signal_log import checks, pipeline, rows
        from signal_log.capture.model.same_row import families
        from signal_log.conf import problems
        from signal_log.store import schema

        rows.belong_together(families())
        schema.watch_migrations()
        checks.register_all()
        if problems():  # `manage.py check` reports them; a wrong setting must not hide behind a traceback
            pipeline.unlock_flush()
        else:
            pipeline.start()
