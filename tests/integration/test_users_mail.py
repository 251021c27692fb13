"""Account mails are sent after the commit, once, to the right people, and never get in the way."""

from __future__ import annotations

import logging
import socket
from typing import Any

import django
import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.db import transaction
from django.test import Client
from django.urls import reverse

from tests.accounts import PASSWORD, person
from users.models import Profile

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.one_database]


@pytest.fixture(autouse=True)
def admins(settings: Any) -> None:
    """Two administrators, written as this version of Django wants them."""
    addresses = ["root@example.net", "ops@example.net"]
    settings.ADMINS = addresses if django.VERSION >= (6, 0) else [(address, address) for address in addresses]


@pytest.fixture
def no_mail_server(settings: Any) -> None:
    """Send mails to a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    backend = "django.core.mail.backends.smtp.EmailBackend"
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": backend, "OPTIONS": {"host": "127.0.0.1", "port": port}}}
    else:
        settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = backend, "127.0.0.1", port


def sent() -> list[tuple[str, list[str]]]:
    return [(message.subject, message.to) for message in mail.outbox]


WELCOME = ("Welcome to the Observatory", ["ada@example.org"])
FAREWELL = ("Your Observatory account has been deleted", ["ada@example.org"])
NOTICE = ("Account deleted: ada", ["root@example.net", "ops@example.net"])


def test_a_new_account_is_greeted_once_after_the_commit() -> None:
    """Nothing is sent inside the transaction, and later saves send no more."""
    with transaction.atomic():
        user = person("ada")
        assert mail.outbox == []
    assert sent() == [WELCOME]
    user.first_name = "Augusta"
    user.save()
    user.profile.save()
    assert sent() == [WELCOME]


@pytest.mark.parametrize("start", ["user", "profile", "users", "profiles"])
def test_a_deletion_is_mailed_once_to_the_user_and_the_administrators(start: str) -> None:
    """The mails are the same whether the user or the profile was deleted."""
    user = person("ada")
    mail.outbox.clear()
    with transaction.atomic():
        {
            "user": user.delete,
            "profile": user.profile.delete,
            "users": User.objects.all().delete,
            "profiles": Profile.objects.all().delete,
        }[start]()
        assert mail.outbox == []
    assert sent() == [FAREWELL, NOTICE]


def test_nothing_is_sent_for_work_that_was_rolled_back() -> None:
    """Neither a whole transaction nor a savepoint in a committed one sends a mail if it was rolled back."""
    grace = person("grace")
    mail.outbox.clear()
    with pytest.raises(RuntimeError), transaction.atomic():
        person("ada")
        grace.delete()
        raise RuntimeError
    with transaction.atomic():
        with pytest.raises(RuntimeError), transaction.atomic():
            person("ada")
            Profile.objects.get(username="grace").delete()
            raise RuntimeError
        User.objects.update(last_name="Hopper")
    assert mail.outbox == []
    assert User.objects.count() == Profile.objects.count() == 1


def test_a_user_without_an_address_gets_no_mail() -> None:
    """The administrators are still told of the deletion."""
    user = person("ada", email="")
    assert mail.outbox == []
    user.delete()
    assert sent() == [NOTICE]


def test_without_administrators_only_the_user_hears(settings: Any) -> None:
    """An empty ``ADMINS`` is not an error."""
    settings.ADMINS = []
    person("ada").delete()
    assert sent() == [WELCOME, FAREWELL]


def deleted_by() -> str:
    return mail.outbox[-1].body.rpartition("Deleted by: ")[2]


def test_the_notice_names_who_deleted_the_account() -> None:
    """It names the user, the current administrator or, outside requests, the machine's user."""
    client = Client()
    user = person("ada")
    client.force_login(user)
    client.post(reverse("users:delete"), {"password": PASSWORD})
    assert deleted_by() == "the user"

    root = User.objects.create_superuser("root")
    client.force_login(root)
    person("ada")
    client.post(reverse("admin:users_profile_delete", args=[Profile.objects.get(username="ada").pk]), {"post": "yes"})
    assert deleted_by() == f"root (id {root.pk})"

    person("ada").delete()
    assert deleted_by().startswith("os:")


@pytest.mark.usefixtures("no_mail_server")
def test_registering_and_deleting_work_without_a_mail_server(caplog: pytest.LogCaptureFixture) -> None:
    """The account exists, the person is logged in, and the log says whom no mail reached, masked."""
    client = Client()
    form = {"username": "ada", "email": "ada@example.org", "password1": PASSWORD, "password2": PASSWORD}
    with caplog.at_level(logging.ERROR, logger="users.mail"):
        response = client.post(reverse("users:register"), form)
    assert response.status_code == 302
    assert client.get(reverse("users:profile")).status_code == 200
    assert Profile.objects.get().username == "ada"
    assert caplog.messages == ["Mail to a***@e***.org was not sent: ConnectionRefusedError"]

    caplog.clear()
    with caplog.at_level(logging.ERROR, logger="users.mail"):
        assert client.post(reverse("users:delete"), {"password": PASSWORD}).status_code == 302
    assert not User.objects.exists()
    assert len(caplog.messages) == 2
    assert "ada@example.org" not in caplog.text


def test_hostile_names_and_addresses_cannot_forge_a_header(caplog: pytest.LogCaptureFixture) -> None:
    """Line breaks in a username are flattened in the subject, and an address with one gets no mail."""
    User.objects.create(username="ada\r\nBcc: all@example.org", email="a@example.org\nBcc: b@example.org").delete()
    assert [message.to for message in mail.outbox] == [NOTICE[1]]
    assert mail.outbox[0].subject == "Account deleted: ada Bcc: all@example.org"
    assert mail.outbox[0].extra_headers == {}
    assert len([line for line in caplog.messages if "was not sent" in line]) == 2
