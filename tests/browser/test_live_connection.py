"""Nothing is lost when the connection is, and the page says where it stands."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.live_site import OBSERVER


def usernames(live) -> list[str]:
    """The created users that the page holds, newest first, read from its rows while scrolling through."""
    names: list[str] = []
    live.page.keyboard.press("g")
    for _ in range(60):
        for text in live.page.locator("#rows .row:not([hidden]) .obj").all_inner_texts():
            if text not in names:
                names.append(text)
        at_end = live.page.evaluate(
            "(() => { const g = document.querySelector('#grid'); const was = g.scrollTop; g.scrollTop += 400; return g.scrollTop === was })()"
        )
        live.page.wait_for_timeout(40)
        if at_end:
            break
    return names


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
    expect(live.page.locator("#foot")).to_contain_text("recovered 40 events", timeout=30_000)
    own_site.run("User.objects.create_user('down99')")
    expect(live.row("down99")).to_be_visible()
    names = [name.split()[-1] for name in usernames(live) if "down" in name]
    assert names == ["down99", *(f"down{n:02}" for n in range(40, 0, -1)), "down0"]


def test_a_restarting_server_says_so(own_site, visit):
    """A server that is asked to stop tells its pages; they come back by themselves."""
    live = visit(own_site)
    live.expected += ["WebSocket", "ERR_", "Failed to load"]
    live.open()
    own_site.server.terminate()
    expect(live.state()).to_have_text(re.compile("^(Server restarting|Reconnecting)"))
    own_site.server.start()
    expect(live.state()).to_have_text(re.compile("^Live"), timeout=30_000)


def test_logging_out_in_another_tab_empties_the_page(own_site, visit):
    """The session ends: so do the events on the screen, within ten seconds, with a way back in."""
    live = visit(own_site).open()
    expect(live.rows.first).to_be_visible()
    tab = live.page.context.new_page()
    tab.goto(f"{own_site.url}/accounts/profile/")
    tab.get_by_role("button", name="Account of").click()
    tab.get_by_role("button", name="Log out").click()
    expect(live.state()).to_have_text("Signed out", timeout=10_000)
    expect(live.page.locator("#over")).to_contain_text("You have been signed out")
    expect(live.rows).to_have_count(0)
    live.page.locator("#over a").click()
    assert live.page.url.endswith("/accounts/login/?next=%2F")


def test_a_lost_permission_empties_the_page(own_site, visit):
    """Who may no longer look sees nothing more, within ten seconds."""
    live = visit(own_site).open()
    expect(live.rows.first).to_be_visible()
    own_site.run(f"User.objects.get(username={OBSERVER!r}).user_permissions.clear()")
    expect(live.state()).to_have_text("No permission", timeout=10_000)
    expect(live.rows).to_have_count(0)


def test_what_is_no_longer_retained_is_a_row_in_the_list(own_site, visit):
    """A reset is never a silent hole: the list says from when to when something is missing."""
    live = visit(own_site)
    sent: list = []

    def server(ws):
        def hear(message: str) -> None:
            sent.append(message)
            if '"subscribe"' not in message:
                return
            if len([m for m in sent if '"subscribe"' in m]) > 1:
                ws.send('{"type":"reset","reason":"expired","oldest":900}')
            ws.send('{"type":"ready","cursor":"c1","server_time":"2026-11-22T14:10:00.000000Z","layer":"ok","database":"ok"}')
            number = 5 if len(sent) == 1 else 900
            ws.send('{"type":"events","cursor":"c2","events":[%s]}' % event(number, 2 if number == 5 else 9))
            if number == 5:
                live.page.wait_for_timeout(50)
                ws.close(code=1011)

        ws.on_message(hear)

    live.page.route_web_socket("**/ws/events/", server)
    live.page.goto(own_site.url)
    expect(live.page.locator(".row.gap")).to_contain_text(re.compile(r"\d\d:02–(Nov 22 )?\d\d:09 no longer retained"), timeout=10_000)
    texts = live.rows.all_inner_texts()
    assert ["900" in texts[0], "retained" in texts[1], "5" in texts[2]] == [True, True, True]


def event(number: int, minute: int) -> str:
    """An event as the server encodes it."""
    return (
        f'{{"id":{number},"signal":"post_save","sender":"auth.User","object_pk":"{number}","object_repr":"u{number}",'
        f'"created":true,"raw":false,"using":"default","update_fields":null,"origin":null,"changes":{{}},"receivers":[],'
        f'"duration_us":5,"trace_id":"00000000-0000-4000-8000-{number:012}","position":1,"parent_position":null,'
        f'"operation":1,"caused_by":"","outcome":"committed","error":"","actor_pk":"","actor_repr":"","source":"http",'
        f'"request_id":"","method":"","path":"","remote_addr":"","call_site":"",'
        f'"occurred_at":"2026-11-22T14:0{minute}:00.000000Z","process":"p:1","salt":"00","digest":"00","redacted_at":null}}'
    )


def test_a_hidden_tab_counts_in_its_title(own_site, visit):
    """In the background nothing is rendered; the title counts; coming back shows it all."""
    live = visit(own_site).open()
    expect(live.rows.first).to_be_visible()
    title = live.page.title()
    live.page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true})")
    live.page.evaluate("window.away = true; document.dispatchEvent(new Event('visibilitychange'))")
    own_site.run("User.objects.create_user('background')")
    expect(live.page).to_have_title(f"(4) {title}")
    assert live.row("background").count() == 0
    live.page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(live.row("background").first).to_be_visible()
    expect(live.page).to_have_title(title)


def test_a_storm_is_held_and_rendered_by_few_elements(own_site, visit):
    """5,000 events in a burst: each is counted, the page has no more elements than fit, and it answers at once."""
    live = visit(own_site)

    def server(ws):
        def hear(message: str) -> None:
            if '"subscribe"' not in message:
                return
            ws.send('{"type":"ready","cursor":"c","server_time":"2026-11-22T14:10:00.000000Z","layer":"ok","database":"ok"}')
            for start in range(1, 5001, 50):
                ws.send('{"type":"events","cursor":"c","events":[%s]}' % ",".join(event(n, 5) for n in range(start, start + 50)))

        ws.on_message(hear)

    live.page.route_web_socket("**/ws/events/", server)
    live.page.goto(own_site.url)
    expect(live.page.locator("#foot")).to_contain_text("5,000 operations of 5,000 events", timeout=15_000)
    assert live.page.evaluate("document.querySelectorAll('#rows *').length") < 700
    live.press("G")
    expect(live.row("u1").last).to_be_visible()
    expect(live.page.locator("#follow")).to_have_attribute("aria-pressed", "false")
    live.press("g")
    expect(live.row("u5000")).to_be_visible()
    expect(live.page.locator("#follow")).to_have_attribute("aria-pressed", "true")
