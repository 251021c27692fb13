"""The system check of what the live page's websocket needs: an ASGI application, and a server that runs it."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.core import checks
from django.core.management import get_commands, load_command_class

DOCUMENTED: Final = "README.md, “Add it to your own project”"
WITHOUT: Final = (
    "Recording, history and exports work without it; the live page then asks the history every two seconds instead."
)
WSGI_SERVERS: Final = ("django.core", "django.contrib.staticfiles")
"""The apps whose ``runserver`` serves no websockets."""
WHITENOISE: Final = "whitenoise.runserver_nostatic"
"""Its ``runserver`` is that of the next app below it."""


def check_server(**_: Any) -> list[checks.CheckMessage]:
    """A websocket can be served. The application itself is not imported: that is the server's, and may do anything."""
    if not getattr(settings, "ASGI_APPLICATION", None):
        return [
            checks.Warning(
                f"ASGI_APPLICATION is not set, so the live page has no websocket. {WITHOUT}",
                hint='ASGI_APPLICATION = "PROJECT.asgi.application", whose "websocket" routes '
                f"signal_log.tail.routing.websocket_urlpatterns ({DOCUMENTED}). Under WSGI on purpose: "
                'SILENCED_SYSTEM_CHECKS = ["signal_log.W012"].',
                id="signal_log.W012",
            )
        ]
    if settings.DEBUG and _is_wsgi(get_commands().get("runserver")):
        return [
            checks.Warning(
                f"`manage.py runserver` is a WSGI server here, so the live page has no websocket. {WITHOUT}",
                hint='pip install daphne, and "daphne" first in INSTALLED_APPS: runserver is then an ASGI server. If '
                'you run another one: SILENCED_SYSTEM_CHECKS = ["signal_log.W013"].',
                id="signal_log.W013",
            )
        ]
    return []


def _is_wsgi(app: Any) -> bool:
    """Whether ``runserver`` is that of Django, by itself or as WhiteNoise takes it over."""
    if app != WHITENOISE:
        return app in WSGI_SERVERS
    bases = type(load_command_class(app, "runserver")).__mro__
    return all(base.__module__.partition(".")[0] in ("builtins", "django", "whitenoise") for base in bases)
