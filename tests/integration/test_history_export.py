"""An export holds exactly the filtered events, described in full, in both formats."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from signal_log.event import MASK
from signal_log.models import SignalEvent
from signal_log.show.export import answer as answering
from signal_log.store import export, span
from signal_log.store.read import as_mapping
from tests.exports import ADDRESS, TRACE, fetch, parts, varied_log

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(mira: Client, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Create events of all kinds and return their ids, with a check of the permission before each page of an export."""
    monkeypatch.setattr(answering, "CHECK_EVERY", 0)
    return varied_log()


@pytest.mark.parametrize(
    "query",
    [
        {}, {"sender": "auth.User"}, {"sender": "!auth.User"}, {"signal": ["post_save", "pre_save"]}, {"actor": "ada"},
        {"object": "GRACE"}, {"object": "auth.User/1", "source": "!shell"}, {"outcome": "rolled_back"},
        {"trace": str(TRACE)}, {"q": "compiler"}, {"q": "!ada"}, {"q": 'says "hi"'}, {"until": "2020-06-01"},
        {"since": "2020-06-01"}, {"since": "2019-01-01", "until": "2019-06-01"}, {"q": "nothing holds this"},
        {"every": "1"},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("page", [2, 1000])
def test_it_holds_exactly_what_the_page_lists(
    mira: Client, log: list[int], query: dict[str, Any], page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds every matching signal, oldest first, each as on the websocket, for any size of page or window."""
    listed = mira.get(ADDRESS, query | {"every": "1"})
    monkeypatch.setattr(export, "PAGE", page)
    monkeypatch.setattr(span, "FIRST_WINDOW", page)
    about, events, _ = parts(fetch(mira, **query))
    assert [event["id"] for event in events] == [line.event.pk for line in listed.context["lines"]][::-1]
    assert str(listed.context["total"]) == str(len(events))
    rows = SignalEvent.objects.filter(pk__in=[event["id"] for event in events]).order_by("pk")
    assert events == [as_mapping(row) for row in rows]
    filters = {key: [text] if isinstance(text, str) else text for key, text in query.items()}
    assert about["filters"] == {key: texts for key, texts in filters.items() if key not in ("since", "until", "every")}


def test_the_header_describes_the_export(mira: Client, log: list[int]) -> None:
    """It says who asked when and for what, how far the log was, and which lower ids might not have been committed."""
    about, _, end = parts(fetch(mira, sender="auth.User", since="2026-01-01", until="2100-01-01T00:00:00+02:00"))
    assert about["by"] == {"pk": str(User.objects.get(username="mira").pk), "name": "mira"}
    assert about["site"] == "testserver"
    assert (about["since"], about["until"]) == ("2026-01-01T00:00:00.000000Z", "2099-12-31T22:00:00.000000Z")
    assert about["version"] == 1
    assert about["up_to"] == end["up_to"] == log[-1]
    assert [[log[-4] + 1, log[-3] - 1], [log[-2] + 1, log[-1] - 1]] == about["missing"][-2:]
    age = datetime.now(UTC) - datetime.fromisoformat(about["at"])
    assert timedelta(0) <= age < timedelta(minutes=1)


def test_the_header_says_what_was_typed_too(mira: Client, log: list[int]) -> None:
    """A moment that goes along with the clock is there as it was and as it was asked for, also within the query."""
    about, _, _ = parts(fetch(mira, q="since:now-5m", until="now"))
    assert about["typed"] == {"since": "now-5m", "until": "now"}
    length = datetime.fromisoformat(about["until"]) - datetime.fromisoformat(about["since"])
    assert abs(length - timedelta(minutes=5)) < timedelta(minutes=1)


def test_the_name_says_host_time_and_filters_but_no_values(mira: Client) -> None:
    """Filter values, which may be people's names, are not in the file name, and nothing in it escapes its folder."""
    query = {"format": "csv", "actor": "mira", "q": "../x", "since": "2026-11-22 09:00", "until": "2026-11-22T10:00Z"}
    answer = mira.get(ADDRESS, query, headers={"host": "testserver:8000"})
    assert answer["Content-Disposition"] == (
        'attachment; filename="signals_testserver_from-2026-11-22T090000Z_to-2026-11-22T100000Z_actor_q.csv"'
    )
    assert answer["Content-Type"].startswith("text/csv; charset=utf-8")
    assert answer["Cache-Control"] == "no-store"


def test_the_page_leads_there(mira: Client, log: list[int]) -> None:
    """The history's link to the export keeps the filters but not the place in the list."""
    page = mira.get(ADDRESS, {"sender": "auth.User", "before": log[-1]})
    for kind in ("csv", "jsonl"):
        assert f'href="/events/?sender=auth.User&amp;format={kind}"'.encode() in page.content
    assert b"format=csv" not in mira.get(ADDRESS, {"q": "nothing holds this"}).content


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_head_returns_the_headers_and_reads_nothing(mira: Client, log: list[int], kind: str) -> None:
    """The headers are those of the file; no page of events is read, and no length is claimed."""
    full = mira.get(ADDRESS, {"format": kind, "until": "2026-01-01"})
    with CaptureQueriesContext(connection) as queries:
        answer = mira.head(ADDRESS, {"format": kind, "until": "2026-01-01"})
        assert b"".join(answer.streaming_content) == b""
    assert dict(answer.headers) == dict(full.headers)
    assert "Content-Length" not in answer.headers
    assert not any("call_site" in query["sql"] for query in queries)


def test_csv_holds_the_same_events(mira: Client, log: list[int]) -> None:
    """Each event is a row with JSON in its JSON columns; the file has a byte order mark for Excel and a hash."""
    text = fetch(mira, "csv", after=log[0] - 1)
    tells = SignalEvent.objects.latest("pk").pk  # of this export; the next one would hold it
    assert text.startswith(b"\xef\xbb\xbfid,signal,sender,")
    rows = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline="")))
    events = parts(fetch(mira, after=log[0] - 1, before=tells))[1]
    assert [int(row["id"]) for row in rows] == [event["id"] for event in events]
    assert [json.loads(row["changes"]) for row in rows] == [event["changes"] for event in events]
    assert [row["digest"] for row in rows] == [event["digest"] for event in events]
    assert json.loads(rows[0]["export"])["by"]["name"] == "mira"
    assert rows[-1]["end"] == f"{len(rows)} events sha256 {hashlib.sha256(text[:-66]).hexdigest()}"


def test_secrets_stay_masked(mira: Client) -> None:
    """What the recorder masked is masked in both formats."""
    user = User.objects.create_user("secretive", password="swordfish-9")
    for kind in ("csv", "jsonl"):
        text = fetch(mira, kind, object=f"auth.User/{user.pk}")
        assert b"secretive" in text
        assert MASK.encode() in text
        assert b"swordfish" not in text
        assert user.password.encode() not in text


@pytest.mark.parametrize("query", [{"since": "yesterday"}, {"colour": "red"}, {"before": "x"}])
def test_invalid_input_is_named(mira: Client, query: dict[str, str]) -> None:
    """The answer is a 400 with a sentence for the key, and no file."""
    answer = mira.get(ADDRESS, {"format": "csv", **query})
    assert answer.status_code == 400
    assert list(answer.json()["problems"]) == list(query)
