"""``manage.py signal_guard``: triggers that record what other programs write into the tables of named models."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.db import connections

from signal_log.amounts import counted
from signal_log.audit.guard import installed, triggers
from signal_log.audit.guard.events import collect
from signal_log.audit.guard.queue import stuck
from signal_log.conf import conf
from signal_log.errors import GuardError
from signal_log.management.command import SignalCommand
from signal_log.management.ending import ending
from signal_log.models import PastWrite


class Command(SignalCommand):
    """``signal_guard install | remove | list | collect``."""

    help = (
        "Install triggers that record what other programs (psql, another service) write into the tables of the named "
        "models: as silent_insert, silent_update and silent_delete events whose source is `database`. What Django "
        "writes with the recorder is not recorded twice. A server makes the events within a second; so does `collect`. "
        "Exit status: 0 done, 2 nothing done."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Four words, each with what it needs."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="install | remove | list | collect")
        for action, what in (("install", "guard these models' tables"), ("remove", "guard them no longer")):
            chosen = actions.add_parser(action, help=what)
            chosen.add_argument("label", nargs="+", metavar="app.Model")
            chosen.add_argument(
                "--sql", "--dry-run", action="store_true", dest="sql", help="print the statements, and run none"
            )
        listed = actions.add_parser("list", help="the guarded models, and what is wrong with their triggers")
        listed.add_argument("--json", action="store_true", help="one JSON object, for programs")
        actions.add_parser("collect", help="make events of what the triggers have written down, without a server")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, or say in one sentence why not."""
        with ending(GuardError):
            getattr(self, f"_{options['action']}")(options)

    def _install(self, options: dict[str, Any]) -> None:
        models = [installed.chosen(label) for label in dict.fromkeys(options["label"])]
        if options["sql"]:
            self._print([sql for model in models for sql in installed.needed(model)])
            return
        installed.install(models)
        for model in models:
            what = installed.watched(model)
            untold = f"; of {', '.join(what.hidden)} only that they change" if what.hidden else ""
            self.stdout.write(f"{what.label} is guarded{untold}.")

    def _remove(self, options: dict[str, Any]) -> None:
        labels = list(installed.labels_of(dict.fromkeys(options["label"])))
        if options["sql"]:
            connection = connections[conf.DATABASE]
            self._print([sql for label in labels for sql in triggers.undoing(installed.table_of(label), connection)])
            return
        collect()
        installed.remove(labels)
        for label in labels:
            self.stdout.write(f"{label} is guarded no longer.")

    def _list(self, options: dict[str, Any]) -> None:
        found = installed.guarded(connections[conf.DATABASE])
        waiting = PastWrite.objects.count()
        if options["json"]:
            rows = [{"model": label, "problem": wrong or None} for label, wrong in found.items()]
            self.stdout.write(json.dumps({"guarded": rows, "waiting": waiting}, indent=2))
            return
        for label, wrong in found.items():
            self.stdout.write(f"{label}  {wrong or 'guarded'}")
        if not found:
            self.stdout.write("No table is guarded. Guard one: python manage.py signal_guard install app.Model")
        if waiting:
            self.stdout.write(
                f"{counted(waiting, 'write waits', 'writes wait')} to become an event: signal_guard collect"
            )
        if late := stuck():
            self.stdout.write(f"That is too long: {late}")

    def _collect(self, options: dict[str, Any]) -> None:
        self.stdout.write(f"{counted(collect(), 'event')}.")

    def _print(self, statements: list[str]) -> None:
        for statement in statements:
            self.stdout.write(f"{statement};")
