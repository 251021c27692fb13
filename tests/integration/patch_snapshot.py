"""Run in a process of its own: prints which functions of Django and Channels the app replaces, and what it leaves.

The classes are snapshotted before the app is ready; afterwards each attribute is compared by identity.
"""

import importlib
import json
import sys
from types import ModuleType

LOOKED_AT = ("django.", "channels.")
MODULES = (
    "channels.consumer", "channels.generic.websocket", "django.core.management.base", "django.db.backends.dummy.base",
    "django.db.backends.postgresql.base", "django.db.backends.postgresql.schema", "django.db.backends.sqlite3.base",
    "django.db.migrations.operations", "django.db.models", "django.db.models.sql.compiler", "django.db.transaction",
    "django.dispatch", "django.http", "django.test", "django.test.utils",
)  # fmt: skip
Attributes = dict[tuple[str, str], object]


def classes() -> dict[str, type]:
    """Return every class that Django and Channels have defined so far, by its dotted path."""
    found = {}
    for name, module in list(sys.modules.items()):
        if isinstance(module, ModuleType) and name.startswith(LOOKED_AT):
            for value in list(vars(module).values()):
                if issubclass(type(value), type) and value.__module__.startswith(LOOKED_AT):
                    found[f"{value.__module__}.{value.__qualname__}"] = value
    return found


def snapshot() -> Attributes:
    """Return every attribute of every one of these classes."""
    return {(path, name): value for path, cls in classes().items() for name, value in vars(cls).items()}


def is_ours(value: object) -> bool:
    """Return whether a function was defined in signal_log; ``wraps`` hides that in its name."""
    code = getattr(getattr(value, "__func__", value), "__code__", None)
    return code is not None and "/signal_log/" in code.co_filename


def replaced(before: Attributes) -> list[str]:
    """Return those attributes of the snapshotted classes that hold a function of ours."""
    known = {path for path, _ in before}
    return sorted(".".join(key) for key, value in snapshot().items() if key[0] in known and is_ours(value))


def different(before: Attributes, keys: list[str]) -> list[str]:
    """Return the attributes that are not what they were."""
    now = {".".join(key): value for key, value in snapshot().items()}
    then = {".".join(key): value for key, value in before.items()}
    return [key for key in keys if now.get(key) is not then.get(key)]


def ours_on(thing: object) -> list[str]:
    """Return the attributes of one object that hold something of signal_log's."""
    held = {**vars(thing)}
    held |= {f"execute_wrappers[{i}]": value for i, value in enumerate(held.get("execute_wrappers", ()))}
    return sorted(name for name, value in held.items() if _module(value).startswith("signal_log"))


def _module(value: object) -> str:
    return getattr(value, "__module__", None) or type(value).__module__


def main() -> None:
    """Start the app, open a connection, stop it, open another and report what each step found."""
    for name in MODULES:
        importlib.import_module(name)
    before = snapshot()

    import django

    django.setup()

    from django.apps import apps
    from django.db import connection
    from django.db.models import signals

    from signal_log import pipeline

    connection.ensure_connection()
    started = replaced(before)
    report = {"started": started, "signals": [type(signals.pre_save).__module__]}
    pipeline.stop()
    fresh = connection.copy()
    fresh.ensure_connection()
    report["stopped"] = sorted({*replaced(before), *different(before, started)})
    report["signals"].append(type(signals.pre_save).__module__)
    report["connections"] = [ours_on(thing) for one in (connection, fresh) for thing in (one, one.ops, one.features)]
    report["models"] = sorted(
        f"{model._meta.label}.{name}"
        for model in apps.get_models(include_auto_created=True)
        for name, value in vars(model).items()
        if _module(getattr(value, "__func__", value)).startswith("signal_log.capture") or name.startswith("_signal_log")
    )
    fresh.close()
    print(json.dumps(report))


if __name__ == "__main__":
    main()
