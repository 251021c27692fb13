"""Going back in time on the live page: past the backfill, by the chart, by the address."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser import frames

AT_END = "grid.scrollTop + grid.clientHeight >= grid.scrollHeight - 1"


def scrolled_names(live: Any, until: str) -> list[str]:
    """Return the objects of all rows, newest first, read while scrolling down to a text at the end."""
    names: list[str] = []
    for _ in range(200):
        at_end = live.page.evaluate(AT_END)
        names += [name for name in live.texts(".obj") if name not in names]
        if at_end and until in live.page.locator("#end").inner_text():
            return names
        live.page.locator("#grid").hover()
        live.page.mouse.wheel(0, 500)
        live.page.wait_for_timeout(60)
    raise AssertionError(f"never reached {until!r}, but {live.page.locator('#end').inner_text()!r}")


def test_scrolling_past_the_backfill_goes_back_to_the_beginning(own_site, visit):
    """Every event of the log is met once, in order, while new ones arrive, and the page says where the log begins."""
    own_site.run("write_saves(f'old{n:03}' for n in range(700))")
    live = visit(own_site).open("?sender=auth.User&signal=post_save")
    # This is a storm, grouped by the second until a while after it is over.
    expect(live.row("old699")).to_be_visible(timeout=20_000)
    live.page.locator("#grid").hover()
    live.page.mouse.wheel(0, 100)
    own_site.run("User.objects.create_user('newer1')")
    expect(live.page.locator("#new")).to_have_text("1 new operation")
    names = [name.split()[-1] for name in scrolled_names(live, "No older events match")]
    old = [name for name in names if name.startswith("old")]
    assert old == [f"old{n:03}" for n in range(699, -1, -1)]
    assert "newer1" not in names
    expect(live.page.locator("#new")).to_have_text("1 new operation")
    expect(live.page.locator("#status-bar")).to_contain_text(re.compile(r"· 70[3-9] listed"))


def test_the_place_is_kept_while_older_ones_come(own_site, visit):
    """What the reader looks at stays in place."""
    live = visit(own_site)
    live.page.route_web_socket(
        "**/ws/events/",
        frames.answering(
            lambda socket, nth: [socket.send(frames.ready()), socket.send(frames.events(range(900, 1000)))]
        ),
    )

    def answer(query: dict[str, list[str]]) -> dict[str, Any]:
        before = int(query["before"][0])
        low = max(800, before - 50)
        return {
            "events": [frames.event(n, 1) for n in range(before - 1, low - 1, -1)],
            "older": low if low > 800 else None,
        }

    frames.history(live.page, answer)
    live.page.goto(own_site.url)
    expect(live.row("u999")).to_be_visible()
    live.press("G")
    expect(live.row("u900")).to_be_visible()
    top = live.row("u900").bounding_box()
    expect(live.page.locator("#status-bar")).to_contain_text("150 listed")
    assert live.row("u900").bounding_box() == top
    assert names_in_view(live)[-1] != "u900"
    live.press("G")
    live.press("G")
    expect(live.page.locator("#end")).to_have_text("Beginning of the log")


def names_in_view(live: Any) -> list[str]:
    return [name.split()[-1] for name in live.texts(".obj")]


def test_a_failure_to_load_older_events_is_reported_and_retried(own_site, visit):
    """A server in trouble does not look like the end of the log."""
    live = visit(own_site)
    live.expected.append("500")
    trouble = True
    live.page.route(
        "**/events/?*format=json*", lambda route: route.fulfill(status=500) if trouble else route.fallback()
    )
    live.page.goto(own_site.url)
    expect(live.page.locator("#end")).to_contain_text(
        "Could not load older events: the server responded with status 500"
    )
    trouble = False
    live.page.get_by_role("button", name="Try again").click()
    expect(live.page.locator("#end")).to_have_text("Beginning of the log")


def brush(live: Any, start: float, end: float) -> None:
    """Drag over the chart, from one part of its width to another."""
    box = live.page.locator("#rate").bounding_box()
    y = box["y"] + box["height"] / 2
    live.page.mouse.move(box["x"] + box["width"] * start, y)
    live.page.mouse.down()
    live.page.mouse.move(box["x"] + box["width"] * end, y, steps=5)
    live.page.mouse.up()


def test_dragging_over_the_chart_shows_that_time_and_esc_what_comes(site, visit):
    """The range is read from the table, is in the address as the history accepts it, and ends with Esc."""
    site.run("User.objects.create_user('brushed1')")
    live = visit(site).open()
    expect(live.row("brushed1").first).to_be_visible()
    brush(live, 0.2, 0.4)
    expect(live.page.locator("#empty-state")).to_contain_text("No events in this time range")
    assert re.search(r"since=.*Z&until=.*999999Z", live.page.url)
    expect(live.page.locator("#pills .time")).to_contain_text(re.compile(r"time .*\d\d:\d\d.* . .*\d\d:\d\d"))
    expect(live.state()).to_have_text("Time range")
    live.press("Escape")
    expect(live.row("brushed1").first).to_be_visible()
    assert "since" not in live.page.url
    expect(live.state()).to_have_text(re.compile("^Live"))
    brush(live, 0.5, 0.999)
    expect(live.row("brushed1").first).to_be_visible()
    site.run("User.objects.create_user('brushed2')")
    expect(live.page.locator("#new")).to_have_text(re.compile("new operations?$"))
    live.page.locator("#new").click()
    expect(live.row("brushed2").first).to_be_visible()
    assert "since" not in live.page.url
    live.page.go_back()
    expect(live.page.locator("#pills .time")).to_be_visible()


def test_a_range_is_chosen_by_keys_too(site, visit):
    """Arrows move along the bars and announce them, Shift extends the range, Enter shows it; a click takes one bar."""
    site.run("User.objects.create_user('keyed1')")
    live = visit(site).open()
    expect(live.row("keyed1").first).to_be_visible()
    chart = live.page.get_by_role("slider")
    expect(chart).to_have_attribute("aria-label", re.compile("[0-9] created"))  # before that there is nothing to choose
    chart.focus()
    live.press("ArrowLeft", "ArrowLeft")
    expect(chart).to_have_attribute("aria-valuetext", re.compile(r"^\d\d:\d\d:\d\d "))
    live.press("Shift+Home", "Enter")
    expect(live.page.locator("#pills .time")).to_be_visible()
    since, until = re.findall(r"T(\d\d)%3A(\d\d)%3A(\d\d)", live.page.url)
    span = (int(until[0]) * 3600 + int(until[1]) * 60 + int(until[2])) - (
        int(since[0]) * 3600 + int(since[1]) * 60 + int(since[2])
    )
    assert 580 < span % 86400 < 600
    live.press("Escape")
    expect(live.page.locator("#pills .time")).to_have_count(0)
    chart.click(position={"x": 30, "y": 20})
    expect(live.page.locator("#pills .time")).to_be_visible()


def test_a_shared_address_shows_the_same_time(site, visit):
    """Times are parsed as by the history, even without a zone, and matching new events appear."""
    site.run("User.objects.create_user('ranged1')")
    live = visit(site).open("?since=2020-01-01&object=ranged")
    expect(live.row("ranged1").first).to_be_visible()
    expect(live.page.locator("#end")).to_have_text("No older events in this time range")
    site.run("User.objects.create_user('ranged2')")
    expect(live.row("ranged2").first).to_be_visible()
    live.page.locator("#status-bar").get_by_role("link", name="History").click()
    assert "since=2020-01-01" in live.page.url
    live.page.goto(f"{site.url}/?since=2020-01-01&until=2020-01-02")
    expect(live.page.locator("#empty-state")).to_contain_text("No events in this time range")
    live.page.locator("#empty-state").get_by_role("button").click()
    expect(live.row("ranged2").first).to_be_visible()


@pytest.mark.parametrize("address", ["?since=yesterday", "?since=2026-01-02&until=2026-01-01"])
def test_an_invalid_time_is_reported(site, visit, address):
    """The message is the server's, and the page goes on."""
    live = visit(site)
    live.expected.append("400 (Bad Request)")
    live.open(address)
    expect(live.page.locator("#end")).to_contain_text(re.compile("'since'"))
