"""A project without Django's accounts, sessions and content types starts, is checked and records."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json
import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["signal_log"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    SIGNAL_LOG={"MODELS": ["*"]},
)
django.setup()
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection, models
from signal_log.models import SignalEvent

class Note(models.Model):
    class Meta:
        app_label = "notes"

found = [message.id for message in run_checks()]
call_command("migrate", verbosity=0)
with connection.schema_editor() as editor:
    editor.create_model(Note)
Note.objects.create()
print(json.dumps([found, list(SignalEvent.objects.values_list("signal", flat=True).order_by("id"))]))
"""


@pytest.mark.one_database
def test_a_project_without_accounts():
    """Nothing that is imported at the start has models of an app that is not installed."""
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    found, signals = json.loads(ran.stdout)
    assert "signal_log.W002" in found
    assert not [name for name in found if name.startswith("signal_log.E")]
    assert signals == ["pre_save", "post_save"]
