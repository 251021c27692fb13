"""Wiring only: starts the recorder and registers the system checks when Django is ready."""

from typing import Any

from django.apps import AppConfig
from django.http import HttpRequest


class SignalLogConfig(AppConfig):
    """The reusable app."""

    name = "signal_log"
    verbose_name = "Signal log"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Start recording: importing signal_log patches nothing, everything is patched here and can be undone."""
        from signal_log import background, checks, pipeline, rows
        from signal_log.audit.guard import installed
        from signal_log.capture.model.same_row import families
        from signal_log.capture.trace import answers
        from signal_log.conf import problems
        from signal_log.store import schema

        rows.belong_together(families())
        answers.dress_with(_add_to_history)
        schema.watch_migrations()
        installed.watch_migrations()
        checks.register_all()
        if problems():  # `manage.py check` reports them; a wrong setting must not hide behind a traceback
            pipeline.unlock_flush()
        else:
            pipeline.start()
            background.watch()


def _add_to_history(request: HttpRequest, response: Any) -> None:
    """Wire the pages to the middleware without importing them where no page is served."""
    from signal_log.show.admin_history import add_to_history

    add_to_history(request, response)
