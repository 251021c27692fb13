"""Cascades: events and receivers' calls joined into operations, and their shape as text."""

from __future__ import annotations

from signal_log.show.cascade.operation import cascade_of
from signal_log.show.cascade.shape import given_shape, shape
from tests.factories import event_value
from tests.story import Story


def test_operations_hang_below_the_receivers_that_caused_them():
    story = Story()
    order = story.save("shop.Order", changes={"total": [1, 2]})
    run = story.run(order, "shop.signals.stock", 500)
    story.run(order, "shop.signals.idle", 3)
    story.save("shop.Item", by=order, receiver="shop.signals.stock", took_us=200, changes={"qty": [3, 2]})
    cascade = story.cascade()

    (root,) = cascade.roots
    assert [cause.receiver for cause in root.causes()] == ["shop.signals.stock", "shop.signals.idle"]
    assert [child.first.sender for child in run.caused] == ["shop.Item"]
    assert run.caused[0].depth == 2
    assert run.self_us == 300
    assert shape(cascade) == ["updated shop.Order (total)", "  stock → updated shop.Item (qty)"]


def test_effects_of_a_receiver_without_a_call_keep_its_name():
    story = Story()
    order = story.save("shop.Order", created=True, changes={"total": [None, 2]})
    story.save("shop.Item", by=order, receiver="shop.signals.stock", changes={})
    assert shape(story.cascade()) == ["created shop.Order", "  stock → updated shop.Item"]


def test_a_receiver_connected_twice_gets_its_effects_dealt_out():
    story = Story()
    order = story.save("shop.Order", changes={})
    runs = [story.run(order, "shop.signals.stock", 5), story.run(order, "shop.signals.stock", 5)]
    for _ in runs:
        story.save("shop.Item", by=order, receiver="shop.signals.stock", changes={})
    cascade = story.cascade()
    assert [len(run.caused) for run in runs] == [1, 1]
    lines = ["updated shop.Order", "  stock → updated shop.Item × 2"]
    assert shape(cascade) == lines
    assert given_shape("\n".join(lines)) == lines


def test_neighbours_are_counted_from_the_innermost_out():
    """What differs only in how somebody counted below it is the same."""
    text = "created a.B\n f → created c.D\n f → created c.D\ncreated a.B\n f → created c.D × 2"
    assert given_shape(text) == ["created a.B × 2", "  f → created c.D × 2"]


def test_an_operation_whose_cause_is_missing_is_an_orphan():
    story = Story()
    story.save("shop.Item", by=99, receiver="shop.signals.stock", changes={})
    cascade = story.cascade()
    assert (cascade.roots, list(cascade.orphans)) == ([], [99])
    assert shape(cascade) == ["updated shop.Item"]


def test_the_same_positions_in_two_traces_are_two_operations():
    one, two = Story(), Story("0197c2b1-0000-7000-8000-000000000002")
    one.save("shop.Item", changes={})
    two.save("shop.Order", changes={})
    cascade = cascade_of([*one.events, *two.events])
    assert shape(cascade) == ["updated shop.Item", "updated shop.Order"]


def test_equal_neighbours_are_counted_with_all_that_they_caused():
    story = Story()
    for fields in ({"qty": [1, 2]}, {"qty": [5, 6]}, {"name": ["a", "b"]}):
        item = story.save("shop.Item", changes=fields)
        story.save("shop.Order", by=item, receiver="a.stock", changes={})
    assert shape(story.cascade()) == [
        "updated shop.Item (qty) × 2",
        "  stock → updated shop.Order",
        "updated shop.Item (name)",
        "  stock → updated shop.Order",
    ]


def test_what_failed_and_what_was_undone_is_marked():
    story = Story()
    story.save("shop.Item", outcome="failed", error="django.db.utils.IntegrityError: UNIQUE", changes={})
    story.save("shop.Item", outcome="rolled_back", changes={})
    story.save("shop.Item", outcome="open", changes={})
    assert shape(story.cascade()) == [
        "updated shop.Item [failed: IntegrityError]",
        "updated shop.Item [rolled back]",
        "updated shop.Item",
    ]


def test_relations_silent_writes_and_extra_signals_have_their_own_words():
    story = Story()
    story.save(
        "auth.User", signal="m2m_changed", changes={"groups": [None, [1]]}, created=None,
        origin={"model": "auth.User_groups", "action": "post_add", "reverse": False},
    )  # fmt: skip
    story.save("shop.Item", signal="silent_update", changes={"price": [None, "2"]}, object_pk="")
    story.save("auth.User", signal="django.contrib.auth.signals.user_logged_in", changes={})
    story.save("shop.Item", signal="post_save", origin={"sent_by_hand": True}, changes={})
    assert shape(story.cascade()) == [
        "added to auth.User.groups",
        "silent update of shop.Item (price)",
        "sent user_logged_in",
        "sent post_save by hand for shop.Item",
    ]


def test_a_shape_that_somebody_wrote_may_be_indented_and_counted_in_any_way():
    written = """
        updated shop.Item (qty)
            stock → updated shop.Order
        updated shop.Item (qty)
            stock → updated shop.Order
        created shop.Item
        created shop.Item × 2
    """
    assert given_shape(written) == [
        "updated shop.Item (qty) × 2",
        "  stock → updated shop.Order",
        "created shop.Item × 3",
    ]


def test_fields_are_told_by_name_in_whatever_order_they_were_written():
    story = Story()
    story.save(changes={"qty": [1, 2], "name": ["a", "b"]})
    assert shape(story.cascade()) == given_shape("updated shop.Item (qty,name)") == ["updated shop.Item (name, qty)"]


def test_a_save_that_failed_before_its_row_had_a_key_is_no_update():
    changes = {"number": ["", "1"], "total": ["0.00", "2.00"]}
    fields = {"changes": changes, "created": None, "outcome": "failed", "error": "IntegrityError: UNIQUE"}
    saves = [
        event_value(signal="pre_save", sender="shop.Order", object_pk=pk, position=1, **fields) for pk in ("", "7")
    ]
    assert [shape(cascade_of([save])) for save in saves] == [
        ["created shop.Order [failed: IntegrityError]"],
        ["updated shop.Order (number, total) [failed: IntegrityError]"],
    ]


def test_a_time_of_change_is_told_only_where_nothing_else_changed():
    story = Story()
    story.save("shop.Order", changes={"total": [1, 2], "updated_at": ["a", "b"]})
    story.save("shop.Order", changes={"updated_at": ["a", "b"]})
    assert shape(story.cascade()) == ["updated shop.Order (total)", "updated shop.Order (updated_at)"]
