"""Addresses, values and settings of the browser that the live page has to take as they come."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.look import IS_WITHIN

NEVER_BLANK = "#rows .row:not([hidden]), #empty-state:not([hidden])"
WRONG = (
    ("q=(ada", "This bracket is never closed"),
    ('q="ada', "This quotation mark is never closed"),
    ("q=ada+took:", "This key has no value"),
    ("q=outcome:fai", "There is no such outcome"),
    ("q=wibble:1", "No events match"),
    ("q=model:Gone", "no observed model has this name"),
    ("sender=shop.Gone&outcome=!committed", "no observed model has this label"),
    ("since=yesterday", "yesterday"),
    ("cols=time.kind.shape&view=ancient&colour=red&event=abc", "logged in"),
)
READERS: tuple[dict[str, Any], ...] = (
    {"viewport": {"width": 720, "height": 450}, "device_scale_factor": 2},  # 1440 x 900 at 200 %
    {"forced_colors": "active", "timezone_id": "Asia/Kathmandu", "locale": "ar"},
    {"reduced_motion": "reduce", "timezone_id": "America/New_York", "color_scheme": "dark"},
)
SHOWN_TIME = "document.querySelector('#rows .row:not([hidden]) .time').textContent"


def told(page: Page) -> str:
    """Return all that the page says to a reader, fields included."""
    said: str = page.evaluate("document.body.innerText + [...document.querySelectorAll('input')].map(one => one.value)")
    return said


def test_an_address_that_is_not_understood_says_so(site: Any, visit: Any) -> None:
    """The page lives: it shows rows or why there are none, and what of its address is wrong, where it is."""
    live = visit(site)
    live.expected += ["400 (Bad Request)"]
    for query, said in WRONG:
        live.page.goto(f"{site.url}/?{query}")
        expect(live.page.locator("body")).to_contain_text(re.compile(re.escape(said)), timeout=15_000)
        expect(live.page.locator(NEVER_BLANK).first).to_be_visible(timeout=15_000)
        assert said in told(live.page), query


@pytest.mark.parametrize("options", READERS, ids=["zoom", "forced colours", "reduced motion"])
def test_whoever_reads_it_reads_everything(site: Any, visit: Any, options: dict[str, Any]) -> None:
    """At 200 %, in colours of the system's, without motion, in any zone: nothing is cut off the page or invisible."""
    name = "\u0639\u062f\u0627 of " + options.get("timezone_id", "zoom").replace("/", "")
    site.run(f"User.objects.create_user({name!r}, first_name={name!r})")
    live = visit(site, **options).open("?q=model:User")
    row = live.row(name).first
    expect(row).to_be_visible()
    assert live.page.evaluate(IS_WITHIN)
    row.click()
    expect(live.page.locator("#detail h2")).to_contain_text(name)
    assert live.page.evaluate(IS_WITHIN)
    for control in ("#follow", "#view-open", "#search"):
        if live.page.locator("#detail").bounding_box()["width"] < live.page.viewport_size["width"]:
            expect(live.page.locator(control)).to_be_in_viewport()
    live.press("Escape")
    expect(row).to_be_visible()
    if "timezone_id" in options:
        local = live.page.evaluate(SHOWN_TIME)
        live.press("t")
        expect(live.page.locator("#clock")).to_have_text("Time UTC")
        live.page.wait_for_function(f"{SHOWN_TIME}.slice(0, 2) !== {local[:2]!r}")
    if "reduced_motion" in options:
        assert live.page.evaluate("document.getAnimations().length") == 0
