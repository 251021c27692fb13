"""Counts the steps that an answer takes from the live page on, with the mouse or with the keyboard alone."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.live_site import LivePage

MOST_TABS = 60
HAS_FOCUS = "(one) => one === document.activeElement"
IS_PASSED = "(one) => (one.compareDocumentPosition(document.activeElement) & Node.DOCUMENT_POSITION_FOLLOWING) > 0"


class Steps:
    """Somebody who begins on the live page; each click, and each text that is entered, counts."""

    def __init__(self, live: LivePage, most: int) -> None:
        self.live = live.open()
        self.page: Page = live.page
        self.most = most
        self.taken = 0

    def step(self, what: object) -> None:
        """Count one, unless it is one too many."""
        self.taken += 1
        assert self.taken <= self.most, f"{what} would be step {self.taken}"

    def click(self, what: Locator) -> None:
        """Click."""
        self.step(what)
        what.click()

    def enter(self, text: str) -> None:
        """Type a query into the search, which a key leads to."""
        self.step(text)
        self.live.press("/")
        self.page.keyboard.type(text)
        self.live.press("Enter")
        while self.page.locator("#search").evaluate(HAS_FOCUS):
            self.live.press("Escape")

    def tab_to(self, what: Locator) -> None:
        """Go on by the Tab key until the focus is there, or back with Shift if it has been passed."""
        expect(what).to_be_visible()
        key = "Shift+Tab" if what.evaluate(IS_PASSED) else "Tab"
        for _ in range(MOST_TABS):
            if what.evaluate(HAS_FOCUS):
                return
            self.live.press(key)
        raise AssertionError(f"{MOST_TABS} times {key} do not lead to {what}")

    def press(self, what: Locator) -> None:
        """Do with the keyboard what a click would do."""
        self.step(what)
        self.tab_to(what)
        self.live.press("Enter")

    def link(self, name: str | re.Pattern[str]) -> Locator:
        """Find a link by its words."""
        return self.page.get_by_role("link", name=name).first

    def open_trace_of(self, row: Locator) -> None:
        """Select a row of the live page and follow its trace."""
        self.click(row.first)
        # A list that was laid out anew in that moment had another row under the pointer.
        if not row.and_(self.page.locator('[aria-selected="true"]')).count():
            row.first.click()
        self.click(self.page.locator("#detail .facts a.mono[href*='/traces/']"))

    def is_told(self, fault: str, fix: str) -> None:
        """The page has a finding that names the fault and says what helps."""
        finding = self.page.locator(".findings li", has_text=fault).first
        expect(finding).to_be_visible()
        expect(finding).to_contain_text(fix)
