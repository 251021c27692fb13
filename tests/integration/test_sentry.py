"""Beside sentry-sdk's Django integration, which wraps every receiver that it is shown."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tail import database_url

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def seen(django_db_setup, django_db_blocker):
    """What a process with Sentry records; a process of its own, because Sentry's patches stay for ever."""
    with django_db_blocker.unblock():
        environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": database_url()}
    run = [sys.executable, "-m", "tests.integration.beside_sentry"]
    done = subprocess.run(run, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_only_the_hosts_receivers_are_listed(seen):
    """Our generic receiver is not taken for one of the host's, and those go by their own names."""
    assert seen["listed"] == [
        "__main__.saved",
        "__main__.Shop.saved",
        "__main__.partially",
    ]


def test_causes_are_the_hosts_functions(seen):
    """What a wrapped receiver saves is caused by the host's function, not by Sentry's wrapper."""
    assert seen["caused_by"] == ["__main__.saved"]


def test_nothing_is_called_where_nothing_is_connected(seen):
    """A model without receivers keeps the short way, on which no list of receivers is called."""
    assert seen["calls"] == {"shop.Label": 0, "shop.Category": 2}


def test_sentry_sees_the_hosts_receivers_only(seen):
    """The host's traces hold the spans that they would hold without the app."""
    partially = "functools.partial(<function partially>)"
    assert seen["spans"] == ["__main__.Shop.saved", "__main__.saved", "__main__.Shop.saved", partially]
