"""The process that makes events at a given rate: ``rows`` and ``saves`` for the log, ``group_send`` for the textbook.

It writes a file with the ids and the commit time of each. For the log the ids are read from the table afterwards: what
was committed, whatever the publisher believes.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import django

COMMITS_A_SECOND: Final = 50
RETRY_AFTER: Final = 0.2


def main() -> None:
    """Run one order from the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "observatory.settings")
    django.setup()
    order = json.loads(sys.argv[1])
    kind, report = order.pop("kind"), Path(order.pop("report"))
    report.write_text(json.dumps({"rows": rows, "saves": saves, "group_send": group_send}[kind](**order)))


def paced(rate: float, size: int, seconds: float, publish: Callable[[int], None]) -> dict[str, Any]:
    """Publish ``size`` events repeatedly so that there are ``rate`` a second, and return the time after each call."""
    committed: list[float] = []
    began = time.monotonic()
    for turn in range(max(1, round(rate * seconds / size))):
        time.sleep(max(0.0, began + turn * size / rate - time.monotonic()))
        publish(turn)
        committed.append(time.monotonic())
    return {"began": began, "ended": time.monotonic(), "committed": committed}


# --- for the log ------------------------------------------------------------------------------------
def rows(rate: float, seconds: float, through_outage: bool = False) -> dict[str, Any]:
    """Write events as the recorder does, 50 commits a second; ``through_outage`` retries failed ones."""
    from django.db import DatabaseError, connection, transaction

    from signal_log.store.append import append
    from signal_log.tail import doorbell
    from tests.factories import event_value

    size = max(1, round(rate / COMMITS_A_SECOND))
    sample = event_value(object_repr="Ada Lovelace", changes=LIKE_A_PROFILE)

    def publish(_: int) -> None:
        with transaction.atomic():
            append([sample] * size, connection)
        doorbell.ring()

    def publish_at_last(turn: int) -> None:
        while True:
            try:
                return publish(turn)
            except DatabaseError:
                connection.close()
                time.sleep(RETRY_AFTER)

    before = newest()
    return with_ids(paced(rate, size, seconds, publish_at_last if through_outage else publish), before, through_outage)


LIKE_A_PROFILE: Final = {"headline": ["Compiler engineer", "Poet of numbers"], "updated": ["2026-11-21", "2026-11-22"]}


def saves(rate: float, seconds: float) -> dict[str, Any]:
    """Save profiles one by one in autocommit: two events each, with signal_log's own recording and doorbell."""
    from users.models import Profile

    people = list(Profile.objects.filter(user__username__startswith="person")[:100])

    def publish(turn: int) -> None:
        person = people[turn % len(people)]
        person.headline = f"Compiler engineer, {turn}"
        person.save()

    before = newest()
    return with_ids(paced(rate, 2, seconds, publish), before, False)


def newest() -> int:
    """Return the newest id in the log."""
    from signal_log.models import SignalEvent

    return SignalEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def with_ids(result: dict[str, Any], before: int, interrupted: bool) -> dict[str, Any]:
    """Add the ids from the table; this is the only writer, so its commits hold them in order, evenly."""
    from signal_log.models import SignalEvent

    found = SignalEvent.objects.filter(pk__gt=before).order_by("pk")
    ids = list(found.values_list("pk", flat=True))
    commits = result["committed"]
    each, rest = divmod(len(ids), len(commits))
    if rest and not interrupted:
        raise RuntimeError(f"{len(commits)} commits left {len(ids)} events: is somebody else writing?")
    known = not (rest or interrupted)
    return result | {"ids": ids, "committed": [at for at in commits for _ in range(each)] if known else []}


# --- for the textbook -------------------------------------------------------------------------------
def group_send(rate: float, seconds: float) -> dict[str, Any]:
    """Send the payload by ``group_send``, on one event loop and one connection."""
    from channels.layers import get_channel_layer

    from tests.benchmarks.live.payload import event
    from tests.benchmarks.live.textbook import GROUP

    layer = get_channel_layer()
    with asyncio.Runner() as runner:

        def publish(turn: int) -> None:
            runner.run(layer.group_send(GROUP, {"type": "event", "event": event(turn + 1)}))

        result = paced(rate, 1, seconds, publish)
    return result | {"ids": list(range(1, len(result["committed"]) + 1))}


if __name__ == "__main__":
    main()
