"""The panel and the strip on pages that are not ours: nonces alone, htmx, async views, long redirects, other tabs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.live_site import Database, Site, copied

CLIPBOARD = ["clipboard-read", "clipboard-write"]


@pytest.fixture(scope="module")
def workshop(site_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose policy allows scripts and styles with the page's nonce, and nothing else."""
    running = Site(
        copied(site_database, tmp_path_factory.mktemp("workshop")),
        DJANGO_SETTINGS_MODULE="tests.browser.workshop", DEBUG_TOOLBAR="1", POLICY="nonce",
    )  # fmt: skip
    yield running
    running.close()


def strip(page: Page) -> Any:
    """Find the strip's lines."""
    return page.locator("#signal-log-strip li")


def open_panel(page: Page) -> Any:
    """Open the toolbar's panel of signals."""
    if page.locator("#djShowToolBarButton").is_visible():
        page.locator("#djShowToolBarButton").click()
    page.locator("#djdt-SignalLogPanel a").first.click()
    return page.locator("#SignalLogPanel")


def submit(page: Page, site: Site, name: str) -> None:
    """Post one of the workshop's forms."""
    page.goto(f"{site.url}/workshop/")
    page.get_by_role("button", name=f"/workshop/{name}/").click()


def test_htmx_tells_in_the_strip(workshop: Site, visit: Any) -> None:
    """A swap adds a line; after HX-Redirect the next page says what was before it."""
    page = visit(workshop).page
    page.goto(f"{workshop.url}/workshop/")
    page.get_by_role("button", name="htmx", exact=True).click()
    expect(page.locator("#said")).to_have_text("2 done")
    expect(strip(page)).to_have_text(re.compile(r"^POST /workshop/save/2/: 2 operations, \d+ ms →$"))
    page.get_by_role("button", name="htmx redirect").click()
    # In a list: until the next page is there, the strip may have a second line, of the POST itself.
    expect(strip(page)).to_have_text([re.compile(r"^The POST before this: 3 operations, .+; made a Group →$")])


@pytest.mark.parametrize(
    "script", ["", "window.PerformanceObserver = class { observe() {} }"], ids=["told", "not told"]
)
def test_a_boosted_body_has_its_own_strip(workshop: Site, visit: Any, script: str) -> None:
    """It says once what was before it, whether or not the browser has told of the request by then."""
    live = visit(workshop)
    page = live.page
    page.add_init_script(script)
    page.goto(f"{workshop.url}/workshop/")
    live.expected += ["directive: \"style-src 'nonce-", "CSP style-src-elem"]  # the new body's nonce is not the page's
    page.get_by_role("button", name="boosted").click()
    expect(strip(page)).to_have_text([re.compile(r"^The POST before this: 4 operations, .+; made a Group →$")])
    expect(page.locator("#signal-log-strip section")).to_have_css("position", "fixed")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#signal-log-strip")).to_be_hidden()


def test_a_long_chain_and_a_post_that_fired_nothing(workshop: Site, visit: Any) -> None:
    """The last five of a chain of redirects; the page after a POST without signals says so."""
    page = visit(workshop).page
    submit(page, workshop, "hop/7")
    expect(strip(page)).to_have_count(5)
    submit(page, workshop, "nothing")
    expect(strip(page)).to_have_text("The POST before this fired no signals")


def test_parallel_async_requests_tell_their_own(workshop: Site, visit: Any) -> None:
    """Two that wait for each other, under daphne: each answer counts what it saved itself."""
    page = visit(workshop).page
    page.goto(f"{workshop.url}/workshop/")
    page.evaluate("Promise.all([2, 5].map(async (n) => (await fetch(`/workshop/meet/${n}/`)).json()))")
    for number in (2, 5):
        told = strip(page).filter(has_text=f"/workshop/meet/{number}/")
        expect(told).to_have_text(re.compile(rf"/workshop/meet/{number}/: {number} operations, \d+ ms →$"))


