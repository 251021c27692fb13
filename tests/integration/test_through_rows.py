"""Automatic through rows, which Django deletes without signals: as fast as without the app, and still accounted for."""

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models.signals import m2m_changed, post_delete, pre_delete
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from signal_log import pipeline
from signal_log.models import SignalEvent
from tests.log import recorded

pytestmark = pytest.mark.django_db(transaction=True)

LINKS = 500
"""More than Django deletes in one statement when it has to collect the rows."""


@pytest.fixture
def everything_observed():
    """Observe every model, as ``MODELS: ["*"]`` does, through models included."""
    pipeline.stop()
    with override_settings(SIGNAL_LOG={"MODELS": ["*"]}):
        pipeline.start()
        yield
        pipeline.stop()
    pipeline.start()


def linked(name):
    """Create a user in many groups."""
    user = User.objects.create_user(name)
    Group.objects.bulk_create([Group(name=f"{name} {number}") for number in range(LINKS)])
    user.groups.set(Group.objects.filter(name__startswith=name))
    return user


def statements(work):
    """Return the statements that the host's query log shows for this work."""
    with CaptureQueriesContext(
        connection,
    ) as queries:
        work()
    return [" ".join(query["sql"].split()[:3]) for query in queries]


@pytest.mark.parametrize(
    "work", [lambda user: user.groups.clear(), lambda user: user.delete()], ids=["clear", "delete"]
)
def test_as_many_statements_as_without_the_app(everything_observed, work):
    """One statement deletes all links, whatever their number; listeners would make it hundreds."""
    ada, bob = linked("ada"), linked("bob")
    observed = statements(lambda: work(ada))
    pipeline.stop()
    bare = statements(lambda: work(bob))
    pipeline.start()
    assert sum("auth_user_groups" in text for text in observed) == 1
    assert len(observed) == len(bare)


def test_clear_takes_three_statements(everything_observed):
    """The transaction's beginning and end and the DELETE; what the log reads first is not in the host's query log."""
    user = linked("ada")
    assert [text.split()[0] for text in statements(user.groups.clear)] == ["BEGIN", "DELETE", "COMMIT"]
    before, after = SignalEvent.objects.filter(signal="m2m_changed").order_by("-pk")[:2]
    assert before.changes == after.changes
    assert len(str(before.changes["groups"][0])) > LINKS
    assert before.changes["groups"][1] is None


def test_no_receiver_of_ours_listens_to_through_models(everything_observed):
    """``m2m_changed`` is heard; the delete signals have no listener, unless the host connects one."""
    through = User.groups.through
    assert not pre_delete.has_listeners(through)
    assert not post_delete.has_listeners(through)
    assert m2m_changed.has_listeners(through)

    def listener(**_):
        """Be there."""

    pre_delete.connect(listener, sender=through)
    assert pre_delete.has_listeners(through)
    pre_delete.disconnect(listener, sender=through)


@pytest.mark.parametrize(
    "work", [lambda user: user.groups.clear(), lambda user: user.delete()], ids=["clear", "delete"]
)
def test_a_through_model_that_is_named_leaves_one_silent_event(work):
    """Links of a through model in MODELS are one silent event with their number, not one for each hundred."""
    pipeline.stop()
    with override_settings(SIGNAL_LOG={"MODELS": ["auth.User_groups"]}):
        pipeline.start()
        user = linked("ada")
        with recorded() as events:
            work(user)
        pipeline.stop()
    pipeline.start()
    silent = [event for event in events if event.signal.startswith("silent_")]
    assert [(e.signal, e.sender, e.object_repr) for e in silent] == [
        ("silent_delete", "auth.User_groups", f"{LINKS} rows")
    ]
