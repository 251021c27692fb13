"""Notices about what is not recorded are shown above the live page, in its layout."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations


@pytest.mark.parametrize("width", [1440, 390])
def test_the_notice_is_above_the_list(site, visit, width):
    """The notice is visible and within the window, and so is the list below it."""
    live = visit(site, viewport={"width": width, "height": 800}).open("?sender=contenttypes.ContentType")
    notice = live.page.locator(".message.warning")
    expect(notice).to_have_text(
        "Saves and deletes of contenttypes.ContentType are not recorded: it is not listed in MODELS."
    )
    expect(notice).to_be_in_viewport(ratio=1)
    expect(live.page.locator("#status-bar")).to_be_in_viewport()
    assert live.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(live.page) == []
