"""What an alert may say, and when enough has come within its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from signal_log.audit.alerts.firing import Fired
from signal_log.audit.alerts.rule import masked, parse, problems
from signal_log.audit.alerts.window import Reached, Window
from signal_log.errors import ConfigurationError

GOOD: dict[str, Any] = {
    "name": "staff", "query": "sender=auth.User&field=is_staff", "count": 1, "seconds": 60, "to": "a@example.org",
}  # fmt: skip
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOOK = "https://hooks.example/T0/B0/topsecret?sig=hidden"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"name": ""}, "'name' must be a text"),
        ({"name": "n" * 101}, "1 to 100 characters"),
        ({"query": ""}, "not empty"),
        ({"query": "is_staff=&x"}, "no query string"),
        ({"query": "colour=red"}, "unknown filter 'colour'. Accepted: sender,"),
        ({"query": "verify=done"}, "or verify=failed or sealing=stopped"),
        ({"query": "outcome=lost"}, "must be one of committed"),
        ({"query": "took=>1s"}, "known only later"),
        ({"query": "sender=&q=!"}, "every event would count"),
        ({"count": None}, "'count' must be a whole number from 1 to 100,000, not nothing"),
        ({"count": 0}, "not 0"),
        ({"count": True}, "not True"),
        ({"seconds": 0.5}, "'seconds' must be a whole number from 1"),
        ({"seconds": "60"}, "not '60'"),
        ({"to": []}, "'to' must be an address"),
        ({"to": ["a@example.org", "grace"]}, "address 2 in 'to' is neither"),
        ({"to": "http://hooks.example/x"}, "neither"),
        ({"to": "https://user:word@hooks.example/"}, "neither"),
        ({"to": "ftp://hooks.example/"}, "neither"),
        ({"to": "https://hooks.example:99999/"}, "neither"),
        ({"query": "sealing=stopped", "count": 2}, "1, or left out"),
    ],
)
def test_a_wrong_alert_is_told_in_a_sentence(changed: dict[str, Any], says: str) -> None:
    """With what is accepted, and without the address of a webhook, which is a secret."""
    with pytest.raises(ConfigurationError) as caught:
        parse({**GOOD, **changed})
    assert says in str(caught.value)
    assert "hooks.example" not in str(caught.value)


def test_alerts_have_names_of_their_own() -> None:
    """The second of the same name is a problem; so is what is no dict."""
    assert list(problems([GOOD, GOOD, 7])) == [
        "number 2: another one is called 'staff' too.",
        "number 3: it is a int, not a dict.",
    ]
    assert list(problems([{"name": "s", "query": "verify=failed", "to": ["http://localhost:9/", HOOK]}])) == []


def test_of_a_webhook_only_the_host_is_told() -> None:
    """The rest of its address is what lets one post there."""
    assert masked(HOOK) == "https://hooks.example/…"
    assert masked("a@example.org") == "a@example.org"


def test_of_a_committed_operation_one_event_counts() -> None:
    """The post event; of one that failed the pre event; a query that names a signal means that one."""
    event = {"signal": "pre_save", "outcome": "committed", "origin": None, "sender": "auth.User",
             "changes": {"is_staff": [False, True]}}  # fmt: skip
    rule, named = parse(GOOD), parse({**GOOD, "query": "signal=pre_save"})
    assert not rule.matches(event)
    assert rule.matches({**event, "signal": "post_save"})
    assert rule.matches({**event, "outcome": "failed"})
    assert named.matches(event)
    assert not rule.matches({**event, "signal": "post_save", "changes": {"is_active": [False, True]}})


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_enough_within_the_time_and_not_in_a_longer_one() -> None:
    """Three within ten seconds; an operation counts once; what has fired is counted no more."""
    window = Window(3, 10)
    for number, seconds in enumerate((0, 6, 12, 18), 1):
        window.add(at(seconds), number, number)
    assert window.reached is None
    window.add(at(19), 5, 4)  # the same operation
    assert window.reached is None
    window.add(at(20), 6, 6)
    assert window.reached == Reached(3, 3, 6)
    window.forget(Fired(5).__contains__)
    assert window.reached is None
    window.add(at(21), 7, 7)
    window.add(at(22), 8, 8)
    assert window.reached == Reached(3, 6, 8)


def test_events_that_come_late_count_at_their_own_time() -> None:
    """The time of an event is when its signal fired, and a long transaction commits out of order."""
    window = Window(2, 10)
    window.add(at(100), 1, "new")
    window.add(at(5), 2, "late")
    assert window.reached is None
    window.add(at(0), 3, "later")
    assert window.reached == Reached(2, 2, 3)


def test_a_window_does_not_grow_without_end() -> None:
    """The oldest go, with what they were known by."""
    window = Window(2, 1)
    for number in range(3_000):
        window.add(at(number * 2), number, number)
    assert len(window._found) == len(window._keys) == 1_002
    assert window.reached is None


def test_what_was_still_to_be_committed_has_not_fired() -> None:
    """An event in a gap of the firing process counts when it comes; the table remembers that."""
    fired = Fired.of(Fired(100, [(90, 95), (120, 130)]).as_state())
    assert 100 in fired
    assert 89 in fired
    assert 90 not in fired
    assert 95 not in fired
    assert 101 not in fired
    assert fired.gaps == [(90, 95)]
