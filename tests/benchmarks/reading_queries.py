"""Asks for the pages of a large log, as a reader would, and measures the processor time of each answer."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from time import process_time
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import override_settings

from signal_log import pipeline
from signal_log.models import SignalEvent
from tests.benchmarks import large_log_rows, large_log_sqlite
from tests.benchmarks.large_log_queries import PLAIN_FILES

ADMIN: Final = "/admin/signal_log/signalevent/?"
QUESTIONS: Final = {
    "history": "/events/?",
    "nearly all: `source=http`": "/events/?source=http",
    "60 %: `sender=users.Profile`": "/events/?sender=users.Profile",
    "nearly all: `field=headline`": "/events/?field=headline",
    "1 in 1,000: `actor_pk`": "/events/?actor_pk=7",
    "1 in 1,000: `signal=post_delete`": "/events/?signal=post_delete",
    "1 in 500: `outcome=rolled_back`": "/events/?outcome=rolled_back",
    "none: `outcome=failed`": "/events/?outcome=failed",
    "1 in 75,000: `object=users.Profile/77`": "/events/?object=users.Profile/77",
    "1 in a million: `field=is_staff`": "/events/?field=is_staff",
    "1 in a million: `field=is_staff&new=true`": "/events/?field=is_staff&new=true",
    "1 in 2,000,000: `overwrote=yes`": "/events/?overwrote=yes",
    "two, no index: `new=`": "/events/?new=at+work+100",
    "1 in a million, no index: `q`": "/events/?q=needle",
    "admin list": ADMIN,
    "admin list, one model": f"{ADMIN}sender=users.Profile",
    "admin list, one actor": f"{ADMIN}actor=7",
    "admin list, `field=is_staff`": f"{ADMIN}field=is_staff",
    "admin search, `users.Profile/77`": f"{ADMIN}q=users.Profile/77",
    "admin search, a name": f"{ADMIN}q=person+77",
    "admin search, a rare name": f"{ADMIN}q=needle",
}
WHERE: Final = ("first page", "from the middle")


def measure(events: int, times: int) -> dict[str, Any]:
    """Fill an empty log, and ask."""
    call_command("migrate", verbosity=0)
    (large_log_sqlite if connection.vendor == "sqlite" else large_log_rows).fill(events)
    return ask(times)


def ask(times: int) -> dict[str, Any]:
    """Return for each question the 95th percentile, the median, and whether the page says how far it looked."""
    warnings.filterwarnings("ignore", "No directory at")  # static files are neither collected nor requested
    logging.disable(logging.INFO)
    override_settings(STORAGES=settings.STORAGES | {"staticfiles": {"BACKEND": PLAIN_FILES}}).enable()
    pipeline.stop()
    client = Client()
    users = get_user_model().objects
    client.force_login(users.filter(username="reader").first() or users.create_superuser("reader"))
    newest = SignalEvent.objects.latest("pk").pk
    places = ("", f"&before={newest // 2}")
    return {
        "events": newest,
        "where": WHERE,
        "times": {
            name: [timed(client, address + place, times) for place in places] for name, address in QUESTIONS.items()
        },
    }


def processor_time() -> float:
    """Return the seconds that this process and the database's for it have computed: what other work leaves alone."""
    spent = process_time()
    if connection.vendor == "postgresql":
        connection.ensure_connection()
        process = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
        spent += int(process.read_text().split()[0]) / 1e9
    return spent


def timed(client: Client, address: str, times: int) -> tuple[float, float, bool]:
    """Ask for one page; twice before it counts, because the first reader finds the rows on disk."""
    taken = []
    for _ in range(times + 2):
        started = processor_time()
        answer = client.get(address)
        taken.append((processor_time() - started) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"{address} got the status {answer.status_code}.")
    taken = sorted(taken[2:])
    return taken[int(len(taken) * 0.95)], taken[len(taken) // 2], b"Looked " in answer.content
