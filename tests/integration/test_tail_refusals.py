"""What the websocket of a real daphne refuses, and whom it disconnects."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone

from tests.factories import make_event
from tests.tail import log_in, make_observer, open_socket

if TYPE_CHECKING:
    from tests.servers.daphne import Daphne
    from tests.socket_client import SocketClient

pytestmark = pytest.mark.django_db(transaction=True)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"after": "tampered"}, "bad_cursor"),
    ({"after": ["0badcafe:1:0badcafe"]}, "bad_cursor"),
    ({"after": "0badcafe:9999999999999999999:0badcafe"}, "bad_cursor"),
    ({"filters": {"colour": "red"}}, "bad_filter"),
    ({"filters": {"sender": 5}}, "bad_filter"),
    ({"filters": {"q": {"$ne": ""}}}, "bad_filter"),
    ({"filters": "sender=auth.User"}, "bad_filter"),
    ({"filters": {"q": "x" * 501}}, "bad_filter"),
    ({"filters": {"sender": ["x"] * 51}}, "bad_filter"),
    ({"filters": {"trace": "1 OR 1=1"}}, "bad_filter"),
    ({"filters": {"object": "a\0b"}}, "bad_filter"),
    ({"backfill": "x"}, "bad_backfill"),
    ({"backfill": 1e30}, "bad_backfill"),
    ({"type": "nothing"}, "unknown_type"),
    ({"type": None}, "unknown_type"),
    ({"type": "ack", "id": "1"}, "bad_id"),
    ({"type": "ack", "id": None}, "bad_id"),
]


def test_wrong_fields_are_answered_and_the_subscription_goes_on(server: Daphne, session: Any) -> None:
    """Each wrong field gets an error frame with a code and a sentence, and events keep coming."""
    with open_socket(server, session) as page:
        page.subscribe()
        for message, code in WRONG:
            page.tell(**{"type": "subscribe"} | message)
            error = page.wait_for("error")
            assert (error["code"], error["detail"][-1]) == (code, "."), message
            made = make_event().pk
            assert page.until(lambda made=made: page.ids[-1:] == [made], 3), message
        page.tell(type="ack", id=2**62)
        page.tell(type="ack", id=-1)
        page.tell(type="subscribe", backfill=1_000_000)
        assert page.wait_for("error")["code"] == "bad_backfill"
        assert page.until(lambda: page.frames[-1]["type"] == "ready")
    assert len(page.ids) == len(set(page.ids)) == len(WRONG)
    assert server.log_text().count("Refused a websocket message") == len(WRONG)


NO_MESSAGES: dict[str, Any] = {
    "broken": "{",
    "binary": b"\x00\x01",
    "in fragments": ["{", '"type": "ping"'],
    "large": json.dumps({"type": "ping", "x": "y" * 70_000}),
    "deep": "[" * 60_000,
}


@pytest.mark.one_database
def test_invalid_frames_close_the_socket(server: Daphne, session: Any) -> None:
    """The socket is closed with 4400 after a frame that says why; other sockets and the server are not affected."""
    with open_socket(server, session) as other:
        other.subscribe()
        for name, payload in NO_MESSAGES.items():
            with open_socket(server, session) as page:
                page.send(payload)
                assert page.closed(5) == 4400, name
                assert page.frames[-1]["code"] == "bad_message"
        with open_socket(server, session) as page:
            page.send("y" * 3_000_000)
            assert page.closed(5) in (1009, 1006), "more than daphne accepts; the rest may find the socket closed"
        new = make_event().pk
        assert other.until(lambda: other.ids == [new], 3)


@pytest.mark.one_database
def test_too_many_messages_end_the_socket(server: Daphne, session: Any) -> None:
    """More than 50 messages in 10 s are too many; acknowledgements that are due do not count."""
    with open_socket(server, session) as page:
        page.subscribe()
        for _ in range(60):
            made = make_event()
            assert page.until(lambda made=made: made.pk in page.ids)
        for _ in range(55):
            page.tell(type="ping")
        assert page.closed(3) == 4429


@pytest.mark.one_database
def test_strangers_and_people_without_permission_are_told_why(server: Daphne) -> None:
    """The handshake is accepted and then closed with a code that a browser can read."""
    with open_socket(server, None) as page:
        assert page.closed(3) == 4401
    nobody = User.objects.create_user("nobody", password="Correct-Horse-9")
    with open_socket(server, log_in(nobody)) as page:
        assert page.closed(3) == 4403


def _log_out(user: User, session: Any) -> None:
    session.delete()


def _take_permission(user: User, _: Any) -> None:
    user.user_permissions.clear()


def _deactivate(user: User, _: Any) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def _change_password(user: User, _: Any) -> None:
    user.set_password("Another-Horse-9")
    user.save()


def _delete(user: User, _: Any) -> None:
    user.delete()


def _let_expire(_: User, session: Any) -> None:
    Session.objects.filter(pk=session.session_key).update(expire_date=timezone.now())


ENDS: dict[Callable[[User, Any], None], int] = {
    _log_out: 4401,
    _take_permission: 4403,
    _deactivate: 4401,
    _change_password: 4401,
    _delete: 4401,
    _let_expire: 4401,
}


@pytest.mark.one_database
def test_a_login_or_permission_that_ends_closes_its_sockets(server: Daphne) -> None:
    """The sockets close within 10 s, even if another process ended the login, and nobody else's do."""
    with ExitStack() as stack:

        def page_of(user: User, session: Any) -> SocketClient:
            page = stack.enter_context(open_socket(server, session))
            page.subscribe()
            return page

        users = {end: make_observer(end.__name__) for end in ENDS}
        sessions = {end: log_in(user) for end, user in users.items()}
        pages = {end: page_of(user, sessions[end]) for end, user in users.items()}
        alan = make_observer("alan", superuser=True)
        theirs = page_of(alan, log_in(alan))
        for end, user in users.items():
            end(user, sessions[end])
        assert {end: page.closed(10) for end, page in pages.items()} == ENDS
        new = make_event()
        assert theirs.until(lambda: new.pk in theirs.ids)
