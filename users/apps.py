"""Wiring only: connects the receivers of ``users.signals`` when Django is ready."""

from django.apps import AppConfig, apps


class UsersConfig(AppConfig):
    """Accounts and their profiles."""

    name = "users"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from users import signals

        signals.connect_all(apps.get_models())
