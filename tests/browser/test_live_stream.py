"""The live page shows what is committed, at once and only once, whatever it contains."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser import frames
from tests.browser.live_site import STRANGER, on_both_databases

NOTE_WHEN_SEEN = """(name) => {
    const rows = document.querySelector('#rows');
    new MutationObserver((_, observer) => {
        if (!rows.textContent.includes(name)) return;
        window.seen = Date.now();
        observer.disconnect();
    }).observe(rows, {subtree: true, childList: true, characterData: true});
}"""


@on_both_databases
def test_a_committed_event_appears_without_a_reload_within_a_second(site, visit):
    """A save in another process is on the open page within a second, with its cause; a busy machine has some tries."""
    live = visit(site).open()
    for name in ("appears1", "appears2", "appears3", "appears4", "appears5"):
        live.page.evaluate(NOTE_WHEN_SEEN, name)
        site.run(f"User.objects.create_user({name!r}, first_name='Ada')")
        user = live.model("User").filter(has_text=name)
        expect(user).to_be_visible()
        committed = user.locator("time").get_attribute("datetime")
        late = live.page.evaluate(f"seen - Date.parse({committed!r})")
        if late < 1000:
            break
    assert late < 1000
    profile = live.model("Profile").filter(has_text=name)
    expect(profile.locator(".kind")).to_have_text("created")
    expect(profile.locator(".cause")).to_be_visible()


@on_both_databases
def test_the_last_events_are_there_at_opening(site, visit):
    """A page opened later shows what happened before, newest first."""
    site.run("User.objects.create_user('before1'); User.objects.create_user('before2')")
    live = visit(site).open()
    expect(live.row("before2").first).to_be_visible()
    text = " ".join(live.texts())
    assert text.index("before2") < text.index("before1")


@on_both_databases
def test_rolled_back_work_is_unmistakable(site, visit):
    """Rolled-back work is marked in words and with an icon, and never shown as created."""
    live = visit(site).open()
    site.run("""
        try:
            with transaction.atomic():
                User.objects.create_user('undone1')
                raise ValueError('changed my mind')
        except ValueError:
            pass
    """)
    row = live.row("undone1").first
    expect(row.locator(".kind")).to_have_text("rolled back")
    expect(row).to_have_class(re.compile("^row undone( new)?$"))
    icon = row.locator(".kind").evaluate("e => getComputedStyle(e, '::before').content")
    assert "↺" in icon


@on_both_databases
def test_pre_and_post_are_one_row_and_every_signal_is_a_switch_away(site, visit):
    """An operation is one row, and the switch unfolds it into its signals."""
    live = visit(site).open("?object=folded1")
    site.run("User.objects.create_user('folded1')")
    expect(live.rows).to_have_count(2)
    live.page.get_by_role("button", name="Signals").click()
    expect(live.rows).to_have_count(4)
    expect(live.rows.first.locator(".kind")).to_have_text("pre_save")
    assert "view=signals" in live.page.url
    live.press("e")
    expect(live.rows).to_have_count(2)


@on_both_databases
def test_hostile_text_is_shown_as_text(site, visit):
    """Markup, bidirectional marks, control characters and a megabyte of text are shown like any other text."""
    site.run(r"""
        evil = User.objects.create_user('evil1')
        evil.first_name = '<img src=x onerror=alert(1)><script>alert(2)</script>'
        evil.last_name = 'a\u202egpj.exe\x1b[31m'
        evil.save()
        Profile.objects.filter(username='evil1').first() and None
        profile = Profile.objects.get(user=evil); profile.bio = 'y' * 1_000_000; profile.save()
    """)
    live = visit(site).open("?object=evil1")
    live.page.on("dialog", lambda dialog: live.note("a script ran"))
    expect(live.row("<img src=x").first).to_be_visible()
    live.model("User").filter(has_text="updated").click()
    detail = live.page.locator("#detail")
    expect(detail).to_contain_text("<script>alert(2)</script>")
    expect(detail).to_contain_text("a[U+202E]gpj.exe[U+001B][31m")
    assert live.page.locator("main img, main script:not([type='application/json'])").count() == 0
    live.row("bio").first.click()
    expect(detail).to_contain_text("1000000 characters")
    assert live.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_strangers_log_in_and_others_are_refused(site, visit):
    """Nobody sees events without the permission: anonymous visitors get the log-in, everyone else a 403."""
    nobody = visit(site, None)
    nobody.page.goto(f"{site.url}/?actor=x")
    assert "/accounts/login/" in nobody.page.url
    assert "next=/%3Factor" in nobody.page.url or "next=/?actor" in nobody.page.url
    eve = visit(site, STRANGER)
    eve.expected.append("403")
    answer = eve.page.goto(f"{site.url}/")
    assert answer is not None
    assert answer.status == 403
    assert eve.page.locator("#grid").count() == 0


def test_the_page_has_a_strict_policy_and_no_inline_code(site, visit):
    """The response forbids inline script and style, and the page contains none."""
    live = visit(site)
    answer = live.page.goto(f"{site.url}/")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    html = answer.text()
    assert "style=" not in html
    assert "onclick" not in html


def test_without_javascript_the_page_leads_to_the_history(site, visit):
    """Without a script there is a sentence and a link to the pages that work."""
    live = visit(site, java_script_enabled=False)
    live.page.goto(f"{site.url}/?q=model%3AUser")
    expect(live.state()).to_be_hidden()
    expect(live.page.locator("header noscript .chip")).to_be_visible()
    live.page.get_by_role("link", name="Open the history").click()
    assert live.page.url.endswith("/events/?q=model%3AUser")


def test_an_empty_log_says_how_to_make_the_first_event(own_site, visit):
    """With an empty log the page is not blank."""
    live = visit(own_site)
    silent = frames.answering(lambda socket, nth: socket.send(frames.ready()))
    live.page.route_web_socket("**/ws/events/", silent)
    frames.history(live.page)
    live.open()
    expect(live.page.locator("#empty-state")).to_contain_text("No events yet")
    expect(live.page.locator("#empty-state")).to_contain_text("users.Profile")
