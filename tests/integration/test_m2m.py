"""Many-to-many changes: what was added, removed or cleared, on which object, from which side."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection, transaction
from django.db.models import signals
from django.db.models.signals import ModelSignal
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from signal_log import pipeline
from signal_log.models import SignalEvent
from tests.log import recorded

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user():
    return User.objects.create_user("ada")


@pytest.fixture
def groups():
    return [Group.objects.create(name=name) for name in ("readers", "writers", "editors")]


@pytest.fixture
def receiver():
    """Connect a receiver to the relation of users and groups for one test."""
    connected = []

    def connect(function):
        signals.m2m_changed.connect(function, sender=User.groups.through, weak=False)
        connected.append(function)

    yield connect
    for function in connected:
        signals.m2m_changed.disconnect(function, sender=User.groups.through)


def m2m(events):
    """Return action, changes and outcome of each many-to-many event."""
    return [(e.origin["action"], e.changes, e.outcome) for e in events if e.signal == "m2m_changed"]


def test_added_and_removed_objects(user, groups):
    """Each signal is an event of the object whose relation changes; pre and post are one operation."""
    first, second, third = (group.pk for group in groups)
    user.groups.add(groups[0])
    with recorded() as events:
        user.groups.set([second, third])
    removed, added = {"groups": [[first], None]}, {"groups": [None, [second, third]]}
    assert m2m(events) == [
        ("pre_remove", removed, "committed"),
        ("post_remove", removed, "committed"),
        ("pre_add", added, "committed"),
        ("post_add", added, "committed"),
    ]
    assert {(e.signal, e.sender, e.object_pk, e.object_repr) for e in events} == {
        ("m2m_changed", "auth.User", str(user.pk), "ada")
    }
    assert {(e.origin["model"], e.origin["reverse"]) for e in events} == {("auth.User_groups", False)}
    assert events[0].operation == events[1].operation == events[0].position < events[1].position
    assert events[2].operation == events[3].operation
    assert events[0].trace_id == events[1].trace_id


def test_clear_records_what_was_removed(user, groups):
    """Django does not say what a clear removes; the log does, with one query of its own before it."""
    user.groups.set(groups[:2])
    gone = {"groups": [[groups[0].pk, groups[1].pk], None]}
    with (
        recorded() as events,
        CaptureQueriesContext(
            connection,
        ) as queries,
    ):
        user.groups.clear()
    assert m2m(events) == [("pre_clear", gone, "committed"), ("post_clear", gone, "committed")]
    statements = [q["sql"].split()[0] for q in queries if "auth_user_groups" in q["sql"]]
    assert statements == ["DELETE"]


def test_from_the_other_side(user, groups):
    """If an unobserved group gains an observed user, the group's relation has changed."""
    with recorded() as events:
        groups[0].user_set.add(user)
        groups[0].user_set.clear()
    added, cleared = {"user_set": [None, [user.pk]]}, {"user_set": [[user.pk], None]}
    assert [(action, change) for action, change, _ in m2m(events)] == [
        ("pre_add", added),
        ("post_add", added),
        ("pre_clear", cleared),
        ("post_clear", cleared),
    ]
    assert {(e.sender, e.object_pk, e.object_repr, e.origin["reverse"]) for e in events} == {
        ("auth.Group", str(groups[0].pk), "readers", True)
    }


def test_relation_of_models_that_nobody_observes(groups):
    """Groups and permissions are not in MODELS."""
    with recorded() as events:
        groups[0].permissions.add(Permission.objects.first())
    assert events == []


def test_receivers_are_timed_and_known_as_causes(user, groups, receiver):
    """What a receiver of the signal saves is recorded as caused by it, in the same trace."""

    def rename(instance, action, **_):
        if action == "post_add":
            instance.first_name = "Ada"
            instance.save()

    receiver(rename)
    with recorded() as events:
        user.groups.add(groups[0])
    post = next(e for e in events if e.signal == "m2m_changed" and e.origin["action"] == "post_add")
    assert post.receivers[0]["receiver"].startswith("tests.integration.test_m2m.")
    assert post.receivers[0]["duration_us"] >= 0
    save = next(e for e in events if e.signal == "post_save")
    assert (save.parent_position, save.trace_id) == (post.position, post.trace_id)
    assert ".rename" in save.caused_by


def test_rolled_back_and_failed(user, groups, receiver):
    """A rolled-back block leaves its changes as rolled back; a receiver that raises leaves a failed operation."""
    with recorded() as events, pytest.raises(KeyError), transaction.atomic():
        user.groups.add(groups[0])
        raise KeyError("why")
    assert [(action, outcome) for action, _, outcome in m2m(events)] == [
        ("pre_add", "rolled_back"),
        ("post_add", "rolled_back"),
    ]
    assert {e.error for e in events} == {"KeyError: 'why'"}

    def refuse(action, **_):
        raise ValueError(f"no {action}")

    receiver(refuse)
    with recorded() as events, pytest.raises(ValueError, match="no pre_add"):
        user.groups.add(groups[0])
    assert [(action, outcome) for action, _, outcome in m2m(events)] == [("pre_add", "failed")]
    assert events[0].error == "ValueError: no pre_add"
    assert not user.groups.exists()


def test_same_relation_inside_its_own_receiver(user, groups, receiver):
    """A change inside a change of the same relation is an operation of its own, and both are paired."""

    def also(instance, action, pk_set, **_):
        if action == "pre_add" and groups[0].pk in pk_set:
            instance.groups.add(groups[1])

    receiver(also)
    with recorded() as events:
        user.groups.add(groups[0])
    assert [(e.origin["action"], e.position, e.operation, e.parent_position) for e in events] == [
        ("pre_add", 1, 1, None),
        ("pre_add", 2, 2, 1),
        ("post_add", 3, 2, 1),
        ("post_add", 4, 1, None),
    ]


def test_excluded_and_masked_relations(user, groups):
    """EXCLUDE_FIELDS leaves a relation out; MASK_FIELDS shows only that it changed."""
    pipeline.stop()
    with override_settings(SIGNAL_LOG={"MODELS": ["auth.User"], "MASK_FIELDS": {"auth.User": ["groups"]}}):
        pipeline.start()
        with recorded() as events:
            user.groups.add(groups[0])
        pipeline.stop()
    assert [e.changes for e in events] == [{"groups": [None, "••••••••"]}] * 2
    with override_settings(SIGNAL_LOG={"MODELS": ["auth.User"], "EXCLUDE_FIELDS": {"auth.User": ["groups"]}}):
        pipeline.start()
        with recorded() as events:
            user.groups.add(groups[0])
        pipeline.stop()
    pipeline.start()
    assert events == []


def test_switched_off_and_undone(user, groups):
    """With ``M2M`` off, as after `stop`, Django's own signal is used."""
    assert type(signals.m2m_changed) is not ModelSignal
    pipeline.stop()
    assert type(signals.m2m_changed) is ModelSignal
    with override_settings(SIGNAL_LOG={"MODELS": ["auth.User"], "M2M": False}):
        pipeline.start()
        with recorded() as events:
            user.groups.add(groups[0])
        pipeline.stop()
    pipeline.start()
    assert events == []


def test_the_state_of_an_object_excludes_many_to_many_changes(user, groups, admin_client):
    """An object's page lists its many-to-many changes among its events, not as a field of its row."""
    user.groups.add(groups[0])
    page = admin_client.get(f"/objects/auth.User/{user.pk}/").content.decode()
    assert "relation" in page
    event = SignalEvent.objects.filter(signal="m2m_changed").first()
    assert "of auth.User_groups" in admin_client.get(f"/events/{event.pk}/").content.decode()
