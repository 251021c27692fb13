"""Asks for the pages of a large log, as a reader would, and measures the processor time of each answer."""

from __future__ import annotations

import logging
import re
import warnings
from pathlib import Path
from time import process_time
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import override_settings

from signal_log import pipeline
from signal_log.models import SignalEvent
from signal_log.show.query.paging import matching
from signal_log.show.query.query import parse
from tests.benchmarks import large_log_rows, large_log_sqlite, reading_auditlog
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
    "1 in 50,000: `object=users.Profile/77`": "/events/?object=users.Profile/77",
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
    "story of an object": "/objects/users.Profile/77/?",
    "its state in the middle": "/objects/users.Profile/77/?at={middle}",
    "what one account did": "/actors/7/?",
    "completion: an account's name": "/events/?format=values&key=actor&begins=per",
    "completion: a changed field": "/events/?format=values&key=field",
    "palette: an account's name": "/events/?format=find&text=person+77",
    "facets of a day, 50,000 events": "/events/?format=facets&since=now-1d",
}
WHERE: Final = ("first page", "1,000th page")
PAGE_SIZE: Final = 50
PAGE: Final = 1_000
FULL: Final = re.compile("source=http|sender=|field=headline")
"""The filters that most events match, so that they have a thousandth page."""


def measure(events: int, times: int) -> dict[str, Any]:
    """Fill an empty log, and ask."""
    call_command("migrate", verbosity=0)
    (large_log_sqlite if connection.vendor == "sqlite" else large_log_rows).fill(events)
    if apps.is_installed("auditlog"):
        reading_auditlog.fill()
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
    middle = SignalEvent.objects.get(pk=newest // 2).occurred_at
    taken = {
        name: [timed(client, asked, times) for asked in (first, first + thousandth(first, newest))]
        for name, address in QUESTIONS.items()
        for first in [address.format(middle=f"{middle:%Y-%m-%dT%H:%M:%SZ}")]
    }
    if apps.is_installed("auditlog"):
        taken |= {
            name: [timed(client, asked, 3) for asked in (address, f"{address}&p={PAGE * PAGE_SIZE // 100}")]
            for name, address in reading_auditlog.QUESTIONS.items()
        }
    return {"events": newest, "where": WHERE, "times": taken}


def thousandth(address: str, newest: int) -> str:
    """The place of the thousandth page, to be added to an address; the log's middle where there are fewer."""
    query = parse(QueryDict(address.partition("?")[2]), own=("at",))
    if query.problems or not address.startswith("/events/") or (query.filters and not FULL.search(address)):
        return f"&before={newest // 2}"
    found, _ = matching(query)
    rows = PAGE * PAGE_SIZE * (1 if query.every else 2)
    place = found.order_by("-pk").values_list("pk", flat=True)[rows : rows + 1]
    return f"&before={next(iter(place), newest // 2)}"


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
