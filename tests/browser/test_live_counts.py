"""The live page's chart knows the ten minutes before the page opened, and counts nothing twice."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser import frames
from tests.browser.axe import violations


def test_the_chart_shows_what_happened_before_the_page_opened(own_site, visit):
    """The chart covers more events than the page receives when it opens, each operation once, and adds what follows."""
    own_site.run("for n in range(130): User.objects.create_user(f'earlier{n}')")
    live = visit(own_site).open("?sender=auth.User")
    chart = live.page.locator("#rate")
    expect(live.rows.first).to_be_visible()
    expect(chart).to_have_attribute("aria-label", re.compile(r"last 10 minutes: 13\d created"))
    label = str(chart.get_attribute("aria-label"))
    before = int(re.findall(r"(\d+) created", label)[0])
    assert 130 <= before <= 132  # the site's own people were created up to ten minutes ago
    expect(live.page.locator("#rate-note")).to_have_text("last 10 minutes")
    own_site.run("User.objects.create_user('after')")
    expect(chart).to_have_attribute("aria-label", re.compile(f"{before + 1} created"))
    live.press("p")  # they may have come fast enough to be grouped by the second
    for _ in range(3):  # older ones are read from the history, and are counted already
        live.press("End")
        live.page.wait_for_timeout(300)
    expect(live.page.locator("#end")).to_contain_text("No older event")
    live.page.wait_for_timeout(1100)  # the chart is redrawn every second
    expect(chart).to_have_attribute("aria-label", re.compile(f"{before + 1} created"))


def test_the_chart_zooms_out_to_the_whole_log_and_back(site, visit):
    """By keys and buttons; a failure is a series of its own, the legend filters, Back undoes a step."""
    site.run("""
        from datetime import timedelta
        from django.utils import timezone
        from tests.factories import make_event
        earlier = timezone.now() - timedelta(minutes=30)
        write_saves([f'hour{n}' for n in range(7)], occurred_at=earlier, sender="a.Zoomed")
        make_event(sender="a.Zoomed", signal="pre_save", position=1, outcome="failed", error="KeyError: 1")
        write_saves(['old'], occurred_at=timezone.now() - timedelta(days=50), sender="a.Zoomed")
    """)
    live = visit(site)
    # Each answer is awaited, or that of one span would be taken for that of the next.
    with live.page.expect_response(re.compile("format=marks")):
        live.open("?sender=a.Zoomed")
    chart, note = live.page.locator("#rate"), live.page.locator("#rate-note")
    expect(chart).to_have_attribute("aria-label", re.compile("10 minutes: 1 failed"))
    chart.focus()
    with live.page.expect_response(re.compile("format=marks")):
        live.press("-")
    expect(note).to_have_text("last 1 h")
    chart.evaluate("chart => chart.blur()")
    expect(chart).to_have_attribute("aria-label", re.compile("last 1 h: 7 created, 1 failed"))
    for words in ("last 6 h", "last 1 d", "last 7 d", "last 30 d", "the whole log"):
        with live.page.expect_response(re.compile("format=marks")):
            live.page.get_by_role("button", name="Zoom out").click()
        expect(note).to_have_text(words)
    expect(chart).to_have_attribute("aria-label", re.compile("whole log: 8 created, 1 failed"))
    chart.focus()
    live.press("End")
    expect(live.page.locator("#rate-tip")).to_contain_text("1 failed")
    expect(live.page.locator("#rate-tip")).to_contain_text("began to write")  # the server did, when she logged in
    expect(chart).to_have_attribute("aria-valuetext", re.compile("1 failed.*; process .* began to write"))
    live.page.go_back()
    expect(note).to_have_text("last 30 d")
    live.page.locator("#legend").get_by_role("button", name="failed").click()
    expect(live.rows).to_have_count(1)
    expect(live.rows.first).to_contain_text("KeyError")
    assert violations(live.page) == []


def test_the_chart_says_since_when_it_has_counted(site, visit):
    """If the server could not look back ten minutes, the page says so instead of drawing a quiet time."""
    live = visit(site, timezone_id="UTC")
    live.page.route_web_socket(
        "**/ws/events/",
        frames.answering(
            lambda socket, nth: (socket.send(frames.ready()), socket.send(frames.events([900], minute=9)))
        ),
    )
    frames.history(live.page, lambda query: {"older": 500})
    second = 1795356540  # 14:09 on that day
    frames.counts(live.page, [[second, 0, 7123, 0, 2, 1, 0]], since="2026-11-22T14:06:30Z", complete=False)
    live.open()
    expect(live.page.locator("#rate-note")).to_have_text("since 14:06")
    expect(live.page.locator("#rate")).to_have_attribute(
        "aria-label", re.compile("1 created, 7,123 updated, 2 rolled back, 1 failed")
    )
    assert live.page.locator("#rate-now").evaluate("one => one.scrollWidth <= one.clientWidth")


def test_facets_say_that_they_wait_for_the_log(site, visit):
    """While the page is cut off, what another view has cannot be counted, and nothing is at work on it."""
    live, sockets = visit(site), []

    def once(socket, nth):
        sockets.append(socket)
        if nth == 1:
            socket.send(frames.ready())
            socket.send(frames.events([900, 901]))

    live.page.route_web_socket("**/ws/events/", frames.answering(once))
    frames.history(live.page)
    live.open()
    known = live.page.locator(".facets-of").first
    expect(known).to_have_text("Operations in the last 10 minutes")
    live.expected.append("net::ERR_FAILED")
    live.page.route("**/events/?*", lambda route: route.abort())
    sockets[0].close(code=1006)
    expect(live.page.locator("#state-words")).to_have_text(re.compile("Reconnecting|Connecting"))
    live.press("/")
    live.page.keyboard.type("model:Nope")
    live.press("Enter")
    expect(known).to_have_text("Not counted yet: the log cannot be reached")


def test_what_is_not_counted_yet_has_no_number_and_no_time(site, visit):
    """Until the counts are there the foot says what the list holds, and a range of unknown times cannot be asked."""
    live = visit(site, timezone_id="UTC")
    ready = frames.answering(lambda socket, nth: (socket.send(frames.ready()), socket.send(frames.events([900, 901]))))
    live.page.route_web_socket("**/ws/events/", ready)
    frames.history(live.page)
    held = []

    def hold(route):
        held.append(route)

    live.page.route("**/events/?*format=facets*", hold)
    live.open()
    foot = live.page.locator("#status-bar")
    expect(foot).to_contain_text(re.compile(r"^\s*2 listed"))
    while held:
        held.pop().fallback()
    expect(foot).to_contain_text("2 operations in the last 10 minutes · 2 listed")
    known = live.page.locator(".facets-of").first
    expect(known).to_have_text("Operations in the last 10 minutes")
    live.press("/")
    live.page.keyboard.type("model:Nope")
    live.press("Enter")  # the numbers of the last view do not pass for those of this one
    expect(known).to_have_text("Counting…")
    expect(live.page.locator("#facets")).to_have_class(re.compile(r"\bold\b"))
    expect(foot).not_to_contain_text("operations in")
    live.page.goto(f"{site.url}/?since=now-36500d")
    expect(live.page.locator("#rate-note")).to_have_text("counting…")
    live.page.locator("#rate").hover()
    live.page.mouse.down()
    live.page.mouse.up()
    expect(live.page.locator("#rate-tip")).to_be_hidden()
    assert "1970" not in live.page.url
    while held:
        held.pop().fallback()
