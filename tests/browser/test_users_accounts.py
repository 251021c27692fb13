"""The accounts in a real browser: registering, mistakes, profile, deletion."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.live_site import PASSWORD, STRANGER


def fill(page: Page, **values: str) -> None:
    for name, value in values.items():
        page.fill(f"main [name={name}]", value)


def submit(page: Page) -> None:
    page.locator("main form button[type=submit]").click()


def test_a_registration_is_seen_on_the_live_page_at_once(site: Any, visit: Any) -> None:
    """The product's main job: somebody registers, and an observer sees the user, its profile and the cause."""
    live = visit(site).open()
    page = visit(site, None).page
    page.goto(f"{site.url}/accounts/register/")
    fill(page, username="margaret", first_name="Margaret", email="margaret@example.org")
    fill(page, password1=PASSWORD, password2=PASSWORD)
    submit(page)
    expect(page).to_have_url(f"{site.url}/accounts/profile/")
    expect(page.get_by_role("status")).to_contain_text("Welcome, Margaret.")
    expect(live.model("User").filter(has_text="margaret").first).to_be_visible(timeout=2000)
    expect(live.model("Profile").filter(has_text="margaret").filter(has_text="create_profile")).to_be_visible()


def test_after_a_mistake_the_focus_is_on_what_is_wrong(site: Any, visit: Any) -> None:
    """The summary has the focus, its link leads to the field, and what was typed is still there."""
    page = visit(site, None).page
    page.goto(f"{site.url}/accounts/register/")
    expect(page.locator("[name=username]")).to_be_focused()
    fill(page, username=STRANGER, first_name="Eve", email="new-eve@example.org", password1=PASSWORD, password2=PASSWORD)
    submit(page)
    expect(page).to_have_title("Error: Register · Observatory")
    expect(page.get_by_role("alert")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("[name=username]")).to_be_focused()
    expect(page.locator("[name=username]")).to_have_value(STRANGER)
    expect(page.locator("[name=email]")).to_have_value("new-eve@example.org")
    expect(page.locator("[name=password1]")).to_have_value("")


def test_the_whole_life_of_an_account_by_keyboard(site: Any, visit: Any) -> None:
    """After logging in, editing the profile and deleting the account with Enter, each page says what happened."""
    site.run(f"User.objects.create_user('brief', 'brief@example.org', {PASSWORD!r}, first_name='Brief')")
    page = visit(site, None).page
    page.goto(f"{site.url}/accounts/login/")
    expect(page.locator("[name=username]")).to_be_focused()
    page.keyboard.type("brief")
    page.keyboard.press("Tab")
    expect(page.locator("[name=password]")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Brief")
    page.get_by_label("Name").fill("Brevity")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Your profile has been saved.")
    expect(page.get_by_role("heading", level=1)).to_have_text("Brevity")
    page.get_by_role("link", name="Delete account").press("Enter")
    expect(page.locator("[name=password]")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("The account brief and its profile have been deleted.")
