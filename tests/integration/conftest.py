"""What several of these files need: a server on the test's database, a session for it, somebody who may see events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.tail import database_url, log_in, make_observer

if TYPE_CHECKING:
    from tests.servers.daphne import Daphne


@pytest.fixture
def server(transactional_db: None, daphne_server: Callable[..., Daphne]) -> Iterator[Daphne]:
    """A daphne on this test's database, stopped before the database is emptied."""
    with daphne_server({"DATABASE_URL": database_url()}) as daphne:
        yield daphne
    assert "Traceback" not in daphne.log_text()


@pytest.fixture
def session(server: Daphne) -> Any:
    """The session of a person who may see events."""
    return log_in(make_observer())


@pytest.fixture
def mira(client: Client) -> Client:
    """Somebody who may see events, logged in."""
    user = User.objects.create_user("mira")
    user.user_permissions.add(Permission.objects.get(codename="view_signalevent"))
    client.force_login(user)
    return client


@pytest.fixture
def root(client: Client) -> Client:
    """Somebody who may see everything, logged in."""
    client.force_login(User.objects.create_superuser("root"))
    return client
