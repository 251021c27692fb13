"""The live page's columns: which, in which order and how wide; remembered, and the same for whoever gets the link."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.live_site import LivePage

USUAL = ["Time UTC", "Δ", "What", "Object", "Change", "Actor", "From"]


def heads(live: LivePage) -> list[str]:
    """Return the columns as a screen reader finds them."""
    return live.page.get_by_role("columnheader").all_inner_texts()


def cells(live: LivePage) -> list[str]:
    """Return the cells of the newest row, from left to right, by class."""
    expect(live.rows.first).to_be_visible()
    seen = live.rows.first.locator("> *").evaluate_all(
        "all => all.map(e => [e.getBoundingClientRect().x, e.className.split(' ')[0]]).sort((a, b) => a[0] - b[0])"
    )
    return [name for _, name in seen]


def menu(live: LivePage) -> Any:
    """Find the open menu of the view."""
    live.page.locator("#view-open").click()
    return live.page.locator("#view-menu")


def width(live: LivePage, title: str) -> int:
    """Return the width that the edge after a column reports."""
    reported = live.page.get_by_role("separator", name=f"Width of {title}", exact=True).get_attribute("aria-valuenow")
    return int(reported or 0)


def test_columns_are_chosen_and_moved_kept_and_part_of_the_link(site, visit):
    """Rows and headers have the same order, in the document too; a link shares the columns and changes nobody's own."""
    site.run("User.objects.create_user('cols1')")
    live = visit(site)
    live.page.add_init_script("delete Element.prototype.moveBefore")  # not every browser keeps the focus by itself
    live.open("?object=cols1")
    assert heads(live) == USUAL
    for title in USUAL:
        expect(live.page.get_by_role("columnheader", name=title, exact=True)).to_be_visible()
    opened = menu(live)
    expect(opened.get_by_role("checkbox", name="What")).to_be_disabled()
    for name in ("Δ", "From"):
        opened.get_by_role("checkbox", name=name, exact=True).uncheck()
    opened.get_by_role("checkbox", name="Duration").check()
    up = opened.get_by_role("button", name="Move Actor left")
    up.press("Enter")
    expect(up).to_be_focused()
    up.press("Enter")
    down = opened.get_by_role("button", name="Move Actor right")
    down.press("Enter")
    expect(down).to_be_focused()
    up.press("Enter")
    expect(live.page.locator("#announcer")).to_have_text("Actor is column 3 of 6")
    live.press("Escape")
    wanted = ["Time UTC", "What", "Actor", "Object", "Change", "Duration"]
    assert heads(live) == wanted
    assert cells(live) == ["time", "kind", "actor", "obj", "chg", "took"]
    assert live.rows.first.locator("> *").evaluate_all("all => all.map(e => e.className.split(' ')[0])") == cells(live)
    expect(live.rows.first.locator(".took")).to_contain_text("s")
    assert "cols=time.kind.actor.obj.chg.took" in live.page.url
    live.open("?object=cols1")  # remembered
    assert heads(live) == wanted
    other = visit(site).open(live.page.url.partition("/?")[2].join(("?", "")))
    assert heads(other) == wanted
    assert cells(other)[2] == "actor"
    other.open()
    assert heads(other) == USUAL
    menu(live).get_by_role("button", name="Reset columns").click()
    assert heads(live) == USUAL
    assert "cols=" not in live.page.url


def test_an_edge_is_dragged_and_stays_under_the_pointer(site, visit):
    """A column grows at the cost of those after it; the list keeps updating, the width is remembered and linked."""
    site.run("User.objects.create_user('cols2')")
    live = visit(site, viewport={"width": 1600, "height": 900}).open("?object=cols2")
    edge = live.page.get_by_role("separator", name="Width of Object")
    box, before, chart = edge.bounding_box(), width(live, "Object"), width(live, "Change")
    live.page.mouse.move(box["x"] + 6, box["y"] + 10)
    live.page.mouse.down()
    live.page.mouse.move(box["x"] + 600, box["y"] + 10, steps=5)  # too far, and back
    live.page.mouse.move(box["x"] + 126, box["y"] + 10, steps=5)
    assert abs(edge.bounding_box()["x"] - box["x"] - 120) <= 1
    site.run("User.objects.create_user('cols2 while dragging')")
    expect(live.row("while dragging").first).to_be_visible()
    live.page.mouse.up()
    assert abs(width(live, "Object") - before - 120) <= 1
    assert abs(width(live, "Change") - chart + 120) <= 1
    assert abs(live.rows.first.locator(".obj").bounding_box()["width"] - before - 120) <= 1
    assert f"obj-{width(live, 'Object')}" in live.page.url
    kept = width(live, "Object")
    live.open("?object=cols2")
    assert abs(width(live, "Object") - kept) <= 1
    assert heads(live) == USUAL


