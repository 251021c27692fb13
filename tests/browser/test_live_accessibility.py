"""The live page for people who do not see it, or see it differently."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations


def test_the_grid_is_a_grid_to_a_screen_reader(site, visit):
    """Rows are counted and numbered, and announcements do not flood."""
    site.run("for n in range(45): User.objects.create_user(f'grid{n}')")  # more would be a storm
    live = visit(site).open()
    expect(live.row("grid44").first).to_be_visible()
    grid = live.page.get_by_role("grid", name="Events, newest first")
    expect(grid).to_be_visible()
    total = int(grid.get_attribute("aria-rowcount") or 0)
    assert total > 60
    assert live.rows.count() < 60
    assert live.rows.first.get_attribute("aria-rowindex") == "2"
    assert [row.get_attribute("role") for row in live.rows.first.locator("> *").all()] == ["gridcell"] * 7
    assert live.page.locator("#announcer").inner_text() == ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_accessibility_violation_is_found(site, visit, scheme):
    """axe-core finds nothing in the list, the panel, the filters and an empty list, in both themes."""
    site.run(f"User.objects.create_user('axe-{scheme}', first_name='Ada')")
    live = visit(site, color_scheme=scheme, reduced_motion="reduce").open(f"?object=axe-{scheme}&source=!migration")
    live.rows.first.click()
    expect(live.page.locator("#detail h2")).to_contain_text(f"axe-{scheme}")
    assert violations(live.page) == []
    live.page.keyboard.press("?")
    assert violations(live.page) == []
    live.page.keyboard.press("Escape")
    live.page.goto(f"{site.url}/?q=nothing-has-this")
    expect(live.page.locator("#empty-state")).to_contain_text("No events match")
    assert violations(live.page) == []
    live.page.locator("#empty-state").get_by_role("link", name="By me").click()
    expect(live.page).to_have_url(re.compile("actor_pk"))


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1440)])
def test_everything_that_opens_on_the_page_is_accessible(site, visit, scheme, width):
    """An open cascade, neighbours, the menu, a time range and a storm are accessible, in both themes and widths."""
    name = f"opens{scheme}{width}"
    site.run(f"for name in ('{name}', 'next to {name}'): User.objects.create_user(name)")
    live = visit(site, color_scheme=scheme, reduced_motion="reduce", viewport={"width": width, "height": 900})
    live.open(f"?view=cascades&object={name}&object=!next+to+{name}")
    live.rows.first.locator(".caret").click()
    expect(live.rows).to_have_count(3)
    live.press("j", "x")
    expect(live.page.locator(".row.dim").first).to_be_visible()
    found = violations(live.page)
    live.press("Escape")
    live.page.locator("#view-open").click()
    live.page.get_by_label("View name").fill("kept")
    live.press("Enter")
    expect(live.page.get_by_role("link", name="kept")).to_be_visible()
    found += violations(live.page)
    live.page.get_by_role("button", name="Last 5 min").click()
    live.page.locator("#pills .time").get_by_role("button", name="last 5 min").click()  # known once the server answers
    expect(live.page).to_have_url(re.compile(r"since=2\d+-.*&until=2\d+-"))
    found += violations(live.page)
    assert found == []
