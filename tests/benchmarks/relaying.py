"""How fast a relay sends on PostgreSQL: `python -m tests.benchmarks.relaying [EVENTS]`.

Each sink's receiver runs on the same machine, those of HTTP and syslog in the same process. Printed are events a
second, and the relay's own processor time for one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Any

from tests.servers.postgres import Postgres


def measure(events: int) -> None:
    """Fill a log on the database of the environment, and send it to each sink."""
    import django

    django.setup()
    from django.core.management import call_command

    from signal_log.relay.runner import Runner
    from signal_log.relay.settings import parse
    from signal_log.relay.sinks import sink_of
    from signal_log.seal.settled import newest_id
    from signal_log.show.export.bodies import body
    from tests.factories import write_saves

    call_command("migrate", verbosity=0, run_syncdb=True)
    write_saves((f"user {number}" for number in range(events // 2)), object_pk="1")
    with ExitStack() as stack:
        for number, (name, given) in enumerate(receivers(stack).items()):
            relay = parse(f"relay-{number}", given)
            sink = sink_of(relay, Event())
            runner = Runner(relay, body, sink, print, Event(), up_to=newest_id())
            began, spent = time.perf_counter(), time.thread_time()
            runner.run()
            took, spent = time.perf_counter() - began, time.thread_time() - spent
            sink.close()
            print(f"{name}: {runner.sent / took:,.0f} events/s, {spent * 1e6 / runner.sent:,.0f} µs of the relay each")


def receivers(stack: ExitStack) -> dict[str, dict[str, Any]]:
    """Start each receiver; what has it sent there."""
    from tests.integration.relay.receivers import Hook, Syslog
    from tests.servers.nats import Nats
    from tests.servers.tansu import Tansu

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    hook, syslog = Hook(), Syslog()
    stack.callback(hook.kill)
    stack.callback(syslog.kill)
    broker, nats = stack.enter_context(Tansu("events")), stack.enter_context(Nats("log.events"))
    secret = "whsec_" + "c2VjcmV0" * 4
    return {
        "file": {"sink": "file", "url": str(folder / "log.jsonl")},
        "file as OCSF": {"sink": "file", "url": str(folder / "log.ocsf"), "format": "ocsf"},
        "syslog": {"sink": "syslog", "url": syslog.url},
        "webhook": {"sink": "webhook", "url": hook.url, "secret": secret},
        "webhook by 100": {"sink": "webhook", "url": hook.url, "secret": secret, "batch": 100},
        "NATS, one object": {"sink": "nats", "url": nats.url},
        "Kafka": {"sink": "kafka", "url": f"kafka://127.0.0.1:{broker.port}/events"},
    }


def main() -> None:
    """Run it in a process of its own, on a server of its own."""
    given = sys.argv[1:] or ["20000"]
    if os.environ.get("MEASURED"):
        measure(int(given[0]))
        return
    with Postgres() as server:
        env = {
            "MEASURED": "1", "DATABASE_URL": server.create_database("relayed"), "SECRET_KEY": "x" * 60,
            "ALLOWED_HOSTS": "a.example", "DJANGO_SETTINGS_MODULE": "tests.settings",
        }  # fmt: skip
        subprocess.run([sys.executable, "-m", "tests.benchmarks.relaying", *given], env=os.environ | env, check=True)


if __name__ == "__main__":
    main()
