"""Filtering by time in a browser: on the live page, where an event comes when its trace is over, and in the history."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations

SCENE = """
import time
from django.db.models.signals import post_save
def nap(instance, **_):
    if instance.username.startswith("{slow}"): time.sleep(0.5)  # longer than a busy machine stands still
post_save.connect(nap, sender=User, weak=False)
for name in ("{quick}", "{slow}"): User(username=name).save()
post_save.disconnect(nap, sender=User)
"""


def saves(site, quick: str, slow: str) -> None:
    """Save two users, one of which a receiver keeps for half a second."""
    site.run(f"exec({SCENE.format(quick=quick, slow=slow)!r})")


@pytest.mark.parametrize("width", [1440, 390])
def test_only_what_took_long_comes_to_the_live_page(site, visit, width):
    """A filter is typed like any other; the page says when events come, and a slow save comes with both signals."""
    live = visit(site, viewport={"width": width, "height": 800})
    live.open()
    note = live.page.get_by_text("an event appears once its trace is over")
    expect(note).to_be_hidden()
    search = live.page.locator("#search")
    search.fill("took:abc")
    live.press("Enter")
    expect(live.page.locator("#search-problem")).to_contain_text("This is no duration")
    expect(live.page.locator("#search-mirror mark")).to_have_text("abc")
    search.fill("took:>400ms")
    live.press("Enter")
    expect(note).to_be_visible()
    assert "q=took%3A%3E400ms" in live.page.url
    saves(site, f"quick{width}", f"late{width}")
    expect(live.row(f"late{width}").first).to_be_visible()
    expect(live.row(f"quick{width}")).to_have_count(0)
    live.row(f"late{width}").first.click()
    expect(live.page.locator("#detail .facts")).to_contain_text("pre_save, post_save")
    expect(live.page.locator("#detail .receivers li").first).to_contain_text("slow")
    live.press("Escape")
    assert live.page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(live.page) == []
    live.open("?took=%3E400ms")  # what ended before comes with the page
    expect(live.row(f"late{width}").first).to_be_visible()
    live.page.get_by_role("button", name="Remove the filter took is >400ms").click()
    expect(live.row(f"quick{width}").first).to_be_visible()
    expect(note).to_be_hidden()


def test_the_history_finds_what_took_long(site, visit):
    """The field takes what /traces/ takes, and says what is no duration."""
    saves(site, "prompt", "tardy")
    reader = visit(site)
    reader.expected += ["400 (Bad Request)"]
    reader.page.goto(site.url + "/events/?sender=auth.User")
    field = reader.page.get_by_label("Took")
    field.fill("soon")
    field.press("Enter")
    expect(reader.page.locator("#p-took")).to_contain_text("must be a duration such as 100ms")
    reader.page.get_by_label("Took").fill(">400ms")
    reader.page.get_by_label("Took").press("Enter")
    expect(reader.page.locator("table.log")).to_contain_text("tardy")
    expect(reader.page.locator("table.log")).not_to_contain_text("prompt")
    expect(reader.page.locator(".pills")).to_contain_text("took >400ms")
