"""The debug toolbar in a real browser: the page after a form says what the form fired, and one click shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.live_site import Database, Site, copied


class WithToolbar(Site):
    """A site in development."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, DEBUG_TOOLBAR="1")


@pytest.fixture(scope="module")
def toolbar_site(site_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for this module."""
    running = WithToolbar(copied(site_database, tmp_path_factory.mktemp("toolbar")))
    yield running
    running.close()


def strip(page: Page) -> Any:
    """Find the strip's lines."""
    return page.locator("#signal-log-strip li")


def test_the_next_page_says_what_the_form_fired(toolbar_site: Site, visit: Any) -> None:
    """The page after the redirect tells it, a reload does not, and one click shows the tree."""
    live = visit(toolbar_site, viewport={"width": 390, "height": 800})
    page = live.page
    page.goto(f"{toolbar_site.url}/accounts/profile/")
    page.fill("main [name=name]", "Mira M.")
    page.locator("main form button[type=submit]").click()
    said = re.compile(r"^The POST before this: 2 operations, [\d.]+ m?s; sync_user changed a User →$")
    expect(strip(page)).to_have_text([said])
    live.expected += ["Applying inline style", "CSP style-src"]  # axe, inside shadow roots
    assert [one for one in violations(page) if "djd" not in one.lower()] == []
    link = strip(page).get_by_role("link")
    address = link.get_attribute("href")
    page.reload()
    expect(strip(page)).to_have_count(0)
    page.goto(f"{toolbar_site.url}{address}")
    expect(page.locator("main")).to_contain_text("sync_user")


def test_one_click_leads_to_the_tree_and_a_second_copies_a_test(toolbar_site: Site, visit: Any) -> None:
    """An observer edits the profile and follows the strip; what a page's own script posts is added to the strip."""
    page = visit(toolbar_site, permissions=["clipboard-read", "clipboard-write"]).page
    page.goto(f"{toolbar_site.url}/accounts/profile/")
    page.evaluate("""async () => {
        const form = new FormData(document.querySelector("main form"));
        form.set("location", "London");
        const answer = await fetch("", { method: "POST", body: form });
        await answer.text();
    }""")
    told = strip(page).filter(has_text="POST /accounts/profile/")
    expect(told).to_have_text(re.compile(r"^(POST )?/accounts/profile/: \d operations?, \d+ ms →$"))
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#signal-log-strip")).to_be_hidden()
    page.fill("main [name=name]", "Mira of the sky")
    page.locator("main form button[type=submit]").click()
    strip(page).get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"/traces/[0-9a-f-]{36}/$"))
    expect(page.locator("main")).to_contain_text("sync_user")
    expect(page.locator("#signal-log-copied")).to_be_attached()  # its script runs
    page.get_by_role("link", name="Copy as pytest").click()
    expect(page.locator("#signal-log-copied")).to_have_text("Copied as pytest")
    written = page.evaluate("navigator.clipboard.readText()")
    assert "def test_" in written
    assert "sync_user → updated auth.User (first_name)" in written
    told = page.evaluate(PIN)
    assert re.search(r"1 operation [0-9a-f-]{36}", told)
    expect(strip(page).filter(has_text="/notes/")).to_have_count(0)  # the log's own request


PIN = """async () => {
  const { events } = await (await fetch("/events/?format=json")).json();
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  const address = `/events/${events[0].id}/notes/`;
  const seen = new Promise((resolve) =>
    new PerformanceObserver((entries) => {
      const entry = entries.getEntries().find(({ name }) => name.endsWith("/notes/"));
      if (entry) requestAnimationFrame(() => resolve(entry.serverTiming.map((one) => one.description).join()));
    }).observe({ type: "resource" }));
  const answer = await fetch(address, {
    method: "POST", body: new URLSearchParams({ pin: "1", csrfmiddlewaretoken: token }),
    headers: { Accept: "application/json" },
  });
  if (!answer.ok) throw new Error(`${answer.status}`);
  await answer.text();
  return seen;
}"""


def test_the_panel_opens_the_request_before(toolbar_site: Site, visit: Any) -> None:
    """The page's own request fired nothing; the toolbar's history switches to the POST, as a tree."""
    page = visit(toolbar_site, permissions=["clipboard-read", "clipboard-write"]).page
    page.goto(f"{toolbar_site.url}/accounts/profile/")
    page.fill("main [name=name]", "Mira of the panel")
    page.locator("main form button[type=submit]").click()
    expect(strip(page)).to_have_count(1)
    page.locator("#djShowToolBarButton").click()
    page.locator("#djdt-SignalLogPanel a").first.click()
    expect(page.locator("#SignalLogPanel .sl-before")).to_contain_text("The POST before this fired 2 operations")
    page.locator("#djdt-HistoryPanel a").first.click()
    posts = page.locator("#HistoryPanel tr", has_text="POST").filter(has_text="/accounts/profile/")  # of others, too
    posts.first.get_by_role("button", name="Switch").click()
    expect(page.locator("#djdt-SignalLogPanel")).to_contain_text("4 signals")
    page.locator("#djdt-SignalLogPanel a").first.click()
    rows = page.locator("#SignalLogPanel .sl-signals tbody tr")
    expect(rows.filter(has_text="sync_user").first).to_be_visible()
    expect(rows.filter(has_text="updated auth.User").locator("rect")).to_have_count(1)
    rows.locator(".sl-place").first.click()
    expect(page.locator("#SignalLogPanel [data-said]")).to_have_text(re.compile(r"^Copied users/\w+\.py:\d+$"))
    page.get_by_role("button", name="Copy as text").click()
    expect(page.locator("#SignalLogPanel [data-said]")).to_have_text("Copied as text")
    assert "sync_user → updated auth.User" in page.evaluate("navigator.clipboard.readText()")
