"""Relations that the signal does not describe: two through one model, and libraries' own kinds of relation."""

import pytest
from asgiref.sync import async_to_sync
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.models import signals
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from taggit.models import Tag

import signal_log
from signal_log import pipeline
from signal_log.capture.faults import faults
from signal_log.capture.signals.relation import Relation
from signal_log.event import MASK
from tests.log import recorded
from tests.relations.models import Article, Invitation, Party, Person
from tests.settings import SIGNAL_LOG

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def party():
    return Party.objects.create()


@pytest.fixture
def article():
    return Article.objects.create(title="news")


@pytest.fixture
def people():
    return [Person.objects.create(name=name) for name in ("ada", "bob", "cyd")]


def m2m(events):
    """Return sender, action, changes and outcome of each many-to-many event."""
    return [(e.sender, e.origin["action"], e.changes, e.outcome) for e in events if e.signal == "m2m_changed"]


def pairs(sender, verb, changes):
    """Return what a committed pair of events looks like."""
    return [(sender, f"{when}_{verb}", changes, "committed") for when in ("pre", "post")]


def test_two_relations_through_one_model(party, people):
    """The event names the relation that was changed, whichever stands first, and holds that relation's keys."""
    ada, bob, cyd = people
    with recorded() as events:
        party.guests.add(bob, cyd)
        party.hosts.add(ada)
        party.guests.remove(bob)
        party.hosts.set([])
        party.guests.clear()
    assert m2m(events) == [
        *pairs("relations.Party", "add", {"guests": [None, [bob.pk, cyd.pk]]}),
        *pairs("relations.Party", "add", {"hosts": [None, [ada.pk]]}),
        *pairs("relations.Party", "remove", {"guests": [[bob.pk], None]}),
        *pairs("relations.Party", "remove", {"hosts": [[ada.pk], None]}),
        *pairs("relations.Party", "clear", {"guests": [[cyd.pk], None]}),
    ]


def test_two_relations_from_a_coroutine(party, people):
    """The manager is found in the thread that a coroutine's change runs in."""
    with recorded() as events:
        async_to_sync(party.guests.aadd)(people[1])
        async_to_sync(party.hosts.aset)([people[0]])
    assert m2m(events) == [
        *pairs("relations.Party", "add", {"guests": [None, [people[1].pk]]}),
        *pairs("relations.Party", "add", {"hosts": [None, [people[0].pk]]}),
    ]


def test_clearing_one_of_two_relations(party, people):
    """The keys are the relation's own, although Django deletes the through rows of the other one, too."""
    ada, bob, _ = people
    party.hosts.add(ada)
    party.guests.add(bob)
    with recorded() as events:
        party.guests.clear()
    assert m2m(events) == pairs("relations.Party", "clear", {"guests": [[bob.pk], None]})
    deleted = [event.changes for event in events if event.signal == "post_delete"]
    assert sorted(name for changes in deleted for name in ("host", "guest") if name in changes) == ["guest", "host"]
    assert not party.hosts.exists()


def test_two_relations_from_the_other_side(party, people):
    """From the related object each relation has its accessor's name."""
    ada = people[0]
    with recorded() as events:
        ada.visited.add(party)
        ada.hosted.add(party)
        ada.visited.clear()
    assert m2m(events) == [
        *pairs("relations.Person", "add", {"visited": [None, [party.pk]]}),
        *pairs("relations.Person", "add", {"hosted": [None, [party.pk]]}),
        *pairs("relations.Person", "clear", {"visited": [[party.pk], None]}),
    ]


def test_a_relation_changed_by_a_receiver_of_the_other(party, people):
    """Two relations of one through model at the same time: each post event completes its own pre event.

    The through rows are silent writes in between.
    """
    ada, bob, _ = people

    def also(instance, action, pk_set, **_):
        if action == "pre_add" and bob.pk in pk_set:
            instance.hosts.add(ada)

    signals.m2m_changed.connect(also, sender=Invitation)
    with recorded() as events:
        party.guests.add(bob)
    signals.m2m_changed.disconnect(also, sender=Invitation)
    assert [
        (e.origin["action"], list(e.changes), e.position, e.operation) for e in events if e.signal == "m2m_changed"
    ] == [
        ("pre_add", ["guests"], 1, 1),
        ("pre_add", ["hosts"], 2, 2),
        ("post_add", ["hosts"], 4, 2),
        ("post_add", ["guests"], 5, 1),
    ]


def test_a_signal_sent_by_hand_for_one_of_two_relations(party, people):
    """Nothing says which relation is meant, so the event has the through model's name and the keys."""
    through = Invitation
    with recorded() as events:
        signals.m2m_changed.send(
            through, instance=party, action="post_add", reverse=False, model=Person, pk_set={people[1].pk},
            using="default",
        )  # fmt: skip
        signals.m2m_changed.send(
            through, instance=party, action="pre_clear", reverse=False, model=Person, pk_set=None, using="default"
        )
    assert [(action, changes) for _, action, changes, _ in m2m(events)] == [
        ("post_add", {"invitation": [None, [people[1].pk]]}),
        ("pre_clear", {}),
    ]


