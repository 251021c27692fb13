"""The page of a trace concludes, also as JSON and as text, and costs little however long the trace is."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from signal_log import clock
from signal_log.models import ReceiverCall, SignalTrace
from signal_log.show.trace import part as parts
from tests.benchmarks.trace_page_load import fill, height, watching
from tests.factories import make_event, operation
from tests.pages import text, tree_rows

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
GONE = "shop.no_longer.there.sync_stock"


def ended(trace: uuid.UUID, **fields: Any) -> SignalTrace:
    """Store how the trace went."""
    given = {"source": "http", "name": "POST /shop/", "duration_us": 431_000, "status": "500", "events": 6,
             "operations": 4, "failed": 1, "silent": 0, "slowest_receiver": GONE, "slowest_us": 392_000}  # fmt: skip
    return SignalTrace.objects.create(trace_id=trace, started_at=clock.now(), **{**given, **fields})


@pytest.fixture
def trace() -> uuid.UUID:
    """A request that saved an order, whose receiver, of a module that is gone, was slow and swallowed an error."""
    trace, when = uuid.uuid4(), clock.now()
    order = operation(
        trace, 1, sender="shop.Order", object_repr="no. <7>", labels={"tenant": "acme <b>"}, occurred_at=when
    )
    call = {"sender": "shop.Order", "signal": "post_save", "receiver": GONE, "queries": 3}
    ReceiverCall.objects.create(trace_id=trace, position=2, started_us=0, duration_us=392_000, **call)
    inside = {"parent_position": order.position, "caused_by": GONE, "sender": "shop.Item", "occurred_at": when}
    make_event(trace_id=trace, position=3, operation=3, signal="pre_save", outcome="failed",
               error="IntegrityError: no", **inside)  # fmt: skip
    operation(trace, 4, **inside)
    ended(trace)
    return trace


def test_it_says_what_was_slow_and_what_to_do(root: Client, trace: uuid.UUID) -> None:
    """The conclusion comes first, then the findings with their fixes and links to their rows, then the receivers."""
    page = text(root.get(f"/traces/{trace}/"))
    conclusion = f"{GONE} took 392 of 431 ms, in 1 call and 3 queries; 1 error was swallowed in {GONE}."
    assert conclusion == re.findall(r'class="concluded">([^<]*)', page)[0]
    assert page.index("concluded") < page.index("on_commit") < page.index('class="table-wrap ranked')
    assert '<a href="#p3" aria-label="row 3">3</a>' in page
    assert re.search(r'<tr class="operation failed" role="row" data-level="\d" id="p3">', page)
    ranking = page.partition('class="table-wrap ranked')[2].partition("</table>")[0]
    assert re.findall(r'<td class="num[^>]*>(?:<svg.*?</svg>)?([^<]*)', ranking) == ["1", "392 ms", "392 ms", "3", ""]
    for shown in ("POST /accounts/profile/", "acme &lt;b&gt;", "431 ms", "ended with 500", "grace", "no. &lt;7&gt;"):
        assert shown in page, shown
    assert "style=" not in page


def test_without_anything_to_say_it_says_so(root: Client) -> None:
    """A trace in which nothing stands out; and what is known of times, where they are missing."""
    event = make_event(source="http")
    page = text(root.get(f"/traces/{event.trace_id}/"))
    assert "Nothing stands out" in page
    assert "written when the trace is over" in page
    old = make_event(occurred_at=clock.now() - timedelta(days=99))
    assert "no longer known" in text(root.get(f"/traces/{old.trace_id}/"))


def test_as_json(root: Client, trace: uuid.UUID) -> None:
    """The documented format: findings first, operations flat with their receivers; what is known of times is said."""
    told = root.get(f"/traces/{trace}/?format=json").json()
    head = [told[key] for key in ("format", "id", "name", "source", "status", "actor", "duration_us")]
    assert head == ["signal_log.trace/1", str(trace), "POST /shop/", "http", "500", "grace", 431_000]
    assert [found["id"] for found in told["findings"]] == [f"slow:{GONE}", f"swallowed:{GONE}:IntegrityError"]
    assert [(one["position"], one["verb"], one["outcome"]) for one in told["operations"]] == [
        (1, "updated", "committed"), (3, "updated", "failed"), (4, "updated", "committed"),
    ]  # fmt: skip
    assert (told["telemetry"], told["shown"], told["total"], told["next"]) == ("complete", 3, 3, None)
    ReceiverCall.objects.all().delete()
    assert root.get(f"/traces/{trace}/?format=json").json()["telemetry"] == "dropped"
    SignalTrace.objects.all().delete()
    assert root.get(f"/traces/{trace}/?format=json").json()["telemetry"] == "pending"
    assert root.get(f"/traces/{uuid.uuid4()}/?format=json").status_code == 404


def test_as_text(root: Client, trace: uuid.UUID) -> None:
    """At most 8 KB for an issue report: which trace, the conclusion, the findings, what happened; cuts are said."""
    answer = root.get(f"/traces/{trace}/?format=text")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    lines = text(answer).splitlines()
    assert lines[0] == "POST /accounts/profile/ · ended with 500 · 431 ms · 3 operations"
    assert lines[2] == f"http://testserver/traces/{trace}/"
    assert f"! {GONE} took 392 of 431 ms, in 1 call and 3 queries." in lines
    assert "  !  └ sync_stock → failed to save shop.Item 1 ada   IntegrityError: no" in lines
    for number in range(200):
        operation(trace, 10 + 2 * number, sender=f"shop.Sort{number}", object_repr="ä" * 60)
    cut = root.get(f"/traces/{trace}/?format=text").content
    assert 7_500 < len(cut) <= 8_192
    assert re.search(r"… \d+ more lines of operations: .*format=json", cut.decode())


def test_a_link_to_a_row_that_is_grouped_away_shows_all(root: Client) -> None:
    """Findings link to their rows, wherever these are."""
    trace = uuid.uuid4()
    for number in range(12):
        make_event(trace_id=trace, position=number + 1, operation=number + 1)
    page = text(root.get(f"/traces/{trace}/"))
    links = re.findall(r'href="([^"]*)" aria-label="row', page)
    assert links == ["#p1", "#p2", "#p3", "?all=1#p4", "?all=1#p5"]
    assert 'id="p5"' in text(root.get(f"/traces/{trace}/?all=1"))


def test_rows_that_are_not_grouped_come_a_thousand_signals_at_a_time(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page has so many at once whatever the trace's length, and every link to a row leads to the page that has it."""
    monkeypatch.setattr(parts, "MAX_UNGROUPED", 4)
    trace = uuid.uuid4()
    for begun in range(1, 20, 2):
        make_event(trace_id=trace, position=begun, operation=begun, signal="pre_save", created=None)
        make_event(trace_id=trace, position=begun + 1, operation=begun)
    address, after, seen = f"/traces/{trace}/", "?all=1", []
    while after:
        page = text(root.get(address + after))
        seen += re.findall(r'id="(p\d+)"', page)
        found = re.search(r'rel="next" href="([^"]+)">Show the next 4 signals', page)
        after = found and found[1].replace("&amp;", "&")
    assert seen == [f"p{begun}" for begun in range(1, 20, 2)]
    grouped = text(root.get(address))
    links = re.findall(r'href="([^"]*)" aria-label="row', grouped) + re.findall(r'href="[^"]*(\?all[^"]*)">', grouped)
    assert [link for link in links if "after" in link]
    for link in (one for one in links if "after" in one):
        query, _, anchor = link.replace("&amp;", "&").partition("#")
        assert f'id="{anchor}"' in text(root.get(address + query)), link
    assert "positions 5 to 8 of 20" in text(root.get(f"{address}?all=1&after=6"))
    assert root.get(f"{address}?all=1&format=json").json()["next"] is None, "programs get larger parts"


