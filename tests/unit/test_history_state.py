"""A row at a point in time, from its changes."""

from __future__ import annotations

from typing import Any

from signal_log.models import SignalEvent
from signal_log.show.words.state import EXISTS, NEVER_SEEN, NO_LONGER, NOT_YET, state_at
from tests.factories import event_value


def event(changes: dict[str, list[Any]], **fields: Any) -> SignalEvent:
    """A committed event with these changes."""
    return SignalEvent(**event_value(changes=changes, **fields)._asdict())


CREATED = event({"name": [None, "Ada"], "city": [None, "London"]}, created=True)
RENAMED = event({"name": ["Ada", "Augusta"]})
DELETED = event({"name": ["Augusta", None]}, signal="post_delete", created=None)


def values(state: Any) -> dict[str, str | None]:
    """The fields by name."""
    return {known.name: known.value and known.value.text for known in state.fields}


def test_the_last_known_value_of_each_field_counts() -> None:
    """After the rename the new name holds, and the city of the creation still does."""
    state = state_at([RENAMED, CREATED], [], ("name", "city"))
    assert state.presence == EXISTS
    assert values(state) == {"name": "Augusta", "city": "London"}


def test_a_later_change_tells_what_was_before_it() -> None:
    """What no earlier event says is the old value of the next change, and is marked as that."""
    state = state_at([], [RENAMED], ("name", "city"))
    assert values(state) == {"name": "Ada", "city": None}
    assert [known.later for known in state.fields] == [True, False]
    assert state.fields[1].event is None


def test_presence_follows_creation_and_deletion() -> None:
    """Before the creation it did not exist yet, after the deletion no longer."""
    assert state_at([], [CREATED], ()).presence == NOT_YET
    assert state_at([DELETED, RENAMED], [], ()).presence == NO_LONGER
    assert state_at([], [], ()).presence == NEVER_SEEN


def test_a_former_life_of_the_same_key_says_nothing() -> None:
    """A row made anew under the same key does not inherit values of the deleted one."""
    again = event({"name": [None, "Grace"]}, created=True)
    assert values(state_at([again, DELETED, CREATED], [], ("name", "city"))) == {"name": "Grace", "city": None}


def test_what_was_rolled_back_or_only_announced_does_not_count() -> None:
    """Only committed events that are not pre signals say what was stored."""
    undone = event({"name": ["Ada", "Eve"]}, outcome="rolled_back")
    about = event({"name": ["Ada", "Eve"]}, signal="pre_save")
    assert values(state_at([about, undone, CREATED], [], ("name",)))["name"] == "Ada"
