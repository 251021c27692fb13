"""Every page in a real browser, light and dark, wide and narrow: accessible, within the window, and quiet."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from django.urls import resolve
from playwright.sync_api import expect

import users.urls
from signal_log import urls
from tests.browser.live_site import STRANGER, Site, copied
from tests.browser.look import IS_WITHIN, look
from tests.browser.pages import ADMIN, ANONYMOUS, AUDIT, DEBUGGING, HISTORY, LIVE, NO_PAGES, OWN, PAGES, fill
from tests.browser.pages import visit as open_page

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def site(site_database: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running site that shows two more logs, one of which has no pages of its own."""
    folder = tmp_path_factory.mktemp("site")
    logs = {}
    for name, url in (("b", "https://b.example/signals/"), ("c", "")):
        (folder / name).mkdir()
        other = copied(site_database, folder / name)
        with closing(sqlite3.connect(other)) as connection, connection:
            connection.execute("UPDATE signal_log_logidentity SET value = ?", [name * 32])
        logs[name * 32] = {"database": f"sqlite:///{other}", "url": url}
    running = Site(copied(site_database, folder), LOGS=json.dumps(logs))
    yield running
    running.close()


@pytest.fixture(scope="module")
def facts(site: Any) -> dict[str, Any]:
    """What the addresses of the pages need, on a log with something for each."""
    return fill(site)


def test_no_page_is_forgotten() -> None:
    """Each address of the app and of the accounts is visited below, or is no page."""
    nothing: dict[str, Any] = dict.fromkeys(("event", "ada", "gone", "before", "after", "caught"), 1)
    nothing |= dict.fromkeys(("trace", "first", "second"), "9d1b2c1e-0000-7000-8000-000000000000")
    addresses = [address.format(**nothing).partition("?")[0] for address in (PAGES | OWN | ANONYMOUS).values()]
    visited = {resolve(address, "observatory.urls").url_name for address in addresses}
    named = {pattern.name for pattern in (*urls.urlpatterns, *users.urls.urlpatterns)}
    assert named - visited == NO_PAGES


@pytest.mark.parametrize("pages", [LIVE, HISTORY, DEBUGGING, AUDIT], ids=["live", "history", "debugging", "audit"])
def test_every_page_of_the_log(site: Any, visit: Any, facts: dict[str, Any], pages: dict[str, str]) -> None:
    """Nothing is wider than the window, no script from the log runs, and neither axe nor the browser complains."""
    reader = visit(site, reduced_motion="reduce")
    reader.expected += ["400 (Bad Request)", "404 (Not Found)"]
    found = []
    for name, address in pages.items():
        open_page(reader.page, site.url + address.format(**facts))
        assert reader.page.evaluate("window.broken") is None, name
        found += look(reader.page, name)
    assert not found, "\n".join(found)


def test_the_list_of_several_logs_goes_by_keys(site: Any, visit: Any) -> None:
    """A row opens where its event has a page, else in its place, and is told to who listens."""
    page = visit(site).page
    page.goto(f"{site.url}/logs/?q=eve&every=1")
    expect(page.locator(".whole").first).to_be_attached()
    rows = page.locator("[data-walk] > tbody > tr:not(.day)")
    places = [index for index in range(rows.count()) if rows.nth(index).locator(".whole").count()]
    for _ in range(places[0] + 1):
        page.keyboard.press("j")
    expect(rows.nth(places[0]).locator("summary")).to_be_focused()
    page.keyboard.press("o")
    expect(rows.nth(places[0]).locator("dd").first).to_be_visible()
    assert {
        link.partition("/events/")[0] for link in page.locator("td.t a").evaluate_all("all => all.map(a => a.href)")
    } == {
        site.url,
        "https://b.example/signals",
    }
    page.locator("td.a [data-way]").first.click()
    expect(page.locator(".ways a").first).to_have_attribute("href", re.compile("^/logs/"))


def test_pages_of_the_log_in_the_admin_fit(site: Any, visit: Any, facts: dict[str, Any]) -> None:
    """Within Django's own frame, which has violations of its own, nothing is too wide and no script runs."""
    page = visit(site).page
    for name, address in ADMIN.items():
        page.goto(site.url + address.format(**facts))
        for width in (390, 1440):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate(IS_WITHIN), (name, width)
        assert page.evaluate("window.broken") is None, name


def test_every_page_of_the_accounts(site: Any, visit: Any) -> None:
    """The same, also of each form with a mistake in it."""
    reader = visit(site, STRANGER, reduced_motion="reduce")
    page, found = reader.page, []
    for name, address in [*OWN.items(), ("", ""), *ANONYMOUS.items()]:
        if not name:
            page.context.clear_cookies()
            continue
        page.goto(site.url + address)
        found += look(page, name)
        if page.locator("main form").count():
            page.evaluate("for (const form of document.forms) form.noValidate = true")
            if page.locator("main [name=email]").count():
                page.fill("main [name=email]", "nope")
            page.locator("main form button[type=submit]").click()
            expect(page.get_by_role("alert")).to_be_visible()
            found += look(page, f"{name}-wrong")
    assert not found, "\n".join(found)
