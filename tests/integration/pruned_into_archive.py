"""A log whose first events are in an archive that pages and exports read on into."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from signal_log import clock, context
from signal_log.conf import conf
from signal_log.show.query import archived
from tests.integration.redacting import sealed as seal_all

DAYS = 10


def ada_of(settings: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A user whose first events, of which the user did the last, are in the archive, and whose newest in the table."""
    monkeypatch.setattr(archived, "SECONDS", 60)  # the machine may be busy
    monkeypatch.setattr(archived, "SEARCHED", 50)
    user: Any = User.objects.create_user("ada", first_name="Ada")
    user.first_name = "Augusta"
    user.save()
    with context(actor=user):
        user.first_name = "Augusta Ada"
        user.save()
    user.moment = clock.now()
    user.folder = folder
    settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "ARCHIVE": str(folder)}
    user.url = f"/objects/auth.User/{user.pk}/"
    archive()
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=DAYS))
    prune()
    user.first_name = "Ada King"
    user.save()
    return user


def archive() -> None:
    """Seal everything and copy it."""
    seal_all()
    call_command("signal_archive", "--all", stdout=StringIO())


def prune(days: int = DAYS // 2) -> None:
    """Remove what is older, and archived."""
    call_command("signal_prune", "--keep-days", str(days), "--archive", str(conf.ARCHIVE), stdout=StringIO())
