"""The live page counts what its events have found written past Django, and leads to the list of it."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.axe import violations


def test_writes_past_django_are_counted_and_listed(site, visit):
    """The row says which field, the bar how many, and its link leads to the list, which names both events."""
    site.run("""
        from signal_log import clock
        from signal_log.models import FoundBreak, SignalEvent
        profile = Profile.objects.get(user__username="mira")
        for headline in ("one", "two"):
            profile.headline = headline
            profile.save(update_fields=["headline"])
        after, before = SignalEvent.objects.filter(signal="post_save", sender="users.Profile")[:2]
        FoundBreak.objects.create(before=before.pk, after=after.pk, field="headline", found_at=clock.now())
    """)
    live = visit(site).open()
    link = live.page.locator("#status-bar").get_by_role("link", name="1 write past Django")
    expect(link).to_be_visible()
    expect(live.row("two").locator(".remark")).to_have_text("found headline written past Django")
    assert violations(live.page) == []
    link.click()
    expect(live.page).to_have_url(re.compile(r"/past-writes/$"))
    expect(live.page.locator("main")).to_contain_text(
        re.compile(r"headline was one after event \d+ and event \d+ found one")
    )
    assert violations(live.page) == []
