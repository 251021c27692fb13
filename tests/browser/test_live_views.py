"""The live page arranged by its reader: cascades in one line, kept views, the look of rows, an event's neighbours."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations

pytestmark = pytest.mark.long
REGISTERED = "User created → Profile created"


def test_a_cascade_is_one_line_that_opens(site, visit):
    """Its steps are listed in order; keys and the marker before it open it, and screen readers are told so."""
    live = visit(site).open("?view=cascades&object=casc1")
    site.run("User.objects.create_user('casc1')")
    expect(live.rows).to_have_count(1)
    row = live.rows.first
    expect(row.locator(".chg")).to_have_text(re.compile(REGISTERED.replace(" ", r"\s*")))
    expect(row).to_have_attribute("aria-expanded", "false")
    expect(live.page.get_by_role("treegrid", name="Events, newest first")).to_be_visible()
    row.locator(".caret").click()
    expect(live.rows).to_have_count(3)
    expect(live.rows.nth(2).locator(".cause")).to_be_visible()
    row.locator(".caret").click()
    expect(live.rows).to_have_count(1)
    live.press("j", "ArrowRight")
    expect(live.rows).to_have_count(3)
    live.press("j", "j")
    expect(live.page.locator("#detail h2")).to_contain_text("Profile")
    live.press("ArrowLeft", "Escape", "c")
    expect(live.rows).to_have_count(2)
    assert "view=" not in live.page.url


def test_a_loop_of_equal_saves_is_one_step(site, visit):
    """200 equal siblings are "x 200" in the line, and one row inside it."""
    live = visit(site).open("?view=cascades&sender=auth.User&object=loop")
    site.run("""
        from django.db.models.signals import post_save
        def many(instance, **rest):
            if instance.username == 'loop':
                for n in range(40):
                    other = User(username=f'loop{n}'); other.save()
        post_save.connect(many, sender=User, weak=False)
        User(username='loop').save()
        post_save.disconnect(many, sender=User)
    """)
    expect(live.rows.first.locator(".chg")).to_contain_text("\N{MULTIPLICATION SIGN} 41")
    live.rows.first.locator(".caret").click()
    expect(live.row("\N{MULTIPLICATION SIGN} 40")).to_have_count(1)
    expect(live.rows).to_have_count(3)
    live.row("\N{MULTIPLICATION SIGN} 40").locator(".caret").click()
    expect(live.row("loop1").first).to_be_visible()


def test_views_are_kept_by_name_and_one_opens_with_the_page(site, visit):
    """A view is an address; it survives a reload, opens in place, can be the default, and can be deleted."""
    site.run("User.objects.create_user('kept1')")
    live = visit(site).open("?sender=users.Profile&view=signals")
    live.page.locator("#view-open").click()
    live.page.get_by_label("View name").fill("only profiles")
    live.press("Enter")
    live.page.get_by_role("button", name="Open only profiles by default").click()
    live.press("Escape")
    live.open()
    expect(live.page.locator("#pills")).to_contain_text("users.Profile")
    assert "q=model%3Ausers.Profile&view=signals" in live.page.url
    live.page.locator("#view-open").click()
    live.page.get_by_role("link", name="All events").click()
    expect(live.model("User").first).to_be_visible()
    assert "?" not in live.page.url
    live.page.locator("#view-open").click()
    live.page.get_by_role("link", name="only profiles").click()
    expect(live.model("User")).to_have_count(0)
    live.page.locator("#view-open").click()
    live.page.get_by_role("button", name="Delete the view only profiles").click()
    expect(live.page.get_by_role("link", name="only profiles")).to_have_count(0)
    live.open()
    expect(live.model("User").first).to_be_visible()


def test_the_look_of_rows_is_kept(site, visit):
    """Height, times and columns are chosen once, and a hidden column leaves no hole."""
    site.run("User.objects.create_user('looks1')")
    live = visit(site, viewport={"width": 1600, "height": 900}).open()
    first = live.rows.first
    dense = first.bounding_box()["height"]
    expect(live.page.locator(".head .delta")).to_be_visible()
    live.page.locator("#view-open").click()
    menu = live.page.locator("#view-menu")
    menu.get_by_role("button", name="Comfortable").click()
    menu.get_by_role("button", name="Age").click()
    menu.get_by_label("From", exact=True).uncheck()
    menu.get_by_label("Δ", exact=True).uncheck()
    live.press("Escape")
    live.open()
    assert first.bounding_box()["height"] > dense
    expect(live.page.locator("#clock")).to_have_text("Age")
    expect(first.locator("time")).to_contain_text(re.compile("now|ago"))
    expect(live.page.locator(".head .delta")).to_be_hidden()
    expect(first.locator(".via")).to_be_hidden()
    ends = first.locator(".actor").evaluate("e => e.getBoundingClientRect().right")
    assert first.bounding_box()["x"] + first.bounding_box()["width"] - ends < 30


def test_the_last_hour_and_a_time_typed_in_are_ranges_too(site, visit):
    """Readers who cannot drag choose a time range in the menu."""
    site.run("User.objects.create_user('menu1')")
    live = visit(site).open("?object=menu1")
    live.page.locator("#view-open").click()
    live.page.get_by_role("button", name="Last hour").click()
    expect(live.page.locator("#pills .time")).to_contain_text("last 60 min")
    assert "since=now-60m" in live.page.url
    expect(live.row("menu1").first).to_be_visible()
    expect(live.page.locator("#follow-word")).to_have_text("Following")
    live.page.locator("#view-open").click()
    live.page.get_by_label("End", exact=True).fill("2020-01-01T10:00:00")
    live.page.get_by_role("button", name="Show", exact=True).click()
    expect(live.page.locator("#empty-state")).to_contain_text("No events in this time range")
    assert "until=2020-01-01T10%3A00%3A00.000Z" in live.page.url


def test_an_event_is_shown_among_its_neighbours_without_losing_the_filter(site, visit):
    """Events hidden by the filter are shown dimmed around it, can be read, and disappear again."""
    site.run("""
        for name in ('hiddenbefore', 'middle1', 'hiddenafter'): User.objects.create_user(name)
    """)
    live = visit(site).open("?object=middle1")
    expect(live.rows).to_have_count(2)
    live.press("j", "x")
    expect(live.page.locator(".row.dim").filter(has_text="hiddenbefore").first).to_be_visible()
    text = " ".join(live.texts())
    assert text.index("hiddenafter") < text.index("middle1") < text.index("hiddenbefore")
    assert "q=object%3Amiddle1" in live.page.url
    live.page.locator(".row.dim").filter(has_text="hiddenafter").first.click()
    expect(live.page.locator("#detail .facts")).to_contain_text("only this trace")
    live.press("Escape", "Escape")
    expect(live.rows).to_have_count(2)
    expect(live.page.locator("#follow-word")).to_have_text("Following")


def test_n_goes_to_the_next_that_was_not_committed(site, visit):
    """The key moves from failure to failure, and the page says when there are no more."""
    site.run("""
        def undo(name):
            try:
                with transaction.atomic():
                    User.objects.create_user(name); raise ValueError('no')
            except ValueError: pass
        undo('bad1'); User.objects.create_user('good1'); undo('bad2'); User.objects.create_user('good2')
    """)
    live = visit(site).open("?sender=auth.User")
    expect(live.row("good2").first).to_be_visible()
    live.press("n")
    expect(live.page.locator("#detail h2")).to_contain_text("bad2")
    live.press("n")
    expect(live.page.locator("#detail h2")).to_contain_text("bad1")
    for _ in range(9):
        live.press("n")
    expect(live.page.locator("#copied")).to_have_text("No older errors")


def test_a_row_that_came_with_older_ones_is_read_in_full(own_site, visit):
    """Only the newest events are held in full; the rest of an older one is fetched when somebody looks at it."""
    own_site.run("early = User.objects.create_user('early1'); early.first_name = 'Ada'; early.save()")
    own_site.run("write_saves((f'late{n}' for n in range(3000)), changes={'email': ['', 'late@example.org']})")
    live = visit(own_site).open()
    live.press("p")  # so many are grouped by the second until somebody pauses
    for _ in range(200):
        live.press("G")
        live.page.wait_for_timeout(30)
        if "begins" in live.page.locator("#end").inner_text():
            break
    live.press("G")
    live.row("first_name").first.click()
    expect(live.page.locator("#detail ins").first).to_have_text("Ada")


def test_corrupt_browser_storage_does_not_break_the_page(site, visit):
    """Foreign data under our key never breaks the page."""
    live = visit(site)
    for broken in ("{", "7", json.dumps([{"name": 5}, None])):
        live.page.add_init_script(
            f"for (const k of ['signal-log-display', 'signal-log-views:1']) localStorage.setItem(k, {broken!r})"
        )
        live.open()
        expect(live.rows.first).to_be_visible()


def test_a_long_facet_is_searched(site, visit):
    """Ten values are shown, then all with a search field; a click includes a value, Alt-click excludes it."""
    site.run("""
        import signal_log
        for n in range(14):
            with signal_log.context(actor=f'worker {n}'): User.objects.create_user(f'byworker{n}')
    """)
    live = visit(site).open("?object=byworker")
    facets = live.page.locator("#facets")
    facets.get_by_role("button", name="Show 4 more").click()
    facets.get_by_label("Search actor values").fill("R 13")
    expect(facets.locator(".include").filter(has_text="worker")).to_have_count(1)
    facets.locator(".include").filter(has_text="worker 13").click()
    expect(live.rows).to_have_count(2)
    live.rows.first.click()
    live.page.locator("#detail .only").filter(has_text="worker 13").click(modifiers=["Alt"])
    expect(live.page.locator("#pills")).to_contain_text("not worker 13")
    expect(live.row("byworker13")).to_have_count(0)
    expect(live.row("byworker12").first).to_be_visible()


def test_a_value_of_a_row_is_a_way(site, visit):
    """Keys, the pointer, the panel and a long touch open one menu: only it, not it, copy it, open its page."""
    site.run("""
        ways = User.objects.create_user("ways", first_name="Ada", last_name="to be asked")
        ways.first_name = "Augusta Ada"; ways.save()
        ways.first_name = "Ada"; ways.save()
    """)
    live = visit(site).open("?q=model:auth.User object:ways")
    expect(live.rows).to_have_count(3)
    menu, pills = live.page.locator(".ways"), live.page.locator("#pills")
    live.page.locator("#grid").focus()
    live.press("j", "v")
    expect(menu).to_contain_text("model auth.User 1 of")
    for _ in range(3):
        live.press("ArrowRight")
    expect(menu.locator("p")).to_contain_text("old value Augusta Ada")
    live.press("Escape")
    expect(menu).to_be_hidden()
    expect(live.page.locator("#grid")).to_be_focused()
    panel = live.page.locator("#detail")
    panel.get_by_role("button", name="★ Pin").click()
    expect(panel.locator(".pinned")).to_contain_text("pinned by mira")
    panel.get_by_text("Write a note").click()
    panel.get_by_label("Note").fill("<b>meant</b> so")
    panel.get_by_role("button", name="Add note").click()
    expect(panel.locator(".notes")).to_contain_text("<b>meant</b> so")
    panel.locator("ins button").click()
    expect(menu.get_by_role("menuitem").first).to_be_focused()
    assert violations(live.page) == []
    live.press("ArrowDown", "Enter")
    expect(pills).to_contain_text("not first_name: new:Ada")
    expect(live.rows).to_have_count(1)
    live.press("Escape")
    live.row("Augusta").first.locator(".chg .new").hover()
    live.page.locator(".ways-near button", has_text="⊕").click()
    expect(pills).to_contain_text("new value Augusta Ada")
    held = "(at) => at.dispatchEvent(new PointerEvent('pointerdown', {bubbles: true, pointerType: 'touch'}))"
    live.rows.first.locator(".obj span").last.evaluate(held)
    expect(menu.locator("p")).to_contain_text("object auth.User/")
    expect(menu.get_by_role("menuitem", name="Open its page")).to_have_attribute(
        "href", re.compile(r"/objects/auth.User/")
    )
