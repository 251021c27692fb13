"""A trace as a JSON document: flat, folded, and in parts that are each valid."""

from __future__ import annotations

from signal_log.show.cascade.document import document
from tests.story import Story


def test_operations_are_flat_and_point_up_to_their_cause():
    story = Story()
    order = story.save("shop.Order", object_pk="7", object_repr="no. 7", changes={"total": [1, 2]}, call_site="a.py:3")
    story.run(order, "stock", 500, queries=2)
    story.save(by=order, receiver="stock", took_us=200, outcome="failed", error="ValueError: no")
    told = document({"id": "x", "duration_us": 600}, story.cascade(), telemetry="complete")

    assert list(told) == [
        "format",
        "id",
        "duration_us",
        "findings",
        "operations",
        "telemetry",
        "shown",
        "total",
        "next",
    ]
    assert (told["format"], told["telemetry"], told["shown"], told["total"], told["next"]) == (
        "signal_log.trace/1", "complete", 2, 2, None,
    )  # fmt: skip
    order, item = told["operations"]
    assert order == {
        "position": 1, "verb": "updated", "signal": "post_save", "model": "shop.Order", "pk": "7", "repr": "no. 7",
        "times": 1, "outcome": "committed", "error": "", "cause": None, "changes": {"total": [1, 2]},
        "call_site": "a.py:3",
        "receivers": [{"name": "stock", "signal": "post_save", "position": 2, "total_us": 500, "self_us": 300,
                       "queries": 2, "error": ""}],
    }  # fmt: skip
    assert (item["cause"], item["outcome"], item["error"]) == (
        {"position": 2, "receiver": "stock"}, "failed", "ValueError: no",
    )  # fmt: skip
    (found,) = told["findings"]
    assert list(found) == ["id", "kind", "receiver", "positions", "text", "fix"]
    assert (found["kind"], found["positions"]) == ("swallowed", [3])


def test_equal_neighbours_are_folded():
    story = Story()
    for _ in range(200):
        item = story.save()
        story.save("shop.Tag", by=item, receiver="tag")
    told = document({}, story.cascade(), telemetry="complete")
    assert [(one["model"], one["times"]) for one in told["operations"]] == [("shop.Item", 200), ("shop.Tag", 1)]


def test_a_huge_trace_comes_in_parts():
    story = Story()
    for number in range(7):
        story.save(f"shop.Model{number}")
    parts, after = [], 0
    while after is not None:
        told = document({}, story.cascade(), telemetry="pending", after=after, most=3)
        parts.append([one["position"] for one in told["operations"]])
        after = told["next"]
    assert parts == [[1, 3, 5], [7, 9, 11], [13]]
    assert told["total"] == 7
