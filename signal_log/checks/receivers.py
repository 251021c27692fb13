"""System checks of receivers: how they are connected and, with ``--database``, what the newest traces say of them."""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from django.apps import apps
from django.core import checks
from django.db import DatabaseError, connections
from django.utils.inspect import func_accepts_kwargs

from signal_log.capture.signals.connected import Connected, connected
from signal_log.conf import conf, problems
from signal_log.show.cascade.findings import CONNECT_ONCE
from signal_log.show.receivers.recent import recent_findings
from signal_log.show.words.text import one_line
from signal_log.telemetry.write import has_tables

DOCUMENTED: Final = "docs/reference.md, “Checks of receivers”"
_IDS: Final = {"slow": "W018", "cycle": "W019", "writes_on_raw": "W020"}
_LIBRARIES: Final = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def check_connected(**_: Any) -> list[checks.CheckMessage]:
    """No receiver is connected twice, and each takes keyword arguments."""
    if problems():
        return []
    found = list(connected())
    return [*_twice(found), *_without_kwargs(found)]


def check_imported(**_: Any) -> list[checks.CheckMessage]:
    """The ``signals.py`` of each app of the project has been imported, or its receivers are not connected."""
    messages: list[checks.CheckMessage] = []
    for config in apps.get_app_configs():
        name = f"{config.name}.signals"
        if name in sys.modules or any(part in config.path for part in _LIBRARIES):
            continue
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            continue
        if spec is not None and spec.origin and _connects(Path(spec.origin)):
            messages.append(
                checks.Warning(
                    f"{name} connects receivers, but nothing has imported it: they never run.",
                    hint=f"Import it when the app is ready: in {config.name}/apps.py, `def ready(self): "
                    f"from {config.name} import signals`. ({DOCUMENTED})",
                    id="signal_log.W017",
                )
            )
    return messages


def check_seen(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """What receivers did in the newest traces: slow ones, circles, and writes while a fixture is loaded."""
    if problems() or conf.DATABASE not in (databases or ()):
        return []
    connection = connections[conf.DATABASE]
    try:
        connection.ensure_connection()
        if not has_tables(connection):
            return []
        recent = recent_findings()
    except DatabaseError:
        return []  # other checks say what is wrong with the database
    return [
        checks.Warning(
            f"{one.finding.text} (in {one.traces:,} of the newest traces; the last is {one.newest})",
            hint=f"{one.finding.fix} ({DOCUMENTED})",
            id=f"signal_log.{_IDS[one.finding.kind]}",
        )
        for one in recent
        if one.finding.kind in _IDS
    ]


def _twice(found: Sequence[Connected]) -> Iterator[checks.CheckMessage]:
    """The same code for the same signal and model, whatever it is called: a module may have two names."""
    groups: dict[tuple[str, str, str, int, str], list[Connected]] = defaultdict(list)
    for one in found:
        if one.line:
            name = one.receiver.rpartition(".")[2]
            groups[one.signal, one.model, one.file, one.line, name].append(one)
    told = set()
    for (signal, model, file, line, _), same in groups.items():
        names = sorted({one.receiver for one in same})
        if len(same) < 2 or _is_a_method_of_several(same) or (signal, *names) in told:
            continue
        told.add((signal, *names))
        sender, place = f" of {model}" if model else "", f"{one_line(file, 200)}:{line}"
        yield checks.Warning(
            f"{' and '.join(names)} ({place}) is connected {len(same)} times to {signal}{sender}: it runs "
            f"{len(same)} times for one signal.",
            hint=f"{CONNECT_ONCE}{_uids(same)} ({DOCUMENTED})",
            id="signal_log.W015",
        )


def _uids(same: Sequence[Connected]) -> str:
    """What the connections are called, if that is why there are several."""
    uids = [one.dispatch_uid for one in same]
    if not any(uids):
        return ""
    return f" Their dispatch_uids are {', '.join(one_line(repr(uid), 60) if uid else 'none' for uid in uids)}."


def _is_a_method_of_several(same: Sequence[Connected]) -> bool:
    """Whether these are methods of different objects, each of which is to be told."""
    owners = {id(getattr(one.function, "__self__", None)) for one in same}
    return all(hasattr(one.function, "__self__") for one in same) and len(owners) == len(same)


def _without_kwargs(found: Sequence[Connected]) -> Iterator[checks.CheckMessage]:
    told = set()
    for one in found:
        try:
            accepts = func_accepts_kwargs(one.function)
        except (TypeError, ValueError):
            continue
        if not accepts and one.receiver not in told:
            told.add(one.receiver)
            yield checks.Warning(
                f"{one.receiver} ({one_line(one.file, 200)}:{one.line}) takes no **kwargs, so Django may call it with "
                "arguments that it does not know.",
                hint=f"def {one.receiver.rpartition('.')[2]}(sender, **kwargs): ... ({DOCUMENTED})",
                id="signal_log.W016",
            )


def _connects(path: Path) -> bool:
    """Whether a module's text connects receivers; many a ``signals.py`` only declares signals."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False
    return any(
        getattr(node, "id", "") == "receiver" or (isinstance(node, ast.Attribute) and node.attr == "connect")
        for node in ast.walk(tree)
    )
