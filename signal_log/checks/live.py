"""The system check of what the live page's websocket needs: an ASGI application, and a server that runs it."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
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
    found: list[checks.CheckMessage] = []
    if settings.DEBUG and _is_wsgi(get_commands().get("runserver")):
        found.append(
            checks.Warning(
                f"`manage.py runserver` is a WSGI server here, so the live page has no websocket. {WITHOUT}",
                hint='pip install daphne, and "daphne" first in INSTALLED_APPS: runserver is then an ASGI server. If '
                'you run another one: SILENCED_SYSTEM_CHECKS = ["signal_log.W013"].',
                id="signal_log.W013",
            )
        )
    module, _dot, name = str(settings.ASGI_APPLICATION).rpartition(".")
    file = _file_of(module)
    if file is not None and _is_djangos_alone(file, name):
        found.append(
            checks.Warning(
                f"{settings.ASGI_APPLICATION} ({file}) is what startproject wrote and routes no websocket, so an ASGI "
                f"server answers the live page's with 500 and a traceback. {WITHOUT}",
                hint='Make it a ProtocolTypeRouter whose "websocket" routes '
                "signal_log.tail.routing.websocket_urlpatterns: the asgi.py to paste is in "
                f"{DOCUMENTED}. If it gets there another way: "
                'SILENCED_SYSTEM_CHECKS = ["signal_log.W021"].',
                id="signal_log.W021",
            )
        )
    return found


def _file_of(module: str) -> Path | None:
    """The file of a module, which is not imported for it; its package is, where the settings are mostly from."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return None  # the server says so
    return Path(spec.origin) if spec and spec.origin and spec.has_location else None


def _is_djangos_alone(file: Path, name: str) -> bool:
    """Whether the application is ``get_asgi_application()`` and nothing else, as the file of a new project says."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False
    made: dict[str, ast.expr] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            made |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
    value = made.get(name)
    for _ in made:  # `application = http`, after `http = get_asgi_application()`
        value = made.get(value.id) if isinstance(value, ast.Name) else value
    return isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] == "get_asgi_application"


def _is_wsgi(app: Any) -> bool:
    """Whether ``runserver`` is that of Django, by itself or as WhiteNoise takes it over."""
    if app != WHITENOISE:
        return app in WSGI_SERVERS
    bases = type(load_command_class(app, "runserver")).__mro__
    return all(base.__module__.partition(".")[0] in ("builtins", "django", "whitenoise") for base in bases)
