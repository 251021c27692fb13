"""The script of docs/archive.md, as it stands, on a PostgreSQL of its own: converted, archived, pruned, restored.

``make archive-test`` runs it, and not ``make test``: it starts Django twenty times.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.servers.postgres import Postgres, binaries

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "docs" / "archive" / "whole-life.sh"
FILL = """
from datetime import timedelta
from django.core.management import call_command
from signal_log import clock
from tests.sealed import write_events
from tests.shop.models import Category

call_command("migrate", verbosity=0, run_syncdb=True)
write_events(1_500, occurred_at=clock.now() - timedelta(days=400))
Category.objects.create(name="young")
"""
GO_ON = """
from django.core.management import call_command
from signal_log.models import SignalEvent
from tests.shop.models import Category

young = Category.objects.get()
young.name = "older"
young.save()
call_command("signal_seal")
call_command("signal_verify")
print("old:", SignalEvent.objects.filter(sender="auth.User", actor_pk="7").count())
print("young:", SignalEvent.objects.filter(sender="shop.Category").count())
"""


def test_the_script_leads_through_the_whole_life(tmp_path: Path) -> None:
    """Each step succeeds; the restored log has what was kept, takes new events, and is intact with them."""
    with Postgres() as server:
        url, copy = server.create_database("site"), server.create_database("again")
        tools = binaries() / "pginstall" / "bin"
        environment = os.environ | {
            "DATABASE_URL": url, "COPY_URL": copy, "ARCHIVE": str(tmp_path / "archive"), "ROWS": "1000",
            "MANAGE": f"{sys.executable} -m django", "DJANGO_SETTINGS_MODULE": "tests.settings",
            "PATH": f"{tools}:{os.environ['PATH']}",
        }  # fmt: skip

        def run(*words: str, **more: str) -> str:
            done = subprocess.run(
                words, cwd=ROOT, env=environment | more, capture_output=True, text=True, check=False
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        python = (sys.executable, "-c")
        run(*python, f"import django\ndjango.setup()\n{FILL}")
        told = run("sh", str(SCRIPT))
        assert told.endswith("== done: the restored log is intact, and goes on\n")
        assert re.search(r"Pruned 1,[45]\d\d events", told)
        assert told.count("Nothing is wrong with the ") == told.count("signal_verify") == 4
        told = run(*python, f"import django\ndjango.setup()\n{GO_ON}", DATABASE_URL=copy)
        assert "old: 0" in told
        assert "young: 4" in told
