"""The state of a row at a point in time is derived from its changes."""

from __future__ import annotations

from typing import Any

from signal_log.models import SignalEvent
from signal_log.show.query.compare import net
from signal_log.show.words.state import EXISTS, NEVER_SEEN, NO_LONGER, NOT_YET, state_at
from tests.factories import event_value


def event(changes: dict[str, list[Any]], **fields: Any) -> SignalEvent:
    """Return a committed event with these changes."""
    return SignalEvent(**event_value(changes=changes, **fields)._asdict())


CREATED = event({"name": [None, "Ada"], "city": [None, "London"]}, created=True)
RENAMED = event({"name": ["Ada", "Augusta"]})
DELETED = event({"name": ["Augusta", None]}, signal="post_delete", created=None)


def values(state: Any) -> dict[str, str | None]:
    """Return the fields' values by name."""
    return {known.name: known.value and known.value.text for known in state.fields}


def test_the_last_known_value_of_each_field_counts() -> None:
    """The latest known value of each field counts, whichever event it comes from."""
    state = state_at([RENAMED, CREATED], [], ("name", "city"))
    assert state.presence == EXISTS
    assert values(state) == {"name": "Augusta", "city": "London"}


def test_a_later_change_reveals_the_value_before_it() -> None:
    """A field that no earlier event mentions takes the old value of its next change, and is marked as inferred."""
    state = state_at([], [RENAMED], ("name", "city"))
    assert values(state) == {"name": "Ada", "city": None}
    assert [known.later for known in state.fields] == [True, False]
    assert state.fields[1].event is None


def test_presence_follows_creation_and_deletion() -> None:
    """The row does not exist before its creation, nor after its deletion."""
    assert state_at([], [CREATED], ()).presence == NOT_YET
    assert state_at([DELETED, RENAMED], [], ()).presence == NO_LONGER
    assert state_at([], [], ()).presence == NEVER_SEEN


def test_a_former_life_of_the_same_key_says_nothing() -> None:
    """A row created again under the same key inherits no values from the deleted one."""
    again = event({"name": [None, "Grace"]}, created=True)
    assert values(state_at([again, DELETED, CREATED], [], ("name", "city"))) == {"name": "Grace", "city": None}


def test_rolled_back_changes_and_pre_signals_do_not_count() -> None:
    """Only committed events other than pre signals say what was stored."""
    undone = event({"name": ["Ada", "Eve"]}, outcome="rolled_back")
    about = event({"name": ["Ada", "Eve"]}, signal="pre_save")
    assert values(state_at([about, undone, CREATED], [], ("name",)))["name"] == "Ada"


def test_an_unknown_value_hides_the_one_before() -> None:
    """A field that was set to what nobody knows is unknown, not what it was earlier."""
    lost = event({"name": ["Ada", {"unknown": True}]})
    assert values(state_at([lost, CREATED], [], ("name",)))["name"] == "unknown"


def test_values_that_an_object_believed_are_marked() -> None:
    """Where the database did not tell, the state says that a value is a belief, before and after that event."""
    believed = event({"name": ["Ada", "Augusta"]}, overwrote=None)
    assert [field.believed for field in state_at([believed, CREATED], [], ("name", "city")).fields] == [True, False]
    assert [field.believed for field in state_at([], [believed], ("name",)).fields] == [True]


def test_what_the_next_change_found_is_told_if_it_is_another_value() -> None:
    """A value that nobody recorded was written in between; beliefs, unknown values and later changes prove nothing."""
    found = event({"name": ["Grace", "Eve"]}), event({"name": ["Bob", "Carl"]})
    [name] = state_at([CREATED], found, ("name",)).fields[:1]
    assert (name.value and name.value.text, name.found and name.found.text) == ("Ada", "Grace")
    assert name.found_by is found[0]
    for other in (
        RENAMED,
        event({"name": ["Grace", "Eve"]}, overwrote=None),
        event({"name": [{"unknown": True}, "x"]}),
    ):
        assert state_at([CREATED], [other, found[1]], ("name",)).fields[0].found is None


def test_a_signal_sent_by_hand_says_nothing_of_the_row() -> None:
    """Neither what it holds nor that it is gone."""
    by_hand = event({"name": ["Ada", "Eve"]}, origin={"sent_by_hand": True})
    gone = event({"name": ["Ada", None]}, signal="post_delete", created=None, origin={"sent_by_hand": True})
    state = state_at([gone, by_hand, CREATED], [], ("name",))
    assert (state.presence, values(state)["name"]) == (EXISTS, "Ada")


def test_what_nobody_knows_may_have_changed() -> None:
    """Between two events, a field that was unknown at both ends is not left out as one that stayed the same."""
    unknown = {"unknown": True}
    assert net([event({"bio": [unknown, "x"], "a": [1, 2]}), event({"bio": ["x", unknown], "a": [2, 1]})]) == {
        "bio": [unknown, unknown]
    }
