"""Run in a process of its own: threads that save on SQLite with Django's default settings, without and with the app.

Prints, for each way to save, how many saves were refused and how many rows there are, in both kinds of run.
"""

import json
import os
import sys
import threading
from contextlib import nullcontext

import tests.settings as project

THREADS, SAVES, ROUNDS = 4, 20, 1


def configure(path: str) -> None:
    """Use the file with nothing but Django's defaults: no write-ahead log, no IMMEDIATE, five seconds to wait."""
    project.DATABASES["default"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": path}
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"


def write(block: bool, number: int, start: threading.Barrier, refused: list[str]) -> None:
    """Save as one of the threads, and collect what the database refuses."""
    from django.db import DatabaseError, connection, transaction

    from tests.shop.models import Thing

    start.wait()
    for turn in range(SAVES):
        key = number * SAVES + turn + 1
        try:
            with transaction.atomic() if block else nullcontext():
                Thing(pk=key, name=str(key)).save()
        except DatabaseError as error:
            refused.append(str(error))
    connection.close()


def threads(block: bool) -> list[str]:
    """Have all threads save at once, rows that are new and then rows that are there; return the refusals."""
    from tests.shop.models import Thing

    Thing.objects.all()._raw_delete("default")
    refused: list[str] = []
    for _ in range(2):
        start = threading.Barrier(THREADS)
        running = [threading.Thread(target=write, args=(block, number, start, refused)) for number in range(THREADS)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    return refused


def main() -> None:
    """Alternate between runs without and with the app, and report the refusals of each."""
    configure(sys.argv[1])
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from signal_log import pipeline
    from signal_log.models import SignalEvent

    call_command("migrate", run_syncdb=True, verbosity=0)
    report = {}
    for name, block in (("autocommit", False), ("block", True)):
        refused: dict[str, list[str]] = {"without": [], "with": []}
        for _ in range(ROUNDS):
            for app in ("without", "with"):
                pipeline.stop()
                connection.close()
                if app == "with":
                    pipeline.start()
                refused[app] += threads(block)
        report[name] = refused
    events = SignalEvent.objects.filter(sender="shop.Thing", signal="post_save", outcome="committed").count()
    report["recorded"] = events
    print(json.dumps(report))


if __name__ == "__main__":
    main()
