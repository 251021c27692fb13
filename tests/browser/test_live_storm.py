"""With too many events to read, the page summarises them by the second and keeps every event within reach."""

from __future__ import annotations

import json
import re
import threading

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations

pytestmark = pytest.mark.long
STORM = """
    import contextlib, itertools, time
    from django.db import IntegrityError, transaction
    stormy = User.objects.get(username='stormy')
    end = time.time() + 7
    for turn in itertools.takewhile(lambda _: time.time() < end, itertools.count()):
        if turn % 20 == 0:
            with contextlib.suppress(IntegrityError): User(username='stormy', password='!').save()
        with transaction.atomic():  # several times as many as with a COMMIT for each
            for n in range(25): User.objects.filter(pk=stormy.pk).first().save()
        time.sleep(.05)
"""

# Expandable rows belong in a treegrid, from the moment they exist.
WATCH_THE_ROLE = """new MutationObserver(() => {
    const opens = document.querySelector("#rows .row.second:not([hidden])");
    if (opens && grid.role !== "treegrid") console.error("a row that opens, in a " + grid.role);
}).observe(document.getElementById("rows"), { subtree: true, childList: true, attributes: true })"""


@pytest.fixture
def storm(own_site):
    """Make several hundred saves a second for seven seconds."""
    own_site.run("User(username='stormy', password='!').save()")
    thread = threading.Thread(target=own_site.run, args=(STORM,))
    yield thread
    thread.join()


NUMBERS = """async () => {
    const numbers = (text) => [...text.matchAll(/[\\d,]+/g)].map(([found]) => Number(found.replaceAll(",", "")));
    const sum = (all) => all.reduce((a, b) => a + b, 0);
    const facet = (name) => {
        const list = [...document.querySelectorAll("#facets h2")].find((one) => one.textContent === name);
        return sum([...list.nextElementSibling.querySelectorAll(".include span:last-child")]
            .flatMap((one) => numbers(one.textContent)));
    };
    const rate = document.getElementById("rate");
    const shown = {
        chart: sum(numbers(rate.getAttribute("aria-label").split(". ")[0].split(": ").at(-1))),
        figure: numbers(document.getElementById("rate-now").textContent)[0],
        outcomes: facet("outcome"), models: facet("model"), sources: facet("source"),
        foot: numbers(document.querySelector("#status-bar span").textContent)[0],
    };
    const query = new URLSearchParams(location.search);
    query.set("format", "facets");
    return { shown, told: (await (await fetch(`/events/?${query}`)).json()).total };
}"""


def assert_numbers_agree(live, but=""):
    """Chart, its figure, facets and foot all say what the server counts; a facet that is filtered by says more."""
    for _ in range(20):
        numbers = live.page.evaluate(NUMBERS)
        if {number for name, number in numbers["shown"].items() if name != but} == {numbers["told"]}:
            return numbers["told"]
        live.page.wait_for_timeout(500)
    raise AssertionError(json.dumps(numbers))


def test_a_storm_is_summarised_by_the_second_and_every_event_can_be_reached(own_site, visit, storm):
    """Each second says what failed and how many operations there were; opening it or pausing shows them."""
    live = visit(own_site).open()
    expect(live.rows.first).to_be_visible()
    live.page.evaluate(WATCH_THE_ROLE)
    storm.start()
    second = live.page.locator("#rows .row.second:not([hidden])")
    expect(second.nth(2)).to_be_visible(timeout=10_000)
    expect(second.nth(2)).to_have_text(
        re.compile(r"^\d\d:\d\d:\d\d▸[\d,]+ operations(\d+ User failed)?\d+ User updated")
    )
    expect(live.page.locator("#status-bar")).to_contain_text(
        re.compile(r"1 row per second of [\d,]+ · [\d,]+ operations grouped")
    )
    expect(live.page.locator("#follow-word")).to_have_text("Following")
    assert violations(live.page) == []
    opened = second.filter(has_text=second.nth(1).locator("time").inner_text())
    opened.click()
    expect(opened).to_have_attribute("aria-expanded", "true")
    expect(live.row("stormy").first).to_be_visible()
    expect(live.page.locator("#follow-word")).to_have_text("Follow")
    live.row("stormy").first.click()
    expect(live.page.locator("#detail h2")).to_contain_text("stormy")
    live.press("Escape", "f")
    expect(second.first).to_be_visible()
    live.page.get_by_role("button", name="Show every operation").click()
    expect(second).to_have_count(0)
    expect(live.row("stormy").first).to_be_visible()
    storm.join()
    live.press("f")
    expect(second).to_have_count(0, timeout=15_000)
    expect(live.row("stormy").first).to_be_visible()
    everything = assert_numbers_agree(live)
    failed = live.page.locator(".facet").filter(has_text=re.compile("^failed"))
    outcomes = live.page.locator("#facets ul").first.inner_text()
    number = int(failed.locator(".include span").last.inner_text())
    failed.locator(".include").click()
    total = f"{number} operation{'s' * (number != 1)} in the last 10 minutes"
    expect(live.page.locator("#status-bar")).to_contain_text(total)
    assert assert_numbers_agree(live, but="outcomes") == number < everything
    assert live.page.locator("#facets ul").first.inner_text().replace("✓ ", "") == outcomes


def test_scrolling_in_a_storm_moves_nothing_under_the_reader(own_site, visit, storm):
    """A reader who scrolls keeps the list as it was."""
    own_site.run("for n in range(60): User(username=f'calm{n}', password='!').save()")
    live = visit(own_site, viewport={"width": 1440, "height": 500}).open()
    second = live.page.locator("#rows .row.second:not([hidden])")
    live.page.wait_for_timeout(3000)  # those sixty are no longer new
    storm.start()
    expect(second.nth(1)).to_be_visible(timeout=10_000)
    live.page.locator("#grid").hover()
    live.page.mouse.wheel(0, 60)
    expect(live.page.locator("#follow-word")).to_have_text("Follow")
    before = live.texts("time")
    live.page.wait_for_timeout(1200)
    assert live.texts("time") == before