def test_a_huge_trace_comes_in_parts(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part has the operations that began in it, whole; what an earlier part caused is not missing."""
    monkeypatch.setattr(parts, "MAX_EVENTS", 4)
    trace = uuid.uuid4()
    top = {"trace_id": trace, "operation": 1, "sender": "shop.Order"}
    make_event(**top, position=1, signal="pre_save", created=None)
    for position in range(2, 9):
        make_event(trace_id=trace, position=position, operation=position, sender=f"shop.M{position}",
                   **({"parent_position": 1, "caused_by": "a.b"} if position % 2 else {}))  # fmt: skip
    make_event(**top, position=9)
    ended(trace, operations=8)

    first = root.get(f"/traces/{trace}/")
    assert "positions 1 to 4 of 9" in text(first)
    assert '<a class="btn" rel="next" href="?after=4">… 4 more operations: next part</a>' in text(first)
    assert [row.text.split()[1] for row in tree_rows(first) if "operation" in row.kinds] == ["Order", "M3", "M2", "M4"]
    assert "saving" not in text(first)

    second = root.get(f"/traces/{trace}/?after=5")
    assert [row.text for row in tree_rows(second) if "earlier" in row.kinds] == [
        "caused at position 1, in an earlier part"
    ]
    assert "parent not recorded" not in text(second)
    assert "next part" not in text(second)
    assert sorted(row.text.split()[1] for row in tree_rows(second) if "operation" in row.kinds) == [
        "M5",
        "M6",
        "M7",
        "M8",
    ]
    assert root.get(f"/traces/{trace}/?after=99999999999999999999").status_code == 200
    assert root.get(f"/traces/{trace}/?after=4000000000").status_code == 404

    told, after = [], 0
    while after is not None:
        part = root.get(f"/traces/{trace}/?format=json&after={after}").json()
        told += [one["position"] for one in part["operations"]]
        after = part["next"]
        assert part["total"] == 8
    assert told == [1, 2, 3, 4, 5, 6, 7, 8]


def test_its_cost_does_not_grow_with_its_rows(root: Client, django_assert_num_queries: Any) -> None:
    """Rows are no templates: as many are rendered for a trace of 1,000 signals as for one of 20, with as few queries.

    Of few events is asked what was said, of many which were pinned last, and then nothing if none was.

    Under the toolbar's panel of templates, which keeps and prints the context of each, a page once took gigabytes.
    """
    few, many = (f"/traces/{fill(signals)}/?all=1" for signals in (20, 1_000))
    rendered = []
    for address, queries in ((few, 11), (many, 10)):
        root.get(address)  # sessions and content types are looked up once
        with watching() as panel, django_assert_num_queries(queries, connection=None):
            response = root.get(address)
        rendered.append(len(panel.templates))
    assert rendered[0] == rendered[1]
    assert len(tree_rows(response)) == 1_500
    peak, size = height(root, many)
    assert size > 500_000
    assert peak < 6_000_000  # 60 MB for 10,000
