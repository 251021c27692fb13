"""What the tests of how-to pages share: a page's code and commands, and a project to run them in."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

from tests.integration.host_project import HostProject

PAGES = Path(__file__).resolve().parents[3] / "docs" / "how-to"
SHOP = """
from django.db import models

class Customer(models.Model):
    name = models.CharField(max_length=20)
    iban = models.CharField(max_length=40)
    notes = models.TextField()
    last_seen = models.DateTimeField(null=True)
"""
# A migration that does not build on those of the log.
NOTHING = """
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("crew", "0001_initial")]
"""
ALONE = 'INSTALLED_APPS += ["shop"]\nMIGRATION_MODULES = {"shop": None}\n'
# What a project with the admin has.
ADMIN = """
INSTALLED_APPS += [f"django.contrib.{name}" for name in ("admin", "sessions", "messages")]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware",
              "django.contrib.auth.middleware.AuthenticationMiddleware",
              "django.contrib.messages.middleware.MessageMiddleware",
              "signal_log.capture.middleware.SignalLogMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {
    "context_processors": [f"django.{name}" for name in (
        "template.context_processors.request", "contrib.auth.context_processors.auth",
        "contrib.messages.context_processors.messages")]}}]
ROOT_URLCONF, STATIC_URL, ALLOWED_HOSTS = "urls", "static/", ["*"]
"""

Make = Callable[..., HostProject]


def code(page: str) -> list[str]:
    """Return the Python blocks of a page."""
    text = (PAGES / f"{page}.md").read_text()
    return [re.sub(r"^ {3}", "", one, flags=re.MULTILINE) if one.startswith("   ") else one for one in blocks(text)]


def blocks(text: str) -> list[str]:
    """Return what stands in fences that say that it is Python, at whatever depth."""
    return re.findall(r"^ *```python\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)


def commands(page: str, *names: str) -> list[list[str]]:
    """Return what a page has its reader run by manage.py, of these commands."""
    text = (PAGES / f"{page}.md").read_text().replace("\\\n", " ")
    found = re.findall(r"(?:^ *|`)python manage\.py ([^`\n]+)", text, re.MULTILINE)
    chosen = [shlex.split(one) for one in found]
    assert {one[0] for one in chosen} >= set(names)
    return [one for one in chosen if one[0] in names]


def configure(project: HostProject, settings: str = "") -> None:
    """Add settings to a project."""
    project.settings += f"\n{settings}\n"
    project._write_settings()


def call(*commands: list[str]) -> str:
    """Return code that runs management commands."""
    calls = "\n".join(f"call_command(*{command!r})" for command in commands)
    return f"from django.core.management import call_command\n{calls}\n"
