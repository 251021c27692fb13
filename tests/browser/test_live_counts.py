"""The live page's chart knows the ten minutes before the page opened, and counts nothing twice."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser import frames


def test_the_chart_shows_what_happened_before_the_page_opened(own_site, visit):
    """The chart covers more events than the page receives when it opens, each operation once, and adds what follows."""
    own_site.run("for n in range(130): User.objects.create_user(f'earlier{n}')")
    live = visit(own_site).open("?sender=auth.User")
    chart = live.page.locator("#rate")
    expect(live.rows.first).to_be_visible()
    expect(chart).to_have_attribute("aria-label", re.compile(r"ten minutes: 13\d created"))
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
    frames.counts(live.page, [[second, 0, 7, 0, 2, 1, 0]], since="2026-11-22T14:06:30Z", complete=False)
    live.open()
    expect(live.page.locator("#rate-note")).to_have_text("since 14:06")
    expect(live.page.locator("#rate")).to_have_attribute(
        "aria-label", re.compile("1 created, 7 updated, 3 rolled back or failed")
    )
