"""What a reader does on the live page: follow, pause, filter, read, use the keyboard."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations


def test_scrolling_away_pauses_and_the_list_stands_still(site, visit):
    """While one reads, nothing moves; a pill counts new events and leads back to them."""
    site.run("for n in range(40): User.objects.create_user(f'scroll{n}')")
    live = visit(site).open()
    expect(live.rows.first).to_be_visible()
    live.page.locator("#grid").hover()
    live.page.mouse.wheel(0, 400)
    expect(live.page.locator("#follow")).to_have_attribute("aria-pressed", "false")
    before = live.texts()
    site.run("User.objects.create_user('whilereading')")
    expect(live.page.locator("#new")).to_have_text("2 new operations")
    expect(live.state()).to_have_text("Paused · 2 new")
    assert live.texts() == before
    pill, heads = live.page.locator("#new").bounding_box(), live.page.locator("#heads").bounding_box()
    assert heads["y"] <= pill["y"], "no row is below the pill: it is over the heads of the columns,"
    assert pill["y"] + pill["height"] <= heads["y"] + heads["height"] + 1
    live.page.set_viewport_size({"width": 390, "height": 800})
    expect(live.page.locator("#heads")).to_be_hidden()
    pill, grid = live.page.locator("#new").bounding_box(), live.page.locator("#grid").bounding_box()
    assert grid["y"] + grid["height"] <= pill["y"], "or, where these are not shown, below the list"
    assert live.page.locator("#state-words").evaluate("one => one.scrollWidth <= one.clientWidth"), "2 new"
    expect(live.state()).to_have_text("Paused · 2 new")
    live.page.set_viewport_size({"width": 1440, "height": 900})
    live.page.locator("#new").click()
    expect(live.row("whilereading").first).to_be_visible()
    expect(live.page.locator("#follow")).to_have_attribute("aria-pressed", "true")
    expect(live.page.locator("#new")).to_be_hidden()


def test_pause_and_follow_by_button_and_key(site, visit):
    """While paused, the page keeps collecting; following shows everything."""
    live = visit(site).open()
    live.press("p")
    expect(live.state()).to_contain_text("Paused")
    site.run("User.objects.create_user('collected')")
    expect(live.page.locator("#new")).to_be_visible()
    assert live.row("collected").count() == 0
    live.press("f")
    expect(live.row("collected").first).to_be_visible()
    live.page.locator("#follow").click()
    expect(live.page.locator("#follow-word")).to_have_text("Follow")
    live.press("Space")  # the button has the focus: pressed once, not twice
    expect(live.page.locator("#follow-word")).to_have_text("Following")


def test_filters_are_applied_by_the_server_and_kept_in_the_address(site, visit):
    """A facet narrows the list, its pill says so, the address holds it, and going back undoes it."""
    source = "command:names_of_other_systems"
    site.run(f"""
        import signal_log
        with signal_log.context(source={source!r}): User.objects.create_user("filtered")
    """)
    live = visit(site).open()
    expect(live.model("Profile").first).to_be_visible()
    expect(live.page.locator(".facet .include").filter(has_text=source)).to_be_visible()
    names = "[...document.querySelectorAll('.facet .include > span:first-child')]"
    assert live.page.evaluate(f"{names}.every(one => one.scrollWidth <= one.clientWidth)"), "no name is cut"
    live.page.locator(".facet .include").filter(has_text="auth.User").click()
    expect(live.page.locator("#pills")).to_contain_text("auth.User")
    expect(live.model("Profile")).to_have_count(0)
    assert "q=model%3Aauth.User" in live.page.url
    live.page.locator("#pills .pill button").first.click()
    expect(live.page.locator("#pills")).to_contain_text("not auth.User")
    expect(live.model("Profile").first).to_be_visible()
    assert "q=-model%3Aauth.User" in live.page.url
    live.page.go_back()
    expect(live.model("Profile")).to_have_count(0)
    live.page.reload()
    expect(live.page.locator("#pills")).to_contain_text("auth.User")
    expect(live.model("Profile")).to_have_count(0)
    live.page.locator("#pills .drop").click()
    expect(live.model("Profile").first).to_be_visible()


def test_new_events_that_do_not_match_stay_away(site, visit):
    """The filter also applies to events that come later."""
    live = visit(site).open("?q=needle7")
    expect(live.page.locator("#empty-state")).to_contain_text("No events match")
    site.run("User.objects.create_user('haystack'); User.objects.create_user('needle7')")
    expect(live.row("needle7").first).to_be_visible()
    assert live.row("haystack").count() == 0


def test_searching_looks_while_one_types_and_enter_makes_a_pill(site, visit):
    """Objects and changes are searched for the text, and Esc empties the field."""
    site.run("User.objects.create_user('findme', email='inside@example.org'); User.objects.create_user('other3')")
    live = visit(site).open()
    live.press("/")
    live.page.keyboard.type("inside@example")
    expect(live.row("findme").first).to_be_visible()
    expect(live.row("other3")).to_have_count(0)
    live.press("Escape")
    expect(live.row("other3").first).to_be_visible()
    live.page.keyboard.type("object:findme")
    live.press("Enter")
    expect(live.page.locator("#pills")).to_contain_text("findme")
    expect(live.row("other3")).to_have_count(0)
    expect(live.row("findme").first.locator("mark").first).to_have_text("findme")


def test_a_query_is_completed_marked_and_edited_by_keyboard(site, visit):
    """Keys and values are completed with counts, what is wrong is said, and a group goes back into the field."""
    site.run("User.objects.create_user('keyed'); User.objects.create_user('typed')")
    live = visit(site, viewport={"width": 390, "height": 800}, color_scheme="dark").open()
    field, options = live.page.get_by_role("combobox"), live.page.get_by_role("option")
    live.press("/")
    live.page.keyboard.type("keyed OR mod")
    expect(options).to_have_text([re.compile("^ *model:")])
    assert violations(live.page) == []
    live.press("Tab")
    expect(options.first).to_contain_text("auth.User")
    live.page.keyboard.type("user")
    expect(live.page.locator("#completions .scope")).to_have_text("operations in the span shown")
    facet = live.page.locator("#facets .facet", has_text="auth.User").locator(".include > span").last
    expect(options.first).to_have_text(re.compile(rf"^ *auth.User *{facet.text_content()}$"))
    live.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    assert field.get_attribute("aria-activedescendant") == options.first.get_attribute("id")
    live.press("Enter")
    expect(field).to_have_value("keyed OR model:auth.User ")
    live.page.keyboard.type(") outcome:fai x")
    expect(field).to_have_attribute("aria-invalid", "true")
    live.press("Enter")
    expect(live.page.locator("#search-problem")).to_contain_text("This bracket closes nothing")
    assert violations(live.page) == []
    field.fill('"no such row')
    expect(live.page.locator("#empty-state")).to_contain_text("No events match")
    live.press("Enter")  # what is refused does not filter either
    expect(live.page.locator("#search-problem")).to_contain_text("This quotation mark is never closed")
    expect(live.row("typed").first).to_be_visible()
    field.fill("keyed OR typed")
    live.press("Enter")
    group = live.page.locator("#pills .group button").first
    expect(group).to_have_text("keyed OR typed")
    expect(live.row("typed").first.locator("mark").first).to_have_text("typed")
    live.row("keyed").first.click()
    expect(live.page.locator("#detail h2 mark")).to_have_text("keyed")
    live.press("Escape")
    group.click()
    expect(field).to_have_value("keyed OR typed")
    expect(live.page.locator("#pills .pill")).to_have_count(0)
    live.page.get_by_role("button", name="Query syntax").click()
    expect(live.page.get_by_role("dialog", name="Query syntax")).to_contain_text("Brackets keep together")
    assert violations(live.page) == []
    live.press("Escape")
    live.page.goto(f"{site.url}/?q=typed&q=keyed+(")
    expect(field).to_have_value("keyed (")
    expect(live.page.locator("#search-problem")).to_contain_text("never closed")
    expect(live.row("typed").first).to_be_visible()


def test_too_narrow_filters_say_which_to_drop(site, visit):
    """An empty list names the filter that was added last, and removing it helps."""
    site.run("User.objects.create_user('dropme')")
    live = visit(site).open("?sender=auth.User&actor=nobody-of-this-name")
    over = live.page.locator("#empty-state")
    expect(over).to_contain_text("No events match")
    over.get_by_role("button", name="nobody-of-this-name").click()
    expect(live.row("dropme").first).to_be_visible()
    assert "actor" not in live.page.url


def test_the_panel_shows_the_change_and_follows_the_keys(site, visit):
    """j and k move the selection, the panel follows, and Esc closes it and resumes following."""
    site.run("""
        panel = User.objects.create_user('panel1', first_name='Ada', password='secret-9-long')
        panel.first_name = 'Augusta'; panel.save()
    """)
    live = visit(site).open("?object=panel1")
    expect(live.rows.first).to_be_visible()
    live.press("j")
    detail = live.page.locator("#detail")
    expect(detail.locator("h2")).to_contain_text("panel1")
    expect(detail.locator("del").first).to_have_text("Ada")
    expect(detail.locator("ins").first).to_have_text("Augusta")
    picked = live.page.locator(".row.picked")
    expect(picked).to_have_attribute("aria-selected", "true")
    assert live.page.locator("#grid").get_attribute("aria-activedescendant") == picked.get_attribute("id")
    first = picked.get_attribute("aria-rowindex")
    expect(live.page.locator("#grid")).to_be_focused()  # which reads the row that it points to
    live.press(".")
    expect(detail).to_be_focused()
    live.press("j")
    expect(live.page.locator("#announcer")).to_have_text(re.compile(r"panel1.*, 2 of \d"))
    expect(detail).to_be_focused()
    live.press("F6")
    expect(live.page.locator("#grid")).to_be_focused()
    live.press("k", "j")
    expect(live.page.locator(".row.picked")).not_to_have_attribute("aria-rowindex", str(first))
    live.press("k")
    expect(live.page.locator(".row.picked")).to_have_attribute("aria-rowindex", str(first))
    assert "event=" in live.page.url
    live.press("Escape")
    expect(detail).to_be_hidden()
    expect(live.page.locator("#follow")).to_have_attribute("aria-pressed", "true")


def test_of_a_relation_the_panel_shows_what_was_added_or_removed(site, visit):
    """There is only one side: added objects show nothing crossed out, removed ones nothing new."""
    site.run("""
        from django.contrib.auth.models import Group
        related, readers = User.objects.create_user('related1'), Group.objects.create(name='readers')
        related.groups.add(readers); related.groups.remove(readers)
    """)
    live = visit(site).open("?object=related1&signal=m2m_changed")
    detail = live.page.locator("#detail")
    for row, shown, absent in ((0, "del", "ins"), (1, "ins", "del")):
        live.rows.nth(row).click()
        expect(detail.locator(f".diff {shown}")).to_have_count(1)
        expect(detail.locator(f".diff {absent}")).to_have_count(0)


def test_secrets_stay_masked_in_the_panel(site, visit):
    """A password is masked in the row, the panel and the JSON."""
    site.run("User.objects.create_user('masked1', password='open-sesame-44')")
    live = visit(site).open("?object=masked1")
    live.model("User").first.click()
    detail = live.page.locator("#detail")
    expect(detail).to_contain_text("••••••••")
    expect(detail).to_contain_text("masked")
    assert "open-sesame-44" not in live.page.content()


def test_the_cascade_is_drawn_and_its_cause_can_be_followed(site, visit):
    """A profile's panel leads to the user's save that caused it, whose panel draws what it caused."""
    site.run("User.objects.create_user('cause1')")
    live = visit(site).open("?object=cause1")
    live.model("Profile").first.click()
    detail = live.page.locator("#detail")
    expect(detail.locator(".chain .cause")).to_be_visible()
    detail.locator(".chain .only").click()
    expect(detail.locator("h2")).to_contain_text("User")
    expect(detail.locator(".fall li").first).to_contain_text("save User cause1")
    expect(detail.locator(".fall")).to_contain_text("save Profile cause1")
    duration = detail.locator(".facts dt", has_text="Duration").locator("+ dd")
    expect(duration).to_contain_text(re.compile(r"\d (µs|ms|s) first to last signal"))
    # The receivers are known once the trace is over, and are asked for: first the cause alone, then its duration too.
    expect(detail.locator(".receivers li", has_text="create_profile")).to_contain_text("queries")
    expect(detail.locator(".fall li.receiver", has_text="create_profile")).to_have_count(1)


def test_enter_opens_the_whole_event_and_y_copies_its_link(site, visit):
    """The selected event has a page of its own."""
    site.run("User.objects.create_user('opened1')")
    live = visit(site, permissions=["clipboard-read", "clipboard-write"]).open("?object=opened1")
    expect(live.rows.first).to_be_visible()
    live.press("j", "y")
    expect(live.page.locator("#announcer")).to_have_text("Link copied")
    link = live.page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(site.url + "/events/")
    live.page.get_by_role("button", name="JSON", exact=True).click()
    expect(live.page.locator("#announcer")).to_have_text("JSON copied")
    assert json.loads(live.page.evaluate("navigator.clipboard.readText()"))["object_repr"] == "opened1"
    live.page.locator("#grid").focus()
    live.press("Enter")
    live.page.wait_for_url("**/events/*/")


def test_back_closes_the_panel_and_a_reload_keeps_it(site, visit):
    """Back closes it and stays on the page, Forward opens it; with an open event, also of a link, nothing follows."""
    site.run("User.objects.create_user('shared1')")
    live = visit(site, viewport={"width": 390, "height": 800}).open("?object=shared1")
    head, follow = live.page.locator("#detail h2"), live.page.locator("#follow")
    live.model("User").first.click()
    expect(head).to_contain_text("shared1")
    address = live.page.url
    live.press("j", "k", "Escape", "j")
    expect(head).to_contain_text("shared1")
    live.page.go_back()
    expect(live.page.locator("#detail")).to_be_hidden()
    expect(follow).to_have_attribute("aria-pressed", "true")
    assert live.page.url == f"{site.url}/?q=object%3Ashared1"
    live.page.go_forward()
    expect(head).to_contain_text("shared1")
    live.page.reload()
    expect(head).to_contain_text("shared1")
    live.page.go_back()
    expect(live.page.locator("#detail")).to_be_hidden()
    live.page.goto(address)
    expect(head).to_contain_text("shared1")
    expect(follow).to_have_attribute("aria-pressed", "false")
    live.page.go_back()
    expect(live.page.locator("#detail")).to_be_hidden()
    assert live.page.url == f"{site.url}/?q=object%3Ashared1"
    live.press("j")
    value = live.page.locator("#detail [data-of=outcome]")
    value.focus()
    live.press("Enter")
    expect(live.page.get_by_role("menuitem").first).to_be_focused()
    live.press("Enter")
    expect(live.page.locator("#pills")).to_contain_text("committed")
    expect(value).to_be_focused()
    live.page.go_back()
    expect(live.page.locator("#pills")).not_to_contain_text("committed")
    expect(head).to_contain_text("shared1")
    assert live.page.url == address


def test_the_keys_are_listed_and_the_theme_is_kept(site, visit):
    """`?` opens the list of keys, and the chosen theme survives a reload."""
    live = visit(site, color_scheme="light").open()
    live.press("?")
    expect(live.page.locator("#keys")).to_contain_text("Copy a link")
    live.press("Escape")
    expect(live.page.locator("#keys")).to_be_hidden()
    switch = live.page.locator(".icon-btn[data-theme-switch]")
    switch.click()
    switch.click()
    live.page.reload()
    assert live.page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert live.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(14, 17, 23)"


@pytest.mark.parametrize("width", [390, 768, 1100, 1440, 1920])
def test_no_width_scrolls_sideways(site, visit, width):
    """From a telephone to a wide screen everything fits, with and without the panel."""
    site.run(f"User.objects.create_user('wide{width}' + 'x' * 120)")
    live = visit(site, viewport={"width": width, "height": 844}).open()
    expect(live.rows.first).to_be_visible()
    fits = "[document.documentElement, document.querySelector('#grid')].every(e => e.scrollWidth <= e.clientWidth)"
    assert live.page.evaluate(fits)
    live.rows.first.click()
    expect(live.page.locator("#detail")).to_be_visible()
    assert live.page.evaluate(fits)
    box = live.page.locator("#detail").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= width


def test_a_narrow_screen_has_its_filters_in_a_drawer(site, visit):
    """On a telephone the facets open over the list and close again."""
    site.run("User.objects.create_user('drawer1')")
    live = visit(site, viewport={"width": 390, "height": 844}).open()
    live.page.locator("#facets-open").click()
    live.page.locator(".facet .include").filter(has_text="users.Profile").click()
    live.page.get_by_role("button", name="Done").click()
    expect(live.page.locator("#facets")).to_be_hidden()
    expect(live.model("User")).to_have_count(0)


def test_a_link_to_an_event_that_the_list_does_not_hold(site, visit):
    """It opens beside the list; one that is not in the log is said to be that; the filters lead on to the history."""
    live = visit(site).open("?event=1&q=nothing-has-this")
    expect(live.page.locator("#detail h2")).to_contain_text("mira")
    expect(live.page.locator("#status-bar a").first).to_have_text("Event 1 is not in this list")
    assert live.page.url.endswith("event=1")
    expect(live.state()).to_contain_text("Paused")
    live.press("Escape")
    expect(live.state()).to_have_text("Live · no match yet")
    live.page.goto(f"{site.url}/?q=model:auth.Usr")
    empty = live.page.locator("#empty-state")
    expect(empty).to_contain_text("no observed model has this label, and no event does. Did you mean 'auth.User'?")
    expect(empty).not_to_contain_text("will appear here")
    live.page.goto(f"{site.url}/?event=999999&actor=somebody")
    expect(live.page.locator("#status-bar a").first).to_have_text("Event 999999 is not in the log")
    expect(live.page.locator("#announcer")).to_have_text("Event 999999 is not in the log")
    assert (
        live.page.locator("#status-bar").get_by_role("link", name="History").get_attribute("href")
        == "/events/?q=actor%3Asomebody"
    )


def test_events_arriving_during_a_click_do_not_move_the_clicked_row(site, visit):
    """The row under the pointer is the one that opens, and it stays in place."""
    site.run("User.objects.create_user('pressed')")
    live = visit(site).open()
    row = live.row("pressed").first
    before = row.bounding_box()
    row.hover()
    live.page.mouse.down()
    counts = live.page.locator("#facets").inner_text()
    site.run("User.objects.create_user('meanwhile')")
    expect(live.page.locator("#facets")).not_to_have_text(counts, use_inner_text=True)
    live.page.mouse.up()
    expect(live.page.locator("#detail h2")).to_contain_text("pressed")
    after = row.bounding_box()
    assert (after["x"], after["y"]) == (before["x"], before["y"])
    expect(live.page.locator("#new")).to_have_text("2 new operations")
    assert live.row("meanwhile").count() == 0
