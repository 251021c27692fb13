"""A recorded session in a real browser: start, use the site, read, compare, stop."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.look import look


def edit(page: Page, url: str, headline: str) -> None:
    page.goto(url + "/accounts/profile/")
    page.get_by_label("Headline").fill(headline)
    page.get_by_role("button", name="Save").click()


def start(page: Page, url: str, name: str) -> None:
    page.goto(url + "/sessions/")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Start recording").click()
    expect(page.locator(".recording")).to_contain_text(f"recording “{name}” in this browser")


def test_from_a_question_to_the_statement_in_four_clicks(site, visit):
    """Start, save a profile, open the session: its operations, the receivers' statements and where they came from."""
    page = visit(site, viewport={"width": 1440, "height": 800}, permissions=["clipboard-read", "clipboard-write"]).page
    start(page, site.url, "before")
    found = look(page, "sessions")
    edit(page, site.url, "first")
    page.goto(site.url + "/sessions/")
    page.get_by_role("link", name="before").first.click()
    expect(page.get_by_role("link", name="POST /accounts/profile/")).to_be_visible()
    expect(page.locator(".sql", has_text='UPDATE "users_profile"').first).to_be_visible()
    found += look(page, "session")
    page.keyboard.press("o")
    panel = page.get_by_role("complementary", name="Selected trace")
    expect(panel.locator(".told")).to_contain_text("updated users.Profile")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="POST /accounts/profile/").first.click()
    expect(page.locator(".told")).to_contain_text("updated users.Profile")
    page.locator(".told summary").first.click()
    expect(page.locator(".told ol").first).to_contain_text("users/")
    page.locator(".told ol [data-place]").first.click()
    expect(page.locator("#signal-log-copied")).to_have_text(re.compile(r"^Copied users/\w+\.py:\d+$"))
    page.get_by_role("link", name="Copy as pytest").click()
    expect(page.locator("#signal-log-copied")).to_have_text("Copied as pytest")
    assert "client.post(" in page.evaluate("navigator.clipboard.readText()")
    found += look(page, "session-trace")
    page.locator(".recording").get_by_role("button", name="stop").click()
    expect(page.locator(".recording")).to_have_count(0)
    start(page, site.url, "after")
    edit(page, site.url, "second")
    page.goto(site.url + "/sessions/")
    page.get_by_role("link", name="after").first.click()
    page.get_by_label("What differs from").select_option("before")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("main")).to_contain_text("POST /accounts/profile/")
    found += look(page, "session-compared")
    assert found == []


@pytest.fixture(autouse=True)
def _nothing_stays(site):
    yield
    site.run("""
        from signal_log.models import DebugSession, SessionTrace
        SessionTrace.objects.all().delete(); DebugSession.objects.all().delete()
    """)
