"""The live page says what a save overwrote unseen, and which signals no save sent."""

from __future__ import annotations

from playwright.sync_api import expect


def test_an_overwrite_is_one_line_and_a_notice(site, visit):
    """A stale save says in its row what it overwrote, and in the panel; the text is text."""
    live = visit(site).open()
    site.run("""
        Profile.objects.filter(user__username="mira").update(headline="old")
        stale = Profile.objects.get(user__username="mira")
        Profile.objects.filter(pk=stale.pk).update(headline="<b>seven</b>")
        stale.headline = "six"
        stale.save(update_fields=["headline"])
    """)
    row = live.row("which it had not seen")
    expect(row.locator(".chg")).to_have_text("headline→sixoverwrote <b>seven</b>, which it had not seen")
    row.click()
    panel = live.page.locator("#detail")
    expect(panel.locator(".notice")).to_have_text("Overwrote <b>seven</b>, which it had not seen.")
    expect(panel.locator(".diff .remark")).to_have_text("its writer had not seen the old value")


def test_a_signal_sent_by_hand_has_its_own_word(site, visit):
    """It is no saving, no update, and the panel says so."""
    live = visit(site).open()
    site.run("""
        from django.db.models.signals import pre_save
        mira = Profile.objects.get(user__username="mira")
        pre_save.send(Profile, instance=mira, raw=False, using="default", update_fields=None)
    """)
    row = live.row("no save or delete sent this signal")
    expect(row.locator(".kind")).to_have_text("sent by hand")
    row.click()
    expect(live.page.locator("#detail .notice")).to_have_text("Sent by hand: no save or delete sent this signal.")
    expect(live.page.locator("#detail h3", has_text="Changes")).to_have_count(0)
