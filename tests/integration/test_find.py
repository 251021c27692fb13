"""What the palette finds: `/events/?format=find`."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from signal_log import clock
from signal_log.models import SharedView
from tests.factories import make_event

pytestmark = pytest.mark.django_db


def found(client: Client, text: str) -> list[tuple[str, str, str]]:
    """Kind, title and address of what the text may mean."""
    answer = client.get("/events/", {"format": "find", "text": text}).json()
    return [(one["kind"], one["title"], one["url"]) for one in answer["found"]]


def test_what_a_text_may_mean_is_found(root: Client) -> None:
    """An event by number, a trace by id, an object by key and by name, a model, an account, a shared view."""
    trace = uuid.uuid4()
    common: dict[str, Any] = {"sender": "auth.User", "object_pk": "5", "object_repr": "adalbert <b>", "trace_id": trace}
    event = make_event(**common, actor_repr="Adam Riese", actor_pk="7", source="request", signal="post_save")
    make_event(sender="django.contrib.auth", object_repr="adalbert's log-in")
    SharedView.objects.create(
        name="Ada's view", query="q=ada", shared_by_pk="7", shared_by_repr="adam", shared_at=clock.now()
    )
    assert found(root, f"#{event.pk}") == [("event", f"#{event.pk}", f"/events/{event.pk}/")]
    assert found(root, str(trace)) == [("trace", str(trace), f"/traces/{trace}/")]
    assert found(root, "user/5") == found(root, "auth.User/5") == [("object", "adalbert <b>", "/objects/auth.User/5/")]
    assert found(root, " ada ") == [
        ("view", "Ada's view", "/?q=ada"),
        ("actor", "Adam Riese", "/actors/7/"),
        ("object", "adalbert <b>", "/objects/auth.User/5/"),
    ]
    assert found(root, "Adam") == [("actor", "Adam Riese", "/actors/7/")]
    assert found(root, "auth.us") == [("model", "auth.User", "/events/?q=model%3Aauth.User")]
    assert found(root, "user/6") == found(root, "999999999") == found(root, str(uuid.uuid4())) == found(root, "") == []


def test_of_equal_names_the_newest_is_first_and_it_is_said_when_it_was_seen(root: Client) -> None:
    """What is deleted is called so; an account is the one that had the name last."""
    times = [datetime(2026, 11, 22, hour, 5, tzinfo=UTC) for hour in range(4)]
    made: dict[str, Any] = {"sender": "auth.User", "object_repr": "zoe", "signal": "post_save"}
    make_event(**made, object_pk="4", actor_repr="zoe", actor_pk="4", occurred_at=times[0])
    make_event(**made | {"signal": "post_delete"}, object_pk="4", actor_repr="zoe2", actor_pk="5", occurred_at=times[1])
    make_event(**made, object_pk="9", actor_repr="zoe", actor_pk="9", occurred_at=times[2])
    make_event(**made, object_pk="9", actor_repr="Ada", actor_pk="7", occurred_at=times[3])
    answer = root.get("/events/", {"format": "find", "text": "zoe"}).json()
    assert [(one["kind"], one["title"], one["note"]) for one in answer["found"]] == [
        ("actor", "zoe", "key 9 · last seen 2026-11-22 02:05"),
        ("actor", "zoe2", "key 5 · last seen 2026-11-22 01:05"),
        ("object", "zoe", "auth.User/9 · last seen 2026-11-22 03:05"),
        ("object", "zoe", "auth.User/4 · deleted 2026-11-22 01:05"),
    ]


def test_the_work_is_bounded(root: Client, django_assert_max_num_queries: Any) -> None:
    """However many names begin alike, so many of a kind are found, by so many queries; a text has a limit."""
    for n in range(30):
        make_event(
            sender="auth.User", object_pk=str(n), object_repr=f"many {n}", actor_repr=f"many {n}", actor_pk=str(n)
        )
    with django_assert_max_num_queries(40):
        kinds = [kind for kind, _, _ in found(root, "many")]
    assert kinds == ["actor"] * 6 + ["object"] * 6
    assert root.get("/events/", {"format": "find", "text": "x" * 5000}).status_code == 400


def test_nobody_finds_anything_without_the_permission(client: Client, django_user_model: Any) -> None:
    """It is an address of the log as any other."""
    client.force_login(django_user_model.objects.create_user("eve"))
    assert client.get("/events/?format=find&text=ada").status_code == 403
