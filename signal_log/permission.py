"""The one permission check for events, used by pages and sockets."""

from __future__ import annotations

from typing import Any

from signal_log.conf import conf


def may_see_events(user: Any) -> bool:
    """Whether this user (also ``AnonymousUser``) is active and has the permission of ``SIGNAL_LOG``."""
    return bool(user.is_active and user.has_perm(conf.PERMISSION))
