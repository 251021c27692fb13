"""The permission checks of the log: who may see events, and who may do more with them; for pages and sockets."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from signal_log.conf import conf

EXPORT: Final = "export"
REDACT: Final = "redact"
HOLD: Final = "hold"
SEAL: Final = "seal"
ACTIONS: Final = (EXPORT, REDACT, HOLD, SEAL)
"""What needs a permission of its own beside that to see events: ``signal_log.export_signalevent``, and so on."""


def may_see_events(user: Any) -> bool:
    """Whether this user (also ``AnonymousUser``) is active and has the permission of ``SIGNAL_LOG``."""
    return bool(user.is_active and user.has_perm(conf.PERMISSION))


def who_may_see_events(users: Collection[Any]) -> set[Any]:
    """The keys of those of these accounts who may see events: by one query where Django's own backend decides."""
    active = [user for user in users if user.is_active]
    asked = [user for user in active if not getattr(user, "is_superuser", False)]
    if not asked or not _django_decides(type(asked[0])):
        return {user.pk for user in active if may_see_events(user)}
    app, _, codename = conf.PERMISSION.partition(".")
    accounts = type(asked[0])._base_manager.filter(pk__in=[user.pk for user in asked])
    them = accounts.order_by().values_list("pk", flat=True)
    own = them.filter(user_permissions__codename=codename, user_permissions__content_type__app_label=app)
    by_group = them.filter(groups__permissions__codename=codename, groups__permissions__content_type__app_label=app)
    return {user.pk for user in active if user.is_superuser} | set(own.union(by_group))


def _django_decides(model: type[Any]) -> bool:
    """Whether a permission is what the tables of ``django.contrib.auth`` say, and nothing else."""
    from django.contrib.auth import get_backends
    from django.contrib.auth.backends import ModelBackend  # has models, which may not be loaded yet
    from django.contrib.auth.models import PermissionsMixin

    is_django = issubclass(model, PermissionsMixin) and model.has_perm is PermissionsMixin.has_perm
    return is_django and all(type(backend) is ModelBackend for backend in get_backends())


def may(user: Any, action: str) -> bool:
    """Whether this user may see events and do this with them, one of ``ACTIONS``."""
    if action not in ACTIONS:
        raise ValueError(f"{action!r} is none of {', '.join(ACTIONS)}.")
    return may_see_events(user) and bool(user.has_perm(permission_to(action)))


def needed(action: str) -> str:
    """What somebody is told who may not do this, one of ``ACTIONS``."""
    return (
        f"This needs the permission to {action} signal events: {permission_to(action)}. An administrator can grant it."
    )


def permission_to(action: str) -> str:
    """The full name of the permission to do this."""
    return f"signal_log.{action}_signalevent"
