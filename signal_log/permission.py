"""The permission checks of the log: who may see events, and who may do more with them; for pages and sockets."""

from __future__ import annotations

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
