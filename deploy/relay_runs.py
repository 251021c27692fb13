"""Container health check: exits with 0 if the relay of this name has just said that it runs.

It says so every few seconds, in its row; Django would take a second of processor time each time to ask for it.
"""

import os
import sys
from pathlib import Path

import psycopg

RUNS = (
    "SELECT heartbeat_at > now() - interval '20 seconds' FROM signal_log_relaycursor WHERE name = %s AND runner <> ''"
)


def main() -> int:
    """Ask for the relay given as the only argument."""
    password = Path(os.environ["DATABASE_PASSWORD_FILE"]).read_text(encoding="utf-8").strip()
    try:
        with psycopg.connect(os.environ["DATABASE_URL"], password=password, connect_timeout=3) as connection:
            row = connection.execute(RUNS, (sys.argv[1],)).fetchone()
    except psycopg.Error as error:
        print(error)
        return 1
    return 0 if row and row[0] else 1


if __name__ == "__main__":
    sys.exit(main())
