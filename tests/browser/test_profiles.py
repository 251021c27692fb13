"""What one test's browser has stored is gone in the next, except for static files."""

from __future__ import annotations

from typing import Any

from tests.browser.live_site import OBSERVER, visiting

STORE = "localStorage.setItem('left', 'behind'); document.cookie = 'left=behind'; indexedDB.open('left')"
LEFT = "async () => [localStorage.length, (await indexedDB.databases()).length, document.cookie.includes('left')]"
FETCHED = """() => performance.getEntriesByType('resource').filter(
  (one) => one.name.includes('/static/') && one.transferSize).map((one) => one.name)"""


def test_a_profile_that_is_shared_keeps_static_files_alone(browser: Any, site: Any) -> None:
    """A second visit asks for no file of the first, and finds nothing that it has stored; nor is anybody logged in."""
    with visiting(browser, site, OBSERVER) as first:
        first.open()
        first.page.evaluate(STORE)
        fetched = set(first.page.evaluate(FETCHED))
        assert len(fetched) > 50
    with visiting(browser, site, None) as second:
        second.page.goto(f"{site.url}/accounts/login/")
        assert second.page.evaluate(LEFT) == [0, 0, False]
        assert "sessionid" not in {cookie["name"] for cookie in second.page.context.cookies()}
        second.page.context.add_cookies(site.cookies(OBSERVER))
        second.open()
        assert fetched.isdisjoint(second.page.evaluate(FETCHED))  # the first may have left before the last were there