def test_another_tab_takes_nothing(workshop: Site, visit: Any) -> None:
    """Its script asks all the time, even for the address that the redirect leads to."""
    page = visit(workshop).page
    page.goto(f"{workshop.url}/workshop/")
    other = page.context.new_page()
    other.goto(f"{workshop.url}/workshop/")
    # One after the other: what a slow server has not answered would stand before the navigation, which waits for it.
    other.evaluate("void (async () => { for (;;) await (await fetch('/workshop/')).text(); })()")
    page.get_by_role("button", name="/workshop/save/1/").click()
    expect(strip(page)).to_have_text(re.compile(r"^The POST before this: 1 operation, "))
    expect(strip(other)).to_have_count(0)


def test_the_panel_copies_and_opens_code(workshop: Site, visit: Any) -> None:
    """With its styles although the policy allows only nonces; as text, as a test; lines of code open in an editor."""
    live = visit(workshop, permissions=CLIPBOARD, color_scheme="dark")
    page = live.page
    page.goto(f"{workshop.url}/workshop/faults/?go=page")
    panel = open_panel(page)
    expect(panel.locator(".sl-bar")).to_have_css("display", "flex")
    expect(panel.locator(".sl-signals summary").first).to_have_text(re.compile(r"\d+ fields"))
    expect(panel.locator("tr.sl-wrong").last).to_contain_text("failed to create auth.User")
    panel.get_by_role("button", name="Copy as text").click()
    expect(panel.locator("[data-said]")).to_have_text("Copied as text")
    assert "created auth.User" in page.evaluate("navigator.clipboard.readText()")
    panel.get_by_role("link", name="Copy as pytest").click()
    expect(panel.locator("[data-said]")).to_have_text("Copied as pytest")
    assert "def test_" in page.evaluate("navigator.clipboard.readText()")
    panel.get_by_label("Open code in").select_option("PyCharm")
    place = panel.get_by_role("link", name="open", exact=True).first
    expect(place).to_have_attribute("href", re.compile(r"^pycharm://open\?file=/.+/tests/browser/.+\.py&line=\d+$"))
    live.expected += ["Applying inline style", "CSP style-src"]  # axe, inside shadow roots
    assert [one for one in violations(page) if "sl-" in one and not one.startswith("region")] == []


def test_the_panel_records_this_browser(workshop: Site, visit: Any) -> None:
    """A click starts a session and another stops it, on the page that one is on; a name that is taken is said."""
    live = visit(workshop)
    live.expected.append("400 (Bad Request)")  # the name that is taken
    page = live.page
    page.goto(f"{workshop.url}/workshop/")
    panel = open_panel(page)
    panel.get_by_label("Session").fill("from the panel")
    panel.get_by_role("button", name="Record this browser").click()
    expect(panel.locator(".sl-rec")).to_contain_text("recording “from the panel” in this browser")
    submit(page, workshop, "save/1")
    page.goto(f"{workshop.url}/workshop/")
    expect(page.locator("#djdt-SignalLogPanel")).to_contain_text("recorded")
    panel = open_panel(page)
    session = panel.locator(".sl-rec a").get_attribute("href")
    panel.get_by_role("button", name="Stop").click()
    panel.get_by_label("Session").fill("from the panel")
    panel.get_by_role("button", name="Record this browser").click()
    expect(panel.get_by_role("alert")).to_contain_text("There is already a session")
    page.goto(f"{workshop.url}{session}")
    expect(page.get_by_role("link", name="POST /workshop/save/1/").first).to_be_visible()


def test_what_the_toolbar_has_forgotten_is_in_the_log(workshop: Site, visit: Any) -> None:
    """Its store keeps a few requests: the panel of an older page is empty, the strip leads to the trace."""
    page = visit(workshop).page
    submit(page, workshop, "save/1")
    expect(strip(page)).to_have_count(1)
    page.evaluate("Promise.all([...Array(8)].map(() => fetch('/workshop/nothing/')))")
    expect(open_panel(page)).to_contain_text("isn't available anymore")
    page.keyboard.press("Escape")
    strip(page).get_by_role("link").click()
    expect(page.locator("main")).to_contain_text("auth.Group")
