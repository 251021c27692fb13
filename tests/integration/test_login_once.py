"""The address that `make run` prints logs in once, on this machine, in development, and nowhere else."""

import os
import stat
import time
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import include, path
from pytest_django.fixtures import Settings

from observatory import login_once
from observatory.urls import urlpatterns as project

urlpatterns = [path("login-once/", include("observatory.login_once")), *project]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__), pytest.mark.one_database]
LOCAL = {"HTTP_HOST": "127.0.0.1:8000", "REMOTE_ADDR": "127.0.0.1"}


@pytest.fixture(autouse=True)
def _development(settings: Settings, tmp_path: Path) -> None:
    settings.DEBUG = True
    settings.BASE_DIR = tmp_path
    settings.ALLOWED_HOSTS = ["*"]


@pytest.fixture
def token() -> str:
    """An unused token of an administrator."""
    return login_once.issue(User.objects.create_superuser("admin", "admin@example.org", "secret"))


def logged_in_as(client: Client) -> str | None:
    """Return the primary key of the logged-in user."""
    return client.session.get("_auth_user_id")


def test_the_token_works_once(token: str) -> None:
    """The first visitor is logged in, every later one is sent to the log-in page."""
    first, second = Client(), Client()
    assert first.get(f"/login-once/{token}/", **LOCAL).headers["Location"] == "/"
    assert logged_in_as(first) is not None
    assert second.get(f"/login-once/{token}/", **LOCAL).headers["Location"] == "/accounts/login/"
    assert logged_in_as(second) is None


def test_a_logged_in_visitor_is_redirected_to_the_page(client: Client, token: str) -> None:
    """Opening the address again while logged in leads to the live page."""
    for _ in range(2):
        assert client.get(f"/login-once/{token}/", **LOCAL).headers["Location"] == "/"


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"REMOTE_ADDR": "192.0.2.1"},
        {"REMOTE_ADDR": ""},
        {"HTTP_HOST": "observatory.example.org"},
        {"HTTP_HOST": "127.0.0.1.example.org:8000"},
        {"HTTP_X_FORWARDED_FOR": "192.0.2.1"},
        {"HTTP_FORWARDED": "for=192.0.2.1"},
    ],
)
def test_other_machines_get_a_404_and_leave_the_token_unused(
    client: Client, token: str, elsewhere: dict[str, str]
) -> None:
    """A remote or proxied request, or one for another host name, cannot use the token."""
    assert client.get(f"/login-once/{token}/", **(LOCAL | elsewhere)).status_code == 404
    assert client.get(f"/login-once/{token}/", **LOCAL).headers["Location"] == "/"


@pytest.mark.parametrize("host", ["localhost:8000", "[::1]:8000", "[::1]", "127.0.0.1"])
def test_every_name_of_this_machine_works(client: Client, token: str, host: str) -> None:
    """The token works for each way to address the local host."""
    client.get(f"/login-once/{token}/", **(LOCAL | {"HTTP_HOST": host}))
    assert logged_in_as(client) is not None


def test_without_debug_the_address_does_not_exist(client: Client, token: str, settings: Settings) -> None:
    """In production the address is a 404 and logs nobody in."""
    settings.DEBUG = False
    assert client.get(f"/login-once/{token}/", **LOCAL).status_code == 404
    assert logged_in_as(client) is None


def test_only_get_is_allowed(client: Client, token: str) -> None:
    """Any method but GET is refused."""
    assert client.post(f"/login-once/{token}/", **LOCAL).status_code == 405


@pytest.mark.parametrize("wrong", ["x", "..", "%2e%2e%2fadmin-password", "\ud800", "x" * 5000])
def test_a_wrong_token_logs_nobody_in(client: Client, token: str, wrong: str) -> None:
    """Wrong tokens of any form get a redirect or a 404 and log nobody in."""
    answer = client.get("/login-once/" + wrong.encode("utf-8", "surrogatepass").decode("latin-1") + "/", **LOCAL)
    assert answer.status_code in (302, 404)
    assert logged_in_as(client) is None


def test_an_expired_token_logs_nobody_in(client: Client, token: str) -> None:
    """A token expires after a day."""
    (waiting,) = login_once.folder().iterdir()
    yesterday = time.time() - login_once.SECONDS_VALID - 1
    os.utime(waiting, (yesterday, yesterday))
    client.get(f"/login-once/{token}/", **LOCAL)
    assert logged_in_as(client) is None


def test_withdrawn_tokens_and_inactive_users(client: Client, token: str) -> None:
    """Neither a withdrawn token nor the token of an inactive user logs anybody in."""
    login_once.withdraw(token)
    client.get(f"/login-once/{token}/", **LOCAL)
    again = login_once.issue(User.objects.get())
    User.objects.update(is_active=False)
    client.get(f"/login-once/{again}/", **LOCAL)
    assert logged_in_as(client) is None


def test_the_token_is_not_stored_and_its_file_is_private(token: str) -> None:
    """The file does not contain the token, and only its owner can read it."""
    (waiting,) = login_once.folder().iterdir()
    assert token not in waiting.name
    assert token not in waiting.read_text()
    assert stat.S_IMODE(waiting.stat().st_mode) == 0o600
    assert stat.S_IMODE(login_once.folder().stat().st_mode) == 0o700
