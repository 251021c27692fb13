"""What is found in a cascade, each kind with an input that has it and one that nearly has it."""

from __future__ import annotations

import pytest

from signal_log.show.cascade.findings import KINDS, conclusion, findings
from signal_log.show.cascade.ranking import critical, ranked
from tests.story import Story

STOCK = "shop.signals.stock"


def found(story: Story, total_us: int = 0) -> dict:
    return {one.id: one for one in findings(story.cascade(), total_us)}


@pytest.mark.parametrize(
    ("own_us", "total_us", "slow"),
    [(100_000, 10_000_000, True), (99_999, 10_000_000, False), (20_000, 100_000, True), (19_999, 100_000, False),
     (9_999, 9_999, False)],
)  # fmt: skip
def test_slow_is_a_tenth_of_a_second_or_a_fifth_of_the_trace(own_us, total_us, slow):
    story = Story()
    story.run(story.save(), STOCK, own_us)
    assert (f"slow:{STOCK}" in found(story, total_us)) is slow


def test_slow_counts_own_time_of_all_calls():
    story = Story()
    for _ in range(10):
        saved = story.save(changes={})
        story.run(saved, STOCK, 1_000_000)
        story.save("shop.Order", by=saved, receiver=STOCK, took_us=960_000)
    slow = found(story, 400_000_000)[f"slow:{STOCK}"]
    assert slow.text == f"{STOCK} took 400 ms of 400 s, in 10 calls."
    assert slow.positions == [*range(1, 41, 4)]
    assert "once" in slow.fix


def test_a_receiver_that_runs_twice_for_one_signal():
    story = Story()
    saved = story.save()
    story.run(saved, STOCK, 5)
    assert found(story) == {}
    story.run(saved, STOCK, 5)
    twice = found(story)[f"runs_twice:{STOCK}"]
    assert "dispatch_uid" in twice.fix
    assert twice.positions == [1]


def test_equal_operations_of_one_cause_are_repeated_whatever_their_values():
    story = Story()
    for number in range(9):
        story.save(changes={"qty": [number, 0], **({"name": ["a", "b"]} if number % 2 else {})})
    assert found(story) == {}
    story.save("shop.Order")
    story.save()
    repeated = found(story)["repeated:updated shop.Item"]
    assert repeated.clause == "“updated shop.Item” ran 10 times"
    assert len(repeated.positions) == 10


def test_equal_operations_of_different_causes_are_not_repeated():
    story = Story()
    for _ in range(10):
        order = story.save("shop.Order", changes={"a": [1, 2]}, created=True, object_pk="")
        story.run(order, STOCK, 1)
        story.save(by=order, receiver=STOCK)
    assert set(found(story)) == {"repeated:created shop.Order"}


def test_an_error_is_swallowed_only_if_the_receiver_returned():
    story = Story()
    order = story.save("shop.Order")
    run = story.run(order, STOCK, 1)
    story.save(by=order, receiver=STOCK, outcome="failed", error="django.db.utils.IntegrityError: UNIQUE")
    swallowed = found(story)[f"swallowed:{STOCK}:IntegrityError"]
    assert swallowed.clause == f"1 error was swallowed in {STOCK}"
    assert swallowed.positions == [3]
    run.error = "IntegrityError: UNIQUE"
    assert found(story) == {}


def test_a_receiver_that_saves_its_object_again():
    story = Story()
    saved = story.save(object_pk="4")
    story.run(saved, STOCK, 1)
    story.save(by=saved, receiver=STOCK, object_pk="5")
    assert found(story) == {}
    story.save(by=saved, receiver=STOCK, object_pk="4")
    assert found(story)[f"saves_again:{STOCK}"].positions == [5]


def test_a_save_for_another_signal_is_not_the_same_save_again():
    story = Story()
    login = story.save("auth.User", signal="django.contrib.auth.signals.user_logged_in", object_pk="4")
    story.save("auth.User", by=login, receiver="update_last_login", object_pk="4")
    assert found(story) == {}


def test_a_cycle_is_one_chain_that_repeats_a_receiver_on_the_same_object():
    story = Story()
    profile = story.save("users.Profile", object_pk="1")
    user = story.save("auth.User", object_pk="1", by=profile, receiver="sync_user")
    again = story.save("users.Profile", object_pk="1", by=user, receiver="sync_profile")
    assert found(story) == {}  # each model causes the other, and yet it ends
    story.save("auth.User", object_pk="1", by=again, receiver="sync_user")
    assert found(story)["cycle:sync_user"].positions == [7]


def test_a_chain_through_other_objects_is_no_cycle():
    story = Story()
    above = None
    for key in "abc":
        above = story.save("shop.Category", object_pk=key, by=above, receiver="touch_parent" if above else "")
    assert found(story) == {}


def test_writing_while_a_fixture_is_loaded():
    story = Story()
    saved = story.save(raw=True)
    story.save("shop.Order", by=saved, receiver=STOCK)
    assert 'kwargs["raw"]' in found(story)[f"writes_on_raw:{STOCK}"].fix


def test_silent_writes():
    story = Story()
    story.save(signal="silent_update", object_pk="", changes={"price": [None, "2"]})
    silent = found(story)["silent:silent update of shop.Item"]
    assert silent.text == "A silent update of shop.Item ran: no signals were sent, no receiver ran."


def test_rows_that_a_bulk_write_recorded_as_advised_are_no_findings():
    story = Story()
    for number in range(40):
        story.save(signal="silent_update", object_pk=str(number), changes={"price": [1, 2]})
    assert found(story) == {}


def test_the_conclusion_is_one_sentence_with_the_costly_first():
    story = Story()
    order = story.save("shop.Order")
    story.run(order, STOCK, 392_000)
    for _ in range(200):
        story.save(by=order, receiver=STOCK)
    story.save("shop.Tag", by=order, receiver=STOCK, outcome="failed", error="ValueError: no")
    told = findings(story.cascade(), 431_000)
    assert conclusion(told) == (
        f"{STOCK} took 392 of 431 ms, in 1 call; “updated shop.Item” ran 200 times in {STOCK}; "
        f"1 error was swallowed in {STOCK}."
    )
    assert [one.kind for one in told] == [kind for kind in KINDS if kind in {one.kind for one in told}]
    assert conclusion([]) == ""


def test_receivers_are_ranked_by_their_own_time():
    story = Story()
    order = story.save("shop.Order")
    story.run(order, "outer", 900, queries=2)
    story.run(order, "small", 300, error="ValueError")
    item = story.save(by=order, receiver="outer", took_us=700)
    story.run(item, "small", 100)
    assert [(one.receiver, one.calls, one.total_us, one.self_us, one.errors) for one in ranked(story.cascade())] == [
        ("small", 2, 400, 400, 1),
        ("outer", 1, 900, 100, 0),
    ]


def test_of_receivers_that_ran_at_once_the_longest_awaited_is_critical():
    story = Story()
    saved = story.save()
    story.run(saved, "sync", 100, started_us=0)
    story.run(saved, "a", 300, started_us=100)
    longest = story.run(saved, "b", 500, started_us=110)
    (operation,) = story.cascade().operations
    assert critical(operation) == [longest]
