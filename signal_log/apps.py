"""Wiring only: connects the recorder, the doorbell and the system checks when Django is ready."""

from django.apps import AppConfig


class SignalLogConfig(AppConfig):
    """The reusable app."""

    name = "signal_log"
    verbose_name = "Signal log"
    default_auto_field = "django.db.models.BigAutoField"
