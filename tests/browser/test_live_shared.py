"""Shared views: one person shares, another opens, on the live page and, without a script, in the history."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.live_site import PASSWORD, LivePage, Site


@pytest.fixture(scope="module")
def people(site: Site) -> Site:
    """Create someone who may share, and ada, who may only see."""
    site.run(f"""
        may = lambda name: Permission.objects.get(codename=name)
        User.objects.get(username='mira').user_permissions.add(may('add_sharedview'))
        User.objects.create_user('ada', password={PASSWORD!r}).user_permissions.add(may('view_signalevent'))
    """)
    return site


@pytest.fixture(autouse=True)
def nothing_shared(people: Site) -> None:
    """Remove what other tests have shared, whatever their order."""
    people.run("from signal_log.models import SharedView; SharedView.objects.all().delete()")


def menu(live: LivePage) -> Any:
    """Find the open menu of the view, once it shows the server's answer."""
    with live.page.expect_response("**/views/"):
        live.page.locator("#view-open").click()
    return live.page.locator("#view-menu")


def share(live: LivePage, name: str) -> None:
    """Share the current view under a name."""
    opened = menu(live)
    opened.get_by_label("View name").fill(name)
    with live.page.expect_response("**/views/"):
        opened.get_by_role("button", name="Share", exact=True).click()


def test_a_view_is_shared_opened_by_others_and_taken_away(people, visit):
    """The menu shows filters, columns, who shared it and when; it offers sharing only to those who may."""
    live = visit(people).open("?sender=users.Profile&view=signals&cols=time.kind.obj.took")
    share(live, "profiles")
    expect(live.page.locator("#announcer")).to_have_text("profiles is now shared")
    other = visit(people, "ada").open()
    opened = menu(other)
    expect(opened.get_by_text("mira, ")).to_be_visible()
    expect(opened.get_by_role("button", name="Share", exact=True)).to_have_count(0)
    expect(opened.get_by_role("button", name="Stop sharing profiles")).to_have_count(0)
    opened.get_by_role("link", name="profiles").click()
    expect(other.page.locator("#pills")).to_contain_text("users.Profile")
    expect(other.page.get_by_role("columnheader")).to_have_count(4)
    assert "view=signals&cols=time.kind.obj.took" in other.page.url
    remove = live.page.get_by_role("button", name="Stop sharing profiles")
    remove.click()
    expect(live.page.get_by_role("button", name="Sure? Stop sharing profiles")).to_be_focused()
    with live.page.expect_response("**/delete/"):
        live.press("Enter")
    expect(remove).to_have_count(0)
    expect(menu(other).get_by_text("mira, ")).to_have_count(0)


def test_a_shared_view_may_open_with_the_page(people, visit):
    """A shared view opens with the page until it is no longer shared."""
    live = visit(people).open("?q=opens-first")
    share(live, "first")
    other = visit(people, "ada").open()
    menu(other).get_by_role("button", name="Open first by default").click()
    other.open()
    expect(other.page.locator("#pills")).to_contain_text("opens-first")
    people.run("from signal_log.models import SharedView; SharedView.objects.filter(name='first').delete()")
    menu(other)
    expect(other.page.get_by_role("button", name="Open first by default")).to_have_count(0)
    other.open()
    expect(other.page.locator("#pills")).to_be_empty()


def test_a_failure_to_share_is_shown_in_the_menu(people, visit):
    """The name stays in the field to be changed, and nothing is lost."""
    live = visit(people).open("?q=twice")
    live.expected = ["400 (Bad Request)"]
    share(live, "twice")
    live.page.get_by_label("View name").fill("Twice")
    live.page.get_by_role("button", name="Share", exact=True).click()
    expect(live.page.get_by_role("alert")).to_contain_text("“twice” is already shared")
    expect(live.page.get_by_label("View name")).to_have_value("Twice")
    live.press("Escape")
    live.page.context.clear_cookies()
    live.page.locator("#view-open").click()
    expect(live.page.get_by_role("alert")).to_contain_text("logged out")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_shared_views_are_accessible_and_hostile_names_are_text(people, visit, scheme, width):
    """Names are text in the menu and in the history, where they are links without a script."""
    name = f"<img src=x onerror=alert(1)> {scheme}"
    live = visit(people, color_scheme=scheme, reduced_motion="reduce", viewport={"width": width, "height": 900})
    live.open(f"?object=nobody-{scheme}")
    share(live, name)
    expect(live.page.get_by_role("link", name=name)).to_be_visible()
    live.page.get_by_role("button", name=f"Stop sharing {name}").click()
    found = violations(live.page)
    bare = visit(people, "ada", java_script_enabled=False, viewport={"width": width, "height": 900})
    bare.page.goto(f"{people.url}/events/")
    bare.page.get_by_text("Shared views").click()
    box = bare.page.locator(".shared:last-of-type ul").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    bare.page.get_by_role("link", name=name).click()
    assert f"q=object%3Anobody-{scheme}" in bare.page.url
    live.page.goto(f"{people.url}/events/")
    live.page.get_by_text("Shared views").click()
    assert found + violations(live.page) == []
