"""What the settings make of the environment: an empty variable is an unset one, and a wrong one is named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from observatory.environment import Environment

ROOT = Path(__file__).resolve().parents[2]
PRINTED = """
from observatory import settings as s
print(s.DEBUG, s.HTTPS, s.BEHIND_PROXY, s.LOGGING["root"]["level"], s.TIME_ZONE, s.SIGNAL_LOG["TRUSTED_PROXIES"])
print(*(s.SIGNAL_LOG[name] for name in ("WITNESSES", "RELAYS", "ALERTS", "WITNESS_QUORUM", "ARCHIVE")))
print(s.SECRET_KEY, s.DATABASES["default"]["PASSWORD"], s.DATABASES["default"]["USER"], s.ADMINS, s.REDIS_URL)
"""


def _document(default):
    """How a setting with this default is read."""
    return lambda environment, name: environment.document(name, default)


def test_empty_variables_are_unset_ones(tmp_path: Path) -> None:
    """An old .env makes nothing unsafe in silence, capitals do not matter, and secrets may be in files."""
    names = ("DEBUG", "HTTPS", "BEHIND_PROXY", "TIME_ZONE", "TRUSTED_PROXIES", "EMAIL_URL", "ADMINS", "REDIS_URL")
    names += ("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "METRICS_TOKEN", "DEFAULT_FROM_EMAIL", "ERROR_MAILS")
    given = dict.fromkeys(names, "") | {"LOG_LEVEL": "warning", "DATABASE_URL": "postgres://web@db:5432/observatory"}
    given |= dict.fromkeys(("WITNESSES", "ALERTS", "ARCHIVE", "WITNESS_QUORUM"), "")
    (tmp_path / "relays").write_text('{"siem": {"sink": "file", "url": "/srv/log"}}\n')
    given["RELAYS_FILE"] = str(tmp_path / "relays")
    for name in ("SECRET_KEY", "DATABASE_PASSWORD"):
        (tmp_path / name).write_text(f"of {name}\n")
        given[f"{name}_FILE"] = str(tmp_path / name)
    environment = {"PATH": os.environ["PATH"], "HTTPS": " ", "SECRET_KEY": "", **given}
    done = subprocess.run(
        [sys.executable, "-c", PRINTED], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    first, log, second = done.stdout.splitlines()
    assert first == "False True False WARNING UTC 0"
    assert log == "[] {'siem': {'sink': 'file', 'url': '/srv/log'}} [] 0 None"
    assert second.startswith("of SECRET_KEY of DATABASE_PASSWORD web [")
    assert "admin@localhost" in second


@pytest.mark.parametrize(
    ("name", "value", "read", "said"),
    [
        ("HTTPS", "maybe", Environment.bool, "HTTPS is 'maybe'; it must be 1 or 0"),
        ("TRUSTED_PROXIES", "one", Environment.int, "TRUSTED_PROXIES is 'one'; it must be a whole number"),
        ("LOG_LEVEL", "loud", Environment.level, "LOG_LEVEL is 'LOUD'; it must be one of DEBUG, INFO"),
        ("TIME_ZONE", "Berlin", Environment.time_zone, "TIME_ZONE is 'Berlin'; it must be the name of a time zone"),
        ("TIME_ZONE", "../etc", Environment.time_zone, "TIME_ZONE is '../etc'; it must be the name of a time zone"),
        ("EMAIL_URL", "smpt://u:pl4nted@h", Environment.email_url, "EMAIL_URL is no address that can be read"),
        ("EMAIL_URL", "smtp://u:pl4nted", Environment.email_url, "EMAIL_URL is no address that can be read"),
        ("RELAYS", '{"siem": pl4nted}', _document({}), "RELAYS cannot be read: Expecting value, line 1, column 10."),
        ("RELAYS", '["pl4nted"]', _document({}), "RELAYS cannot be read: not an object. Write a JSON object, {…}"),
        ("RELAYS", '{"a": {"url": "pl4nted", "url": ""}}', _document({}), "RELAYS cannot be read: 'url' stands twice"),
        ("WITNESSES", '{"url": "pl4nted"}', _document([]), "WITNESSES cannot be read: not a list. Write a JSON list"),
        ("ALERTS", "[" * 100_000, _document([]), "ALERTS cannot be read: maximum recursion depth"),
        ("DATABASE_URL", "pl4nted", Environment.db, "DATABASE_URL is no address that can be read"),
        ("DATABASE_URL", "pl4nted://h", Environment.db, "DATABASE_URL is no address that can be read"),
    ],
)
def test_a_wrong_variable_is_named(name, value, read, said) -> None:
    """The error says which one it is and what it may be, without what may hold a password."""
    with pytest.raises(ImproperlyConfigured) as raised:
        read(Environment({name: value}), name)
    assert str(raised.value).startswith(said)
    assert "pl4nted" not in str(raised.value)
    assert "pl4nted" not in value or raised.value.__suppress_context__


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """With its path, so that a missing secret is found at once."""
    with pytest.raises(
        ImproperlyConfigured, match=r"SECRET_KEY_FILE: the file .*/nowhere cannot be read: No such file"
    ):
        Environment({"SECRET_KEY_FILE": str(tmp_path / "nowhere")})
