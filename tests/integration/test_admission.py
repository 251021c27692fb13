"""Who may open a live socket, asked of the database for many sessions at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from signal_log.permission import may_see_events, who_may_see_events
from signal_log.tail.guard import Identity, admit_sessions
from signal_log.tail.wire import NO_PERMISSION, NOT_LOGGED_IN
from tests.tail import log_in, make_observer

pytestmark = pytest.mark.django_db


class Locked(ModelBackend):
    """A host's backend that lets one account in no more, and gives another one every permission."""

    def get_user(self, user_id: int) -> Any:
        user = super().get_user(user_id)
        return None if user is not None and user.username == "locked" else user

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return bool(user_obj.username == "favoured")


def people() -> dict[str, User]:
    """Return one account of each kind."""
    group = Group.objects.create(name="observers")
    group.permissions.add(*Permission.objects.filter(codename__in=("view_signalevent", "add_user")))
    found = {
        name: make_observer(name, superuser=name == "superuser") for name in ("superuser", "own", "both", "locked")
    }
    found |= {name: User.objects.create_user(name) for name in ("by_group", "inactive", "nobody", "favoured")}
    found["both"].groups.add(group)
    found["by_group"].groups.add(group)
    found["inactive"].groups.add(group)
    found["inactive"].is_active = False
    found["inactive"].save()
    found["nobody"].user_permissions.add(Permission.objects.get(codename="change_user"))
    return {name: User.objects.get(pk=user.pk) for name, user in found.items()}


def test_one_query_tells_what_the_permission_says_of_each(django_assert_num_queries: Any) -> None:
    """Own permissions, a group's, both, none; superusers and inactive accounts need no query."""
    accounts = people()
    with django_assert_num_queries(1):
        found = who_may_see_events([*accounts.values()])
    assert found == {user.pk for user in accounts.values() if may_see_events(user)}
    assert found == {accounts[name].pk for name in ("superuser", "own", "both", "locked", "by_group")}
    with django_assert_num_queries(0):
        assert who_may_see_events([accounts["superuser"], accounts["inactive"]]) == {accounts["superuser"].pk}


@pytest.mark.one_database
def test_a_backend_of_the_hosts_is_asked_for_each(settings: Any) -> None:
    """What it decides is in no table."""
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.Locked"]
    accounts = people()
    assert who_may_see_events([*accounts.values()]) == {accounts["superuser"].pk, accounts["favoured"].pk}


def test_sessions_are_admitted_as_django_logs_in(settings: Any, django_assert_num_queries: Any) -> None:
    """Three queries for all of them, whatever each session is worth."""
    accounts = people()
    sessions = {name: log_in(user) for name, user in accounts.items()}
    accounts["both"].set_password("Another-Horse-9")
    accounts["both"].save()
    Session.objects.filter(pk=sessions["locked"].session_key).update(expire_date=timezone.now())
    for name, changed in {
        "gone": {SESSION_KEY: "0"},
        "strange": {SESSION_KEY: "no number"},
        "forged": {HASH_SESSION_KEY: ""},
        "other": {BACKEND_SESSION_KEY: "unknown.Backend"},
        "empty": {SESSION_KEY: None},
    }.items():
        session = log_in(accounts["own"])
        session.update(changed)
        if name == "empty":
            session = SessionStore()
        session.save()
        sessions[name] = session
    keys = [session.session_key or "" for session in sessions.values()]
    with django_assert_num_queries(3):
        found = admit_sessions([*keys, "not-a-session"])
    names = {session.session_key: name for name, session in sessions.items()} | {"not-a-session": "unknown"}
    assert {names[key]: answer for key, answer in found.items()} == {
        **{name: Identity(accounts[name].pk, sessions[name].session_key) for name in ("superuser", "own", "by_group")},
        **dict.fromkeys(("nobody", "favoured"), NO_PERMISSION),
        **dict.fromkeys(
            ("both", "locked", "inactive", "gone", "strange", "forged", "other", "empty", "unknown"), NOT_LOGGED_IN
        ),
    }
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.Locked"]
    theirs = {name: log_in(accounts[name]).session_key or "" for name in ("locked", "favoured", "own")}
    assert [*admit_sessions([*theirs.values()]).values()] == [
        NOT_LOGGED_IN, Identity(accounts["favoured"].pk, theirs["favoured"]), NO_PERMISSION
    ]  # fmt: skip
