"""What one server process has of alerts, and what fires them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.contrib.auth.models import User
from django.db import connections

from signal_log.audit.alerts.watch import Watch
from signal_log.audit.own_events import ALERTED
from signal_log.models import SignalEvent

STAFF = {
    "name": "staff", "query": "sender=auth.User&field=is_staff&new=true", "count": 1, "seconds": 60,
    "to": "root@example.org",
}  # fmt: skip


class Process:
    """What one server process has of alerts: a thread of its own with a connection of its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._watch = Watch()

    def step(self) -> None:
        """Look until nothing is left to be looked at."""

        def work() -> None:
            while self._watch.step():
                pass

        self._thread.submit(work).result()

    def stop(self) -> None:
        def work() -> None:
            self._watch.close()
            connections.close_all()

        self._thread.submit(work).result()
        self._thread.shutdown()


def make_staff(name: str) -> User:
    user = User.objects.create(username=name)
    user.is_staff = True
    user.save()
    return user


def fired() -> list[dict[str, Any]]:
    return list(SignalEvent.objects.filter(signal=ALERTED).order_by("pk").values_list("labels", flat=True))
