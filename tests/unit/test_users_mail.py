"""What an account mail says, and what of it may reach a log line; no database is needed."""

from __future__ import annotations

import logging
import smtplib
import threading

import pytest
from django.core.mail import EmailMessage

from users import mail
from users.mail import compose, deliver, mask


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("ada@example.org", "a***@e***.org"),
        ("a@b.c", "a***@b***.c"),
        ("ada.lovelace+log@mail.example.co.uk", "a***@m***.uk"),
        ("root@localhost", "r***@l***"),
        ('"odd@one"@example.org', '"***@e***.org'),
        ("", "***@***"),
        ("no-at-sign", "***@n***"),
    ],
)
def test_a_masked_address_keeps_three_letters_at_most(address: str, masked: str) -> None:
    """A masked address keeps at most three letters: enough to recognise, not enough to write to."""
    assert mask(address) == masked


def test_the_first_line_of_a_template_is_the_subject() -> None:
    """The first line of a template is the subject, and the rest is plain text without escaping or headers."""
    message = compose("notice", ["root@example.org"], {"username": "<b>&ada", "pk": 7, "deleted_by": "grace (id 3)"})
    assert message.subject == "Account deleted: <b>&ada"
    assert message.body.startswith('The account "<b>&ada" (id 7)')
    assert message.body.endswith("Deleted by: grace (id 3)")


class Refusing(EmailMessage):
    """A mail whose server raises."""

    tried = 0

    def __init__(self, error: Exception, to: str) -> None:
        super().__init__("subject", "text", to=[to])
        self.error = error

    def send(self, *args: object, **kwargs: object) -> int:
        self.tried += 1
        raise self.error


def test_a_failure_is_logged_without_the_address(caplog: pytest.LogCaptureFixture) -> None:
    """A failure is logged without the address, even where the error quotes it, and the next mail is still tried."""
    refused = smtplib.SMTPRecipientsRefused({"ada@example.org": (550, b"no ada@example.org here")})
    first, second = Refusing(refused, "ada@example.org"), Refusing(ValueError("ada@example.org"), "root@example.org")
    with caplog.at_level(logging.ERROR, logger="users.mail"):
        deliver([first, second])
    assert [record.getMessage() for record in caplog.records] == [
        "Mail to a***@e***.org was not sent: SMTPRecipientsRefused",
        "Mail to r***@e***.org was not sent: ValueError",
    ]
    assert not any(record.exc_info for record in caplog.records)


def test_a_server_that_is_not_there_is_waited_for_once(caplog: pytest.LogCaptureFixture) -> None:
    """After one timeout the remaining mails are not tried, since each would wait as long, and are logged."""
    first, second = Refusing(TimeoutError(), "ada@example.org"), Refusing(TimeoutError(), "root@example.org")
    with caplog.at_level(logging.ERROR, logger="users.mail"):
        deliver([first, second])
    assert (first.tried, second.tried) == (1, 0)
    assert [record.getMessage() for record in caplog.records] == [
        "Mail to a***@e***.org was not sent: TimeoutError",
        "Mail to r***@e***.org was not sent: TimeoutError",
    ]


class Hanging(EmailMessage):
    """A mail whose server's name takes long to look up."""

    def __init__(self) -> None:
        super().__init__("subject", "text", to=["ada@example.org"])
        self.found, self.sent = threading.Event(), threading.Event()

    def send(self, *args: object, **kwargs: object) -> int:
        self.found.wait(10)
        self.sent.set()
        return 1


def test_nobody_waits_long_for_a_mail_server(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a few seconds the request goes on; the mail is still sent."""
    monkeypatch.setattr(mail, "LONGEST_WAIT", 0.05)
    message = Hanging()
    with caplog.at_level(logging.WARNING, logger="users.mail"):
        deliver([message])
    assert not message.sent.is_set()
    assert "takes more than 0.05 s" in caplog.text
    message.found.set()
    assert message.sent.wait(5)
