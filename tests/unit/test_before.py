"""What a request fired reaches the page that its redirect leads to, and no other."""

from __future__ import annotations

import time
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.test import RequestFactory

from signal_log.show.toolbar.before import COOKIE, SALT, Step, hand_on

STEP = Step("POST", "0197c2b1-0000-7000-8000-000000000000", 3, 84_000, "create_profile\tmade a Profile")


class Browser:
    """Keeps cookies, as a browser does."""

    def __init__(self) -> None:
        self.cookies: SimpleCookie = SimpleCookie()

    def ask(self, path: str, own: Step | None = None, status: int = 200, **headers: str) -> list[Step]:
        """Send a request, answered with this status and headers; returns the steps that its page may tell of."""
        return self.hand_on(RequestFactory().get(path), own, HttpResponse(status=status, headers=headers))

    def hand_on(self, request: HttpRequest, own: Step | None, response: HttpResponseBase) -> list[Step]:
        """Have the request answered with this response."""
        request.COOKIES.update({name: one.value for name, one in self.cookies.items() if one.value})
        steps = hand_on(request, response, own)
        self.cookies.update(response.cookies)
        return list(steps)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (302, {"Location": "/profile/?tab=1#top"}),
        (303, {"Location": "?tab=1"}),
        (307, {"Location": "http://testserver/profile/?tab=1"}),
        (200, {"HX-Redirect": "/profile/?tab=1"}),
        (204, {"HX-Location": "/profile/?tab=1"}),
        (204, {"HX-Location": '{"path": "/profile/?tab=1", "target": "main"}'}),
    ],
)
def test_the_page_a_redirect_leads_to_takes_it_once(status: int, headers: Any) -> None:
    """A poll of another tab in between takes nothing, and a reload of the page has nothing more."""
    browser = Browser()
    request = RequestFactory().post("/profile/", headers={"host": "testserver"})
    assert browser.hand_on(request, STEP, HttpResponse(status=status, headers=headers)) == []
    assert browser.ask("/poll/") == browser.ask("/profile/") == []
    assert browser.hand_on(RequestFactory().head("/profile/?tab=1"), None, HttpResponse()) == []
    assert browser.ask("/profile/?tab=1") == [STEP]
    assert browser.ask("/profile/?tab=1") == []


def test_a_script_does_not_take_what_is_left_for_a_page() -> None:
    """Nor the other way round; htmx goes to a page by HX-Redirect, and asks by script for HX-Location."""

    def ask(method: str, mode: str, own: Step | None = None, **headers: str) -> list[Step]:
        response = HttpResponse(status=302 if "Location" in headers else 204, headers=headers)
        request = RequestFactory().generic(method, "/a/", headers={"Sec-Fetch-Mode": mode})
        return browser.hand_on(request, own, response)

    for asked, header, answered, other in (
        ("navigate", "Location", "navigate", "cors"),
        ("cors", "Location", "same-origin", "navigate"),
        ("cors", "HX-Redirect", "navigate", "cors"),
        ("cors", "HX-Location", "cors", "navigate"),
    ):
        browser = Browser()
        ask("POST", asked, STEP, **{header: "/a/"})
        assert ask("GET", other) == []
        assert ask("GET", answered) == [STEP]


def test_a_chain_keeps_its_last_five() -> None:
    """Each redirect hands on what came before it; requests that fired nothing add nothing."""
    browser = Browser()
    for number in range(7):
        own = STEP._replace(operations=number) if number else None
        browser.ask(f"/{number}/", own, 302, Location=f"/{number + 1}/")
    browser.ask("/7/", None, 302, Location="/8/")
    assert [step.operations for step in browser.ask("/8/")] == [2, 3, 4, 5, 6]


def test_two_tabs_each_find_their_own() -> None:
    """And however many there are, the cookie stays small."""
    browser = Browser()
    for tab in "ab":
        browser.ask("/form/", STEP._replace(words=tab), 302, Location=f"/{tab}/")
    assert [browser.ask(f"/{tab}/")[0].words for tab in "ab"] == ["a", "b"]
    for number in range(40):
        browser.ask("/form/", STEP._replace(words=str(number) * 60), 302, Location=f"/{number}/")
    assert len(browser.cookies[COOKIE].value) < 3_600
    assert browser.ask("/39/") != []
    assert browser.ask("/1/") == []


@pytest.mark.parametrize(
    "location", ["https://elsewhere.example/", "//elsewhere.example/", "http://[bad", "mailto:a@example.org"]
)
def test_what_leads_to_another_site_leaves_nothing(location: str) -> None:
    """Nor does an address that is none."""
    browser = Browser()
    request = RequestFactory().post("/", headers={"host": "testserver"})
    browser.hand_on(request, STEP, HttpResponse(status=302, headers={"Location": location}))
    assert COOKIE not in browser.cookies


def test_a_forged_cookie_or_an_old_one_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It lives for a minute, signed; one that another version wrote is not understood, and no error either."""
    browser = Browser()
    browser.ask("/form/", STEP, 302, Location="/a/")
    kept = browser.cookies[COOKIE].value
    for wrong in (kept[:-1], "x", signing.dumps([["hash"]], salt=SALT), signing.dumps(7, salt=SALT)):
        browser.cookies[COOKIE] = wrong
        assert browser.ask("/a/") == []
    browser.cookies[COOKIE] = kept
    later = time.time() + 61
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    assert browser.ask("/a/") == []


def test_the_cookie_names_no_address() -> None:
    """A redirect's address may hold a token."""
    browser = Browser()
    browser.ask("/form/", STEP, 302, Location="/reset/MQ/secret-token/")
    assert "secret" not in str(signing.loads(browser.cookies[COOKIE].value, salt=SALT))
    assert browser.cookies[COOKIE]["httponly"]
    assert browser.cookies[COOKIE]["max-age"] == 60
