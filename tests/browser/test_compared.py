"""Two traces are chosen and compared in a real browser, and what the pages show is copied by one click."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.live_site import Site
from tests.browser.look import look

EDIT = re.compile(r"^Compare POST .accounts.profile. of ")  # the selector engine ends at a slash


@pytest.fixture
def page(site: Site, visit) -> Page:
    """The list of traces, with two edits of a profile of which only the second one changed the name."""
    live = visit(site, viewport={"width": 1440, "height": 800}, permissions=["clipboard-read", "clipboard-write"])
    for field, value in (("headline", "Astronomer"), ("name", "Mira Maria")):
        live.page.goto(f"{site.url}/accounts/profile/")
        live.page.fill(f"main [name={field}]", value)
        live.page.get_by_role("button", name="Save").click()
    live.page.goto(f"{site.url}/traces/")
    return live.page


def test_two_of_the_list_are_compared_and_copied(page: Page) -> None:
    """Two boxes and a button; the older one is on the left; the copy for programs is what the page shows."""
    button = page.get_by_role("button", name="Compare")
    expect(button).to_be_hidden()
    boxes = page.get_by_role("checkbox", name=EDIT)
    boxes.nth(0).check()
    button.click()
    expect(page.get_by_text("Choose two traces to compare. Chosen: 1.")).to_be_visible()
    expect(boxes.nth(0)).to_be_checked()
    boxes.nth(1).check()
    found = look(page, "traces-chosen")
    button.click()
    expect(page.locator(".compared .changed", has_text="sync_user")).to_contain_text("3 queries")
    expect(page.locator(".compared .added", has_text="updated auth.User")).to_have_count(1)
    found += look(page, "traces-compared")
    page.get_by_role("link", name="Copy as JSON").click()
    expect(page.locator("#signal-log-copied")).to_have_text("Copied as JSON")
    told = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert told["traces"][0]["name"] == "POST /accounts/profile/"
    page.get_by_role("link", name="Swap").click()
    expect(page.locator(".compared .removed", has_text="updated auth.User")).to_have_count(1)
    assert found == []


def test_from_a_trace_to_another_of_its_name_in_two_clicks(page: Page) -> None:
    page.get_by_role("link", name="POST /accounts/profile/").first.click()
    page.get_by_role("link", name="Compare with…").click()
    found = look(page, "trace-choice")
    page.keyboard.press("o")
    panel = page.get_by_role("complementary", name="Selected comparison")
    expect(panel.get_by_role("heading", name="What differs")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator(".choice a").first.click()
    expect(page.get_by_role("columnheader", name="Before").first).to_be_visible()
    expect(page).to_have_url(re.compile(r"/traces/[0-9a-f-]{36}/\?with=[0-9a-f-]{36}$"))
    assert found == []
