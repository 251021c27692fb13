"""The values that complete a query: bounded work, honest counts, and no more than the history shows."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from signal_log.show.query import counts, values
from tests.factories import make_event

pytestmark = pytest.mark.django_db


def read(client: Client, key: str, begins: str = "", **query: str) -> dict[str, Any]:
    """Return the answer."""
    answer = client.get("/events/", {"format": "values", "key": key, "begins": begins, **query})
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def test_values_are_counted_in_the_newest_events(mira: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is older is offered without a count where an index has it, and not at all elsewhere."""
    make_event(sender="old.Model", actor_repr="Gwen", source="ancient", changes={"older": [1, 2]})
    make_event(actor_repr="gwen 2", source="ancient")
    for key in ("72", "71", "8", ""):
        make_event(actor_repr="", actor_pk=key)
    monkeypatch.setattr(values, "NEWEST", 3)
    monkeypatch.setattr(values, "NEWEST_CHANGES", 3)
    for name in ("Grace", "Grace", "ada"):
        make_event(actor_repr=name, actor_pk="7", changes={"email": [1, 2], 'a"b': [None, ""]})
    assert read(mira, "actor") == {
        "key": "actor",
        "values": [["Grace", 2], ["ada", 1]],
        "scope": "counted in the newest 3 events",
    }
    assert read(mira, "actor", "G")["values"] == [["Grace", 2], ["Gwen", None]]
    assert read(mira, "actor", "RAC")["values"] == [["Grace", 2]]
    assert read(mira, "actor_pk", "7")["values"] == [["7", 3], ["71", None], ["72", None]]
    assert read(mira, "actor", "gr", actor="ada")["values"] == []
    assert ["old.Model", None] in read(mira, "model", "OLD")["values"]
    assert ["ancient", 2] not in read(mira, "source")["values"]
    assert read(mira, "outcome", "f")["values"] == [["failed", None]]
    assert sorted(read(mira, "field")["values"]) == [['a"b', 3], ["email", 3]]
    assert read(mira, "field", "MAIL")["values"] == [["email", 3]]
    make_event(changes=["no", "object"])
    assert ["email", 2] in read(mira, "field")["values"]


def test_the_work_is_bounded(mira: Client) -> None:
    """So many statements at most, whatever the log holds, and so many values."""
    for number in range(values.MOST + 5):
        make_event(actor_repr=f"actor {number:03}", actor_pk=str(number))
    with CaptureQueriesContext(
        connection,
    ) as context:
        answer = read(mira, "actor", "actor")
    assert len(answer["values"]) == values.MOST
    own = [query["sql"] for query in context.captured_queries if "signal_log_signalevent" in query["sql"]]
    assert len(own) <= 4


def test_a_slow_query_is_counted_in_fewer_events(mira: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as the time allows, and the answer says how many; without a query there is nothing to wait for."""
    for _ in range(5):
        make_event(actor_repr="Grace", changes={"email": [1, 2]})
    monkeypatch.setattr(counts, "FIRST_WINDOW", 2)
    for key, said in (("actor", "Grace"), ("field", "email")):
        assert read(mira, key, said, q="grace")["values"] == [[said, 5]]
    monkeypatch.setattr(counts, "SECONDS", 0)
    for key, said in (("actor", "Grace"), ("field", "email")):
        assert read(mira, key, said, q="grace") == {
            "key": key, "values": [[said, 2]], "scope": "counted in the newest 2 events",
        }  # fmt: skip
        assert read(mira, key, said)["values"][0][1] >= 5


@pytest.mark.parametrize("query", ["key=nonsense", "key=", "", "key=actor&begins=%00", "key=actor&took=fast"])
def test_a_wrong_question_is_answered_in_words(mira: Client, query: str) -> None:
    """The answer says which part is wrong."""
    answer = mira.get(f"/events/?format=values&{query}")
    assert answer.status_code == 400
    assert all(answer.json()["problems"].values())
