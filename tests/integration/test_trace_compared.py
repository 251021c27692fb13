"""Two traces side by side: what differs, as a page, JSON and text; how one gets there; what cannot be compared."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.test import Client

from signal_log import clock
from signal_log.models import ReceiverCall, SignalTrace
from signal_log.show.pages import trace_compared
from signal_log.show.query import traces as query
from signal_log.show.trace import part as parts
from tests.factories import make_event, operation
from tests.pages import text

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
CRM = "shop.signals.sync_crm"
NAME = "POST /checkout/"


def ended(trace: uuid.UUID, **fields: Any) -> SignalTrace:
    """Store how the trace went."""
    given = {"source": "http", "name": NAME, "duration_us": 400_000, "status": "302", "events": 4, "operations": 2,
             "failed": 0, "silent": 0, "slowest_receiver": CRM, "slowest_us": 3_000}  # fmt: skip
    return SignalTrace.objects.create(trace_id=trace, started_at=clock.now(), **{**given, **fields})


def checkout(*calls: int, items: int = 1, sender: str = "shop.Order", **fields: Any) -> uuid.UUID:
    """A request that saved an order; each call of its receiver took so long, and the first saved items."""
    trace, when = uuid.uuid4(), clock.now()
    operation(trace, 1, sender=sender, occurred_at=when, object_repr="no. 9")
    for number, took in enumerate(calls):
        ReceiverCall.objects.create(
            trace_id=trace, position=2, sender=sender, signal="post_save", receiver=CRM, started_us=number,
            duration_us=took, queries=2,
        )  # fmt: skip
    for number in range(items if calls else 0):
        inside = {"parent_position": 2, "caused_by": CRM, "sender": "shop.Item", "occurred_at": when}
        operation(trace, 3 + 2 * number, **inside)
    ended(trace, **fields)
    return trace


@pytest.fixture
def upgraded() -> tuple[uuid.UUID, uuid.UUID]:
    """The same request before and after an upgrade, since which a receiver runs twice."""
    return checkout(3_000, items=2), checkout(3_000, 3_000, items=2, status="500")


def rows(page: str) -> list[list[str]]:
    """The cells of the table of what differs."""
    table = page.partition('<table class="compared">')[2].partition("</table>")[0]
    return [
        [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
        for row in re.findall(r"<tr class=.*?</tr>", table)
    ]


def test_what_an_upgrade_changed(root: Client, upgraded: tuple[uuid.UUID, uuid.UUID]) -> None:
    """Figures side by side, the finding that is new with its fix, and the receiver that runs twice."""
    before, after = upgraded
    page = text(root.get(f"/traces/{after}/?with={before}"))
    figures = re.findall(
        r'<th scope="row">([^<]*)</th><td class="value">([^<]*)</td><td class="value">(.*?)</td>', page
    )
    assert ("ended with", "302", "<b>500</b>") in figures
    assert ("operations", "3", "3") in figures
    assert ("calls of receivers", "1", "<b>2</b>") in figures
    assert ("queries of receivers", "2", "<b>4</b>") in figures
    assert f"{CRM} ran more than once for one signal of shop.Order." in page
    assert "dispatch_uid" in page
    assert rows(page) == [
        ["differs below", "updated shop.Order", "× 1 · 3.0 ms", "× 1 · 3.0 ms"],
        ["~differs", CRM, "× 1 · 3.0 ms · 2 queries", "× 2 · 6.0 ms · 4 queries"],
        ["the same", "… 1 the same", "", ""],
    ]
    assert f'href="/traces/{before}/?with={after}">Swap' in page
    assert "Nothing in common" not in page


def test_as_json(root: Client, upgraded: tuple[uuid.UUID, uuid.UUID]) -> None:
    """Flat lines with their levels, findings of one side only, and what is known of both."""
    before, after = upgraded
    told = root.get(f"/traces/{after}/?with={before}&format=json").json()
    assert (told["format"], told["in_common"], told["differs"]) == ("signal_log.comparison/1", True, True)
    assert [told[side]["id"] for side in ("before", "after")] == [str(before), str(after)]
    assert [told[side]["calls_of_receivers"] for side in ("before", "after")] == [1, 2]
    assert (told["before"]["telemetry"], told["before"]["whole"]) == ("complete", True)
    assert [one["id"] for one in told["findings"]["only_after"]] == [f"runs_twice:{CRM}"]
    assert told["findings"]["only_before"] == []
    (pair,) = told["traces"]
    assert [(one["level"], one["change"], one.get("name", one.get("number"))) for one in pair["lines"]] == [
        (0, "same", "updated shop.Order"), (1, "changed", CRM), (2, "same", 1),
    ]  # fmt: skip
    assert pair["lines"][1]["before"] == {"count": 1, "took_us": 3_000, "queries": 2, "runs": 1}


def test_as_text(root: Client, upgraded: tuple[uuid.UUID, uuid.UUID]) -> None:
    """What a colleague is sent."""
    before, after = upgraded
    answer = root.get(f"/traces/{after}/?with={before}&format=text")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    lines = text(answer).splitlines()
    assert lines[0].startswith(f"before  {NAME} · 20")
    assert lines[3] == f"        http://testserver/traces/{after}/"
    assert f"+ {CRM} ran more than once for one signal of shop.Order." in lines
    assert f"~   {CRM}   × 1 → × 2   3.0 → 6.0 ms   2 → 4 queries" in lines


def test_nothing_in_common_and_the_same_twice(root: Client) -> None:
    """Both are said, and the page still has what there is on each side."""
    one, other = checkout(3_000, items=0), checkout(items=0, sender="users.Profile", name="POST /profile/")
    page = text(root.get(f"/traces/{one}/?with={other}"))
    assert "Nothing in common" in page
    assert [row[:2] for row in rows(page)] == [
        ["-only before", "updated users.Profile"], ["+only after", "updated shop.Order"], ["+only after", CRM],
    ]  # fmt: skip
    assert "Nothing in common" in text(root.get(f"/traces/{one}/?with={other}&format=text"))
    assert root.get(f"/traces/{one}/?with={other}&format=json").json()["in_common"] is False
    page = text(root.get(f"/traces/{one}/?with={one}"))
    assert "the same trace twice" in page
    assert rows(page) == []


def test_what_cannot_be_compared_is_said(root: Client) -> None:
    """A trace that is gone or never was, no id at all, times that are not known, and parts of long traces."""
    one = checkout(3_000)
    for given, said in ((uuid.uuid4(), "retention period ended"), ("nonsense <b>", "“nonsense &lt;b&gt;” is not one")):
        answer = root.get(f"/traces/{one}/", {"with": str(given)})
        assert answer.status_code == 404
        assert said in text(answer)
        assert f'href="/traces/{one}/?with="' in text(answer)
    assert root.get(f"/traces/{uuid.uuid4()}/?with={one}").status_code == 404
    other = checkout(3_000)
    ReceiverCall.objects.filter(trace_id=other).delete()
    assert "not known before" in text(root.get(f"/traces/{one}/?with={other}"))
    assert "not known before" in text(root.get(f"/traces/{one}/?with={other}&format=text"))


def test_of_long_traces_the_first_parts_are_compared(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MAX_EVENTS", 4)
    monkeypatch.setattr(trace_compared, "MOST_ROWS", 1)
    one, other = checkout(3_000, items=3), checkout(3_000, 1, items=3)
    page = text(root.get(f"/traces/{one}/?with={other}"))
    assert "The trace before is long: what began up to position 4 of 8 is compared." in page
    assert len(rows(page)) == 1
    assert "and 2 more lines" in page


def test_another_of_the_same_name_is_chosen_from_a_list(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest first, each a link; or the id, or the address of the page, of any other."""
    older, one, newer, foreign = checkout(1), checkout(1), checkout(1, status="500"), checkout(1, name="POST /other/")
    assert 'href="?with=">Compare with…' in text(root.get(f"/traces/{one}/"))
    page = text(root.get(f"/traces/{one}/?with="))
    assert re.findall(r'href="[^"]*\?with=([^"]+)"', page) == [str(newer), str(older)]
    assert "500" in page
    for given in (str(foreign).upper(), f" http://testserver/traces/{foreign}/?all=1"):
        assert "POST /other/" in text(root.get(f"/traces/{one}/", {"with": given}))
    assert "no other trace of this name." in text(root.get(f"/traces/{foreign}/?with="))
    monkeypatch.setattr(query, "WINDOW", 2)
    monkeypatch.setattr(trace_compared, "WINDOW", 2)
    page = text(root.get(f"/traces/{one}/?with="))
    assert re.findall(r'href="[^"]*\?with=([^"]+)"', page) == [str(newer)]
    assert "Of the newest 2 traces." in page
    unknown = make_event()
    assert "is not known" in text(root.get(f"/traces/{unknown.trace_id}/?with="))


def test_two_rows_of_the_list_are_compared(root: Client) -> None:
    """The older one is the side before, in whichever order they were chosen; another number is refused in words."""
    older, newer = checkout(1), checkout(1)
    for chosen in ((older, newer), (newer, older)):
        answer = root.get("/traces/", {"sort": "duration", "compare": [str(one) for one in chosen]})
        assert (answer.status_code, answer["Location"]) == (302, f"/traces/{newer}/?with={older}")
    for given, said in (
        ([older], "Choose two traces to compare. Chosen: 1."),
        ([older, older], "Chosen: 1."),
        ([older, newer, checkout(1)], "Chosen: 3."),
        ([older, "<b>"], "no valid id"),
        ([older, uuid.uuid4()], "not kept any more"),
    ):
        page = text(root.get("/traces/", {"sort": "duration", "compare": [str(one) for one in given]}))
        assert said in page
        assert re.search(rf'value="{older}" checked', page)
        assert '<input type="hidden" name="sort" value="duration">' in page
