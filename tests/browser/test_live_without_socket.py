"""Where no websocket opens, the page says why, and lives by asking the history."""

from __future__ import annotations

import re
from contextlib import closing

from playwright.sync_api import expect

from tests.browser.live_site import Address, Worker, copied, on
from tests.servers.daphne import Daphne, listen
from tests.servers.wsgi import WsgiServer

HIDE = "Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true})"


def turn(page, *, away: bool) -> None:
    """Hide the tab, or show it again."""
    page.evaluate(f"window.away = {str(away).lower()}; document.dispatchEvent(new Event('visibilitychange'))")


def test_under_wsgi_the_page_lives_by_asking_and_returns_to_the_socket(site_database, tmp_path, visit):
    """News arrives within seconds, filters hold, a hidden tab asks nothing, and a server with sockets is used again."""
    env = on(copied(site_database, tmp_path))
    with closing(Worker(env)) as worker:
        with closing(WsgiServer(env)) as server:
            live = visit(Address(server.url))
            live.expected += ["WebSocket", "ERR_", "Failed to load"]
            live.page.goto(f"{server.url}/?sender=auth.User")
            notice = live.page.locator("#no-socket")
            expect(notice).to_contain_text("No websocket: this server runs the site under WSGI.", timeout=15_000)
            expect(notice).to_contain_text("run an ASGI server such as daphne")
            expect(live.state()).to_have_text(re.compile("^Every 2 s"))
            expect(live.rows.first).to_be_visible()
            worker.run("User.objects.create_user('polly')")
            expect(live.row("polly")).to_have_count(1)
            assert live.model("Profile").count() == 0

            asked: list[str] = []
            live.page.on("request", lambda request: asked.append(request.url))
            live.page.evaluate(HIDE)
            turn(live.page, away=True)
            live.page.wait_for_timeout(300)  # what was asked before is answered
            asked.clear()
            live.page.wait_for_timeout(2200)
            assert [url for url in asked if "format=json" in url] == []
            worker.run("User.objects.create_user('hester')")
            turn(live.page, away=False)
            expect(live.row("hester")).to_have_count(1)
        with closing(listen(server.port)) as shared, closing(Daphne(env, shared)):
            live.page.evaluate("dispatchEvent(new Event('online'))")  # the next attempt at once, not in half a minute
            expect(live.state()).to_have_text(re.compile("^Live"), timeout=30_000)
            expect(notice).to_have_count(0)
            worker.run("User.objects.create_user('lena')")
            expect(live.row("lena")).to_have_count(1)
            expect(live.row("polly")).to_have_count(1)


def test_an_asgi_file_without_a_websocket_is_named_and_the_page_lives(site_database, tmp_path, visit):
    """The asgi.py that `startproject` wrote answers the handshake with 500; the page says what to write instead."""
    (tmp_path / "plain.py").write_text(
        "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n"
    )
    env = on(copied(site_database, tmp_path))
    plain = {**env, "PYTHONPATH": str(tmp_path)}
    with closing(Daphne(plain, application="plain:application")) as server, closing(Worker(env)) as worker:
        live = visit(Address(server.url))
        live.expected += ["WebSocket", "ERR_", "Failed to load"]
        live.page.goto(f"{server.url}/?sender=auth.User")
        notice = live.page.locator("#no-socket")
        expect(notice).to_contain_text("No websocket: the site's asgi.py has no route for /ws/events/.", timeout=15_000)
        expect(notice).to_contain_text("the README of signal_log has an asgi.py to paste")
        expect(live.state()).to_have_text(re.compile("^Every 2 s"))
        worker.run("User.objects.create_user('polly')")
        expect(live.row("polly")).to_have_count(1)
