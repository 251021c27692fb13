"""What sealing costs on PostgreSQL: `python -m tests.benchmarks.sealing [EVENTS] [A_ROUND]`.

Events are put into the log so many at a time, and each time one round seals them, unsigned. Printed are the sealer's
own processor time for an event and for a round, and the size of the tiles after a VACUUM.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

from tests.servers.postgres import Postgres


def measure(events: int, a_round: int) -> None:
    """Fill a log on the database of the environment, and seal it."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from signal_log.seal.sealer import Sealer
    from signal_log.store.row import NAMES, TABLE
    from tests.factories import make_event

    call_command("migrate", verbosity=0, run_syncdb=True)
    make_event()
    chosen = ", ".join("sha256(n::text::bytea)" if name == '"digest"' else name for name in NAMES.split(", "))
    more = f"INSERT INTO {TABLE} ({NAMES}) SELECT {chosen} FROM {TABLE}, generate_series(%s, %s) AS n WHERE id = %s"  # noqa: S608
    sealer, spent, done = Sealer(), 0.0, 0
    sealer.round()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT min(id) FROM {TABLE}")  # noqa: S608
        (copied,) = cursor.fetchone()
        while done < events:
            cursor.execute(more, [done, done + a_round - 1, copied])
            began = time.process_time()
            grown = sealer.round().grown
            spent += time.process_time() - began
            assert grown == a_round
            done += a_round
        cursor.execute("VACUUM signal_log_sealtile")
        cursor.execute("SELECT pg_total_relation_size('signal_log_sealtile')")
        (size,) = cursor.fetchone()
    print(
        f"{done:,} events: {spent * 1e6 / done:.1f} µs of the sealer an event, {spent * 1e3 * a_round / done:.0f} ms a "
        f"round of {a_round:,}; tiles {size / done:.1f} bytes an event"
    )


def main() -> None:
    """Run it in a process of its own, on a server of its own."""
    given = sys.argv[1:]
    if os.environ.get("MEASURED"):
        measure(int(given[0]), int(given[1]))
        return
    events, a_round = (*given, *("500000", "25000")[len(given) :])
    with Postgres() as server:
        environment = os.environ | {
            "MEASURED": "1", "DATABASE_URL": server.create_database("sealing"), "SECRET_KEY": "x" * 60,
            "ALLOWED_HOSTS": "a.example", "DJANGO_SETTINGS_MODULE": "tests.settings",
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.benchmarks.sealing", events, a_round]
        subprocess.run(command, env=environment, check=True)


if __name__ == "__main__":
    main()
