"""A lost connection loses no event, and the page shows the state of the connection."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import expect

from tests.browser import frames
from tests.browser.live_site import OBSERVER, on_both_databases

SCROLL_ON = """(() => {
    const grid = document.querySelector('#grid');
    const before = grid.scrollTop;
    grid.scrollTop += 400;
    return grid.scrollTop === before;
})()"""


def usernames(live) -> list[str]:
    """Return the created users that the page holds, newest first, read from its rows while scrolling through."""
    names: list[str] = []
    live.page.keyboard.press("g")
    for _ in range(60):
        names += [text for text in live.texts(".obj") if text not in names]
        at_end = live.page.evaluate(SCROLL_ON)
        live.page.wait_for_timeout(40)
        if at_end:
            break
    return names


@on_both_databases
def test_a_killed_and_restarted_server_loses_nothing(own_site, visit):
    """What was committed while the server was down is filled in, once, and the page says how much it was."""
    live = visit(own_site)
    live.expected += ["WebSocket", "ERR_", "Failed to load"]
    live.open("?sender=auth.User&signal=post_save")
    own_site.run("User.objects.create_user('down0')")
    expect(live.row("down0")).to_be_visible()
    own_site.server.kill()
    expect(live.state()).to_have_text(re.compile(r"^Reconnecting"))
    own_site.run("for n in range(1, 41): User.objects.create_user(f'down{n:02}')")
    own_site.server.start()
    expect(live.page.locator("#status-bar")).to_contain_text("recovered 40 events", timeout=30_000)
    own_site.run("User.objects.create_user('down99')")
    expect(live.row("down99")).to_be_visible()
    names = [name.split()[-1] for name in usernames(live) if "down" in name]
    assert names == ["down99", *(f"down{n:02}" for n in range(40, 0, -1)), "down0"]


@on_both_databases
def test_a_restarting_server_says_so(own_site, visit):
    """A server that is asked to stop tells its pages, which reconnect by themselves."""
    live = visit(own_site)
    live.expected += ["WebSocket", "ERR_", "Failed to load"]
    live.open()
    own_site.server.terminate()
    expect(live.state()).to_have_text(re.compile("^(Server restarting|Reconnecting)"))
    own_site.server.start()
    expect(live.state()).to_have_text(re.compile("^Live"), timeout=30_000)


@on_both_databases
def test_logging_out_in_another_tab_empties_the_page(own_site, visit):
    """Within ten seconds of the log-out the events are gone from the screen, and there is a way back in."""
    live = visit(own_site).open()
    expect(live.rows.first).to_be_visible()
    tab = live.page.context.new_page()
    tab.goto(f"{own_site.url}/accounts/profile/")
    tab.get_by_role("button", name="Account:").click()
    tab.get_by_role("button", name="Log out").click()
    expect(live.state()).to_have_text("Logged out", timeout=10_000)
    expect(live.page.locator("#empty-state")).to_contain_text("You have been logged out")
    expect(live.rows).to_have_count(0)
    live.page.locator("#empty-state a").click()
    assert live.page.url.endswith("/accounts/login/?next=%2F")


@on_both_databases
def test_a_lost_permission_empties_the_page(own_site, visit):
    """Whoever loses the permission sees nothing more within ten seconds."""
    live = visit(own_site)
    live.expected.append("403 (Forbidden)")  # if the page happens to request older events now
    live.open()
    expect(live.rows.first).to_be_visible()
    own_site.run(f"User.objects.get(username={OBSERVER!r}).user_permissions.clear()")
    expect(live.state()).to_have_text("No permission", timeout=10_000)
    expect(live.rows).to_have_count(0)


def test_a_page_too_many_says_so_and_stays_as_it_is(own_site, visit):
    """It keeps its events, says why it gets no more and what to do, and does not drive out another page in turn."""
    live = visit(own_site)
    opened = []

    def answers(socket: Any, nth: int) -> None:
        opened.append(nth)
        socket.send(frames.ready())
        socket.send(frames.events([5]))
        live.page.wait_for_timeout(50)
        told = "Your account may have 20 live pages open at once. Reload this one to continue here."
        socket.send(json.dumps({"type": "error", "code": "too_many_sockets", "detail": told}))
        socket.close(code=4429)

    live.page.route_web_socket("**/ws/events/", frames.answering(answers))
    frames.history(live.page)
    live.page.goto(own_site.url)
    expect(live.state()).to_have_text("Too many live pages", timeout=10_000)
    expect(live.page.locator(".messages")).to_contain_text("20 live pages open at once. Reload this one")
    expect(live.row("u5")).to_be_visible()
    assert opened == [1]


def test_events_no_longer_retained_are_a_row_in_the_list(own_site, visit):
    """A reset never leaves a silent hole: the list says from when to when events are missing."""
    live = visit(own_site)

    def answers(socket: Any, nth: int) -> None:
        if nth == 1:
            socket.send(frames.ready())
            socket.send(frames.events([5], minute=2))
            live.page.wait_for_timeout(50)
            socket.close(code=1011)
            return
        socket.send(frames.reset("expired", 900))
        socket.send(frames.ready())
        socket.send(frames.events([900], minute=9))

    live.page.route_web_socket("**/ws/events/", frames.answering(answers))
    frames.history(live.page)
    live.page.goto(own_site.url)
    gap = re.compile(r"\d\d:02.+\d\d:09 no longer retained")
    expect(live.page.locator(".row.gap")).to_contain_text(gap, timeout=10_000)
    texts = live.texts()
    assert ["900" in texts[0], "retained" in texts[1], "u5" in texts[2]] == [True, True, True]


def test_a_hidden_tab_counts_in_its_title(own_site, visit):
    """In the background nothing is rendered and the title counts; coming back shows everything."""
    live = visit(own_site).open()
    expect(live.rows.first).to_be_visible()
    title = live.page.title()
    live.page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true})")
    live.page.evaluate("window.away = true; document.dispatchEvent(new Event('visibilitychange'))")
    own_site.run("User.objects.create_user('background')")
    expect(live.page).to_have_title(f"(2) {title}")
    assert live.row("background").count() == 0
    live.page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(live.row("background").first).to_be_visible()
    expect(live.page).to_have_title(title)


def test_a_storm_is_held_and_rendered_by_few_elements(own_site, visit):
    """In a burst of 5,000 events each is counted, the page has only as many elements as fit, and responds at once."""
    live = visit(own_site)

    def answers(socket: Any, nth: int) -> None:
        socket.send(frames.ready())
        for start in range(1, 5001, 50):
            socket.send(frames.events(range(start, start + 50)))

    live.page.route_web_socket("**/ws/events/", frames.answering(answers))
    frames.history(live.page)
    live.page.goto(own_site.url)
    expect(live.page.locator("#status-bar")).to_contain_text("5,000 listed", timeout=15_000)
    assert live.page.evaluate("document.querySelectorAll('#rows *').length") < 700
    live.press("G")
    expect(live.row("u1").last).to_be_visible()
    expect(live.page.locator("#follow")).to_have_attribute("aria-pressed", "false")
    live.press("g")
    expect(live.row("u5000")).to_be_visible()
    expect(live.page.locator("#follow")).to_have_attribute("aria-pressed", "true")


def test_a_query_that_the_server_refuses_gives_way_to_the_last_good_one(site, visit):
    """The page says why, has the refused text in its field, and goes on showing what it showed."""

    def answers(socket, nth):
        if nth == 2:
            detail = "At character 1: This server does not know it."
            socket.send(json.dumps({"type": "error", "code": "bad_filter", "detail": detail}))
            return
        socket.send(frames.ready())
        socket.send(frames.events([5]))

    live = visit(site)
    live.page.route_web_socket("**/ws/events/", frames.answering(answers))
    frames.history(live.page)
    live.open("?actor=ada")
    expect(live.row("u5")).to_be_visible()
    field = live.page.get_by_role("combobox")
    field.fill("outcome:failed")
    live.press("Enter")
    said = live.page.locator("#search-problem")
    expect(said).to_have_text(
        "At character 1: This server does not know it. The last query that can be shown is shown again."
    )
    expect(live.page.locator("#announcer")).to_contain_text("does not know it")
    expect(field).to_have_value("outcome:failed")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(live.row("u5")).to_be_visible()
    expect(live.page.locator("#pills .pill")).to_have_text([re.compile("actor ada")])
    assert live.page.url.endswith("/?q=actor%3Aada")