def test_an_edge_is_moved_with_the_keyboard(site, visit):
    """Arrow keys move it by 10 pixels, with Shift by 50, Home and End to the ends, and the list ignores them."""
    site.run("User.objects.create_user('cols3')")
    live = visit(site, viewport={"width": 1600, "height": 900}).open("?object=cols3")
    expect(live.rows.first).to_be_visible()
    live.press("j")
    edge = live.page.get_by_role("separator", name="Width of Time")
    edge.focus()
    expect(edge).to_have_attribute("aria-valuenow", "96")
    live.press("ArrowRight", "ArrowRight", "Shift+ArrowRight")
    expect(edge).to_have_attribute("aria-valuenow", "166")
    assert "time-166" in live.page.url
    live.press("Home")
    expect(edge).to_have_attribute("aria-valuenow", str(edge.get_attribute("aria-valuemin")))
    live.press("End")
    expect(edge).to_have_attribute("aria-valuenow", str(edge.get_attribute("aria-valuemax")))
    expect(live.page.locator("#follow-word")).to_have_text("Follow")  # Home would make the list follow again
    assert live.page.get_by_role("separator", name="Width of From").count() == 0  # nothing comes after the last column


@pytest.mark.parametrize("text", ["nonsense", "obj:300", "..", "%00", "obj-99999", "<b>", "constructor.__proto__"])
def test_an_address_with_no_columns_is_as_usual(site, visit, text):
    """Invalid values are ignored without a message."""
    live = visit(site).open(f"?cols={text}")
    expect(live.rows.first).to_be_visible()
    assert heads(live) == USUAL


def test_columns_that_do_not_fit_are_scrolled_to_and_a_telephone_has_its_own(site, visit):
    """In a narrow list the chosen columns stay whole; on a telephone a row has two lines, whatever was chosen."""
    site.run("User.objects.create_user('cols5')")
    live = visit(site, viewport={"width": 900, "height": 800})
    live.open("?object=cols5&cols=time.delta.kind.obj.chg.actor.via.source.outcome.took.trace")
    trace = live.rows.first.locator(".trace")
    trace.scroll_into_view_if_needed()
    expect(trace).to_be_in_viewport()
    assert abs(trace.bounding_box()["x"] - live.page.get_by_role("columnheader", name="Trace").bounding_box()["x"]) < 1
    assert live.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    live.page.set_viewport_size({"width": 390, "height": 800})
    expect(trace).to_have_count(0)
    assert live.rows.first.bounding_box()["height"] == 48
    assert sorted(cells(live)) == sorted(["time", "delta", "kind", "obj", "chg", "actor", "via"])
    assert live.page.evaluate("grid.scrollWidth <= grid.clientWidth")
    expect(menu(live).get_by_role("heading", name="Columns")).to_be_hidden()
    live.press("Escape")
    live.page.set_viewport_size({"width": 900, "height": 800})
    expect(trace).to_have_count(1)


def test_the_menu_says_which_usual_columns_have_no_room(site, visit):
    """A column that the reader has chosen is shown however little room there is."""
    site.run("User.objects.create_user('cols6')")
    live = visit(site, viewport={"width": 900, "height": 800}).open("?object=cols6")
    expect(live.rows.first.locator(".via")).to_be_hidden()
    opened = menu(live)
    expect(opened.get_by_text("no room")).to_have_count(2)
    opened.get_by_role("checkbox", name="Source").check()
    expect(opened.get_by_text("no room")).to_have_count(0)
    expect(live.rows.first.locator(".via")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_chosen_columns_are_accessible(site, visit, scheme):
    """The list with all columns, and the menu that chooses them, have no violations."""
    site.run(f"User.objects.create_user('cols7{scheme}')")
    live = visit(site, color_scheme=scheme, reduced_motion="reduce")
    live.open(f"?object=cols7{scheme}&cols=time-120.took.trace.kind.source.outcome.obj.chg.actor")
    expect(live.rows.first).to_be_visible()
    found = violations(live.page)
    menu(live)
    assert found + violations(live.page) == []
