"""Measures whether ``signal_tail`` in a process of its own keeps up with a thousand events a second."""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import threading
import time
from typing import Any

from tests.benchmarks.markdown import head, line
from tests.benchmarks.process import DATABASES, NAMES, ROOT, SETTINGS, address_of, called

RATE = 1_000
SECONDS = 20
BATCH = 50
"""So many events are written by one transaction, as by one request that saves much."""


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.tail_rate", description=__doc__)
    parser.add_argument("--database", choices=DATABASES, action="append", help="default: both")
    parser.add_argument("--seconds", type=int, default=SECONDS)
    options = parser.parse_args()
    told = [f"{RATE:,} events a second, {options.seconds} s", "arrived", "delay p50", "p95", "most", "tail's processor"]
    print("\n".join(head(told)))
    for name in options.database or DATABASES:
        for flags in ([], ["--json"]):
            with address_of(name) as address:
                print(line([f"{NAMES[name]} `{' '.join(flags)}`", *followed(address, flags, options.seconds)]))


def followed(address: str, flags: list[str], seconds: int) -> list[str]:
    """What came of a run with these flags."""
    called("tests.benchmarks.tail_rate.prepare", address)
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": SETTINGS, "SECRET_KEY": secrets.token_urlsafe(50), "DATABASE_URL": address,
        "DEBUG": "0", "HTTPS": "0", "ALLOWED_HOSTS": "testserver",
    }  # fmt: skip
    arrived: dict[str, float] = {}
    with subprocess.Popen(
        [sys.executable, "-u", "manage.py", "signal_tail", *flags], cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE,
    ) as tail:  # fmt: skip
        reader = threading.Thread(target=_read, args=(tail.stdout, arrived), daemon=True)
        reader.start()
        written = called("tests.benchmarks.tail_rate.write", address, seconds=seconds)["written"]
        deadline = time.monotonic() + 30
        while len(arrived) < len(written) and time.monotonic() < deadline:
            time.sleep(0.05)
        used = sum(float(part) for part in _times(tail.pid)) / os.sysconf("SC_CLK_TCK")
        tail.terminate()
        reader.join(10)
    delays = sorted(arrived[key] - moment for key, moment in written.items() if key in arrived)
    quantiles = (delays[len(delays) // 2], delays[round(0.95 * len(delays)) - 1], delays[-1])
    return [
        f"{len(delays):,} of {len(written):,}", *(f"{1_000 * delay:.0f} ms" for delay in quantiles),
        f"{100 * used / seconds:.0f} %",
    ]  # fmt: skip


def _read(stream: Any, arrived: dict[str, float]) -> None:
    for text in stream:
        now = time.time()
        for word in text.replace('"', " ").split():
            if word.startswith("event-"):
                arrived.setdefault(word.rstrip(",."), now)


def _times(pid: int) -> list[str]:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[11:13]


def prepare() -> dict[str, Any]:
    """Make the tables."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    return {}


def write(seconds: int) -> dict[str, Any]:
    """Write events at the rate, paced by the clock, and return when each was committed."""
    from django.db import transaction

    from signal_log.models import SignalEvent
    from tests.factories import event_value

    written: dict[str, float] = {}
    began = time.monotonic()
    time.sleep(3)  # the tail starts meanwhile
    began = time.monotonic()
    for batch in range(seconds * RATE // BATCH):
        names = [f"event-{batch}-{number}" for number in range(BATCH)]
        with transaction.atomic():
            SignalEvent.objects.bulk_create(
                SignalEvent(**event_value(signal="post_save", object_repr=name)._asdict()) for name in names
            )
        now = time.time()
        written |= dict.fromkeys(names, now)
        time.sleep(max(0.0, began + (batch + 1) * BATCH / RATE - time.monotonic()))
    return {"written": written}


if __name__ == "__main__":
    main()