def test_masked_and_excluded_relations_through_one_model(party, people):
    """A rule for one relation holds for that one; where it cannot be told which it is, keys are masked."""
    pipeline.stop()
    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, "EXCLUDE_FIELDS": {"relations.Party": ["guests"]}}):
        pipeline.start()
        with recorded() as events:
            party.guests.add(people[0])
            party.hosts.add(people[1])
            signals.m2m_changed.send(
                Invitation, instance=party, action="post_add", reverse=False, model=Person,
                pk_set={people[2].pk}, using="default",
            )  # fmt: skip
        pipeline.stop()
    pipeline.start()
    assert [changes for _, _, changes, _ in m2m(events)] == [
        {"hosts": [None, [people[1].pk]]},
        {"hosts": [None, [people[1].pk]]},
        {"invitation": [None, "••••••••"]},
    ]


def test_explicit_through_rows_send_signals(party, people):
    """Rows of a through model of the host's own are deleted with their signals, as Django sends them."""
    party.guests.add(*people)
    with recorded() as events:
        party.guests.clear()
    sent = [event.signal for event in events if event.sender == "relations.Invitation"]
    assert sent == ["pre_delete"] * 3 + ["post_delete"] * 3


def test_tags(article):
    """django-taggit's relation is recorded in autocommit like any other: added, removed and cleared keys, in pairs."""
    with recorded() as events:
        article.tags.add("red", "blue")
        red, blue = (Tag.objects.get(name=name).pk for name in ("red", "blue"))
        article.tags.remove("red")
        article.tags.set(["red"])
        article.tags.clear()
    assert sorted(article.tags.names()) == []
    first = sorted([red, blue])
    assert m2m(events) == [
        *pairs("relations.Article", "add", {"tags": [None, first]}),
        *pairs("relations.Article", "remove", {"tags": [[red], None]}),
        *pairs("relations.Article", "remove", {"tags": [[blue], None]}),
        *pairs("relations.Article", "add", {"tags": [None, [red]]}),
        *pairs("relations.Article", "clear", {"tags": [[red], None]}),
    ]
    operations = [(event.trace_id, event.operation) for event in events if event.signal == "m2m_changed"]
    assert operations[::2] == operations[1::2]
    assert len(set(operations)) == 5


def test_tags_in_a_block_and_in_a_context(article):
    """The same inside a transaction and a trace, committed and rolled back."""
    with signal_log.context(source="test"):
        with recorded() as events, transaction.atomic():
            article.tags.add("red")
        assert {e.outcome for e in events} == {"committed"}
        assert [e.operation for e in events if e.signal == "m2m_changed"] == [1, 1]
        with recorded() as events, pytest.raises(KeyError), transaction.atomic():
            article.tags.add("blue")
            raise KeyError("why")
    assert {e.outcome for e in events} == {"rolled_back"}
    assert list(article.tags.names()) == ["red"]


def test_clearing_tags_creates_no_content_type(article):
    """What the recorder asks before a clear is not the host's query and leaves its tables and caches as they are."""

    def statements():
        ContentType.objects.all().delete()
        ContentType.objects.clear_cache()
        with CaptureQueriesContext(connection) as queries:
            article.tags.clear()
        return [query["sql"].split()[0] for query in queries]

    with signal_log.pause():
        bare = statements()
    with recorded() as events:
        assert statements() == bare != []
    assert m2m(events) == pairs("relations.Article", "clear", {"tags": [[], None]})


def test_a_relation_that_is_no_field_at_all(people):
    """A library may send the signal for rows that no field describes; the event holds what it was told."""

    class Loose:
        """Has what Django's classes have at least."""

    with recorded() as events:
        for through in (Person, Loose):
            signals.m2m_changed.send(
                through, instance=people[0], action="post_add", reverse=False, model=Person, pk_set={1}, using=None
            )
            signals.m2m_changed.send(through, instance=people[0], action="pre_clear", model=None, reverse=True)
    assert [(action, changes) for _, action, changes, _ in m2m(events)] == [
        ("post_add", {"person": [None, [1]]}),
        ("pre_clear", {}),
    ]


def test_what_fails_in_the_recorder_stays_there(people, caplog, monkeypatch):
    """A relation whose own class raises is changed as without the app, and the event says that it is not complete."""

    class Broken:
        class _meta:  # noqa: N801  Django's name for it
            label = model_name = "broken"

    heard = []
    signals.m2m_changed.connect(lambda action, **_: heard.append(action), weak=False, dispatch_uid="broken")
    monkeypatch.setattr(faults, "_next_line", float("-inf"))
    before = faults.total
    with recorded() as events:
        for action in ("post_add", "post_remove"):
            signals.m2m_changed.send(
                Broken, instance=people[0], action=action, reverse=False, model=Person, pk_set={"planted"}
            )
    signals.m2m_changed.disconnect(dispatch_uid="broken")
    assert heard == ["post_add", "post_remove"]
    assert [(e.sender, e.changes) for e in events] == [
        ("relations.Person", {"broken": [None, MASK]}),
        ("relations.Person", {"broken": [MASK, None]}),
    ]
    assert {event.error for event in events} == {"Not fully recorded: AttributeError, see the server's log."}
    assert faults.total == before + 2
    assert [", in _firing\n" in record.getMessage() for record in caplog.records] == [True]


def test_a_clear_whose_keys_cannot_be_read(article, monkeypatch):
    """What a library's manager refuses to tell is missing in the event, and the tags are cleared."""

    def refuse(*_):
        raise RuntimeError("not today")

    article.tags.add("red")
    monkeypatch.setattr(Relation, "keys_now", refuse)
    with recorded() as events:
        article.tags.clear()
    assert not article.tags.exists()
    assert m2m(events) == pairs("relations.Article", "clear", {})
    assert [event.error for event in events if event.signal == "m2m_changed"] == [
        "Not fully recorded: RuntimeError, see the server's log.",
        "",
    ]
