"""The page of a trace in a real browser: its overview, its keys, and its speed when it is long."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations

SCENE = """
import time, signal_log
from django.db.models.signals import post_save
naps = {"slow": 0.4}  # longer than a busy machine stands still
def restock(instance, **_): time.sleep(naps.get(instance.username, 0))
def mail(instance, **_):
    if instance.username.startswith("bad"): raise ValueError("no mail")
post_save.connect(restock, sender=User, weak=False)
for n in range(30): User.objects.create_user(f"usual{n}", password=None)
post_save.connect(mail, sender=User, weak=False)
with signal_log.batch():
    for n in range(3): User.objects.create_user(f"first{n}", password=None)
    User.objects.create_user("slow", password=None)
    for n in range(2):
        try:
            with transaction.atomic(): User.objects.create_user(f"bad{n}", password=None)
        except ValueError: pass
    for n in range(48): User.objects.create_user(f"loop{n}", password=None)  # some of them slow on a busy machine
post_save.disconnect(restock, sender=User); post_save.disconnect(mail, sender=User)
"""
LONG = """
with signal_log.batch():
    for n in range(750): User.objects.create_user(f"long{n}", password=None)
"""
SPAN = """() => [...document.querySelectorAll("#falls .axis span")].map(e => e.textContent)"""
WHOLE = "0 0 1000 8"
ROWS = """[...document.querySelectorAll("#falls tr[data-level]")]"""
FOCUSED = f"""() => {ROWS}.indexOf(document.activeElement.closest("tr"))"""
LEVELS = f"""() => {ROWS}.filter(e => !e.hidden).map(e => +e.dataset.level)"""


def bar(page: Page) -> Any:
    """Find the first bar below the one of the whole trace."""
    return page.locator("#falls tr[data-level] .fall").first


@pytest.fixture(scope="module")
def traces(site):
    """The addresses of a trace with errors and a slow receiver, and of a long one."""
    facts = Path(site.env["DATABASE_URL"].removeprefix("sqlite:///") + ".traces")
    site.run(f"import signal_log; exec({LONG!r})")
    site.run(f"exec({SCENE!r})")  # last, so that its receivers run in the newest events
    site.run(f"""
        traces = [SignalEvent.objects.filter(object_repr=name).first().trace_id for name in ("slow", "long5")]
        open({str(facts)!r}, "w").write("{{}} {{}}".format(*traces))
    """)
    short, long = facts.read_text().split()
    return f"/traces/{short}/", f"/traces/{long}/?all=1"


@pytest.fixture
def opened(site, visit, traces):
    """The page of the short trace."""
    live = visit(site)
    live.page.goto(site.url + traces[0])
    expect(live.page.locator("#trace-tools")).to_be_visible()
    return live


def test_the_time_is_zoomed_and_moved_by_keys(opened):
    """Up and down zoom, a and d move, Escape shows the whole trace again; axis and bars agree."""
    page = opened.page
    whole = page.evaluate(SPAN)
    opened.press("ArrowUp", "ArrowUp")
    zoomed = page.evaluate(SPAN)
    assert zoomed[0] != whole[0]
    assert zoomed[1] != whole[1]
    expect(page.locator("#trace-said")).to_have_text(re.compile(f"^{zoomed[0]} to {zoomed[1]}, .* of {whole[1]}$"))
    expect(bar(page)).not_to_have_attribute("viewBox", WHOLE)
    assert page.evaluate("scrollY") == 0
    opened.press("d")
    moved = page.evaluate(SPAN)
    opened.press("a")
    assert moved != zoomed == page.evaluate(SPAN)
    opened.press("Escape")
    assert page.evaluate(SPAN) == whole
    expect(bar(page)).to_have_attribute("viewBox", WHOLE)
    expect(page.get_by_role("button", name="Zoom out")).to_be_disabled()
    opened.press("s", "s", "w")
    assert page.evaluate("scrollY") == pytest.approx(0.2 * 900, abs=2)


def test_everything_is_folded_and_opened_by_keys(opened):
    """Closing all leaves the outermost rows, and a row's own button opens that row alone."""
    page = opened.page
    all_rows = page.evaluate(LEVELS)
    opened.press("[")
    closed = page.evaluate(LEVELS)
    assert set(closed) == {1}
    expect(page.locator("#trace-said")).to_have_text(f"{len(closed)} of {len(all_rows)} rows shown")
    caret = page.get_by_role("button", name="Rows below").first
    expect(caret).to_have_attribute("aria-expanded", "false")
    caret.focus()
    opened.press("Enter")
    expect(caret).to_have_attribute("aria-expanded", "true")
    assert page.evaluate(LEVELS) == [1, 2, *closed[1:]]
    opened.press("]")
    assert page.evaluate(LEVELS) == all_rows


def test_the_next_error_is_found_wherever_it_is(opened):
    """What hides it is opened, the axis follows, and the row has the focus; after the last error comes the first."""
    page = opened.page
    opened.press("[", *["ArrowUp"] * 14, "n")
    focused = page.locator("th:focus")
    expect(focused).to_contain_text("ValueError: no mail")
    expect(focused).to_be_in_viewport()
    expect(page.locator("#trace-said")).to_have_text("Error 1 of 2")
    first = focused.bounding_box()["y"] + page.evaluate("scrollY")
    from_, wide = page.locator("tr:has(th:focus) .fall").evaluate("e => [e.viewBox.baseVal.x, e.viewBox.baseVal.width]")
    at = page.locator("tr:has(th:focus) .fall rect").evaluate("e => e.x.baseVal.value")
    assert from_ <= at <= from_ + wide < 1000
    opened.press("n")
    assert focused.bounding_box()["y"] + page.evaluate("scrollY") > first
    opened.press("n")
    expect(page.locator("#trace-said")).to_have_text("Error 1 of 2")


def test_errors_are_put_before_the_rest(opened):
    """Highlighting opens the errors and what led to them; pressing again undoes it."""
    page = opened.page
    lit = page.get_by_role("button", name="Highlight errors")
    opened.press("[", "e")
    expect(lit).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#falls.lit tr.failed:not([hidden])")).to_have_count(2)
    expect(page.locator("#falls.lit tr.leads").first).to_be_visible()
    lit.click()
    expect(page.locator("#falls.lit")).to_have_count(0)


def test_a_drag_over_the_overview_zooms_and_a_click_goes_to_the_row(opened):
    """A drag from a quarter to half of the time zooms; a click then goes to one of the lowest rows."""
    page = opened.page
    page.locator("#trace-said").scroll_into_view_if_needed()  # the conclusion above is as long as there are findings
    box = page.locator("#minimap").bounding_box()

    def across(part: float) -> float:
        return box["x"] + part * box["width"]

    page.mouse.move(across(0.5), box["y"] + 10)
    page.mouse.down()
    page.mouse.move(across(0.25), box["y"] + 12, steps=4)
    page.mouse.up()
    expect(bar(page)).not_to_have_attribute("viewBox", WHOLE)
    begin, _, wide, _ = map(float, bar(page).get_attribute("viewBox").split())
    assert (begin, wide) == (pytest.approx(250, abs=4), pytest.approx(250, abs=8))
    opened.press("Escape")
    box = page.locator("#minimap").bounding_box()
    page.mouse.click(across(0.5), box["y"] + box["height"] - 3)
    rows = page.locator("tr[data-level]").count()
    assert page.evaluate(FOCUSED) > 0.9 * rows
    box = page.locator("#minimap").bounding_box()  # it stays visible
    page.mouse.click(across(0.5), box["y"] + box["height"] / 2)
    assert page.evaluate(FOCUSED) == pytest.approx(rows / 2, abs=0.1 * rows)


def test_the_keys_are_listed(opened):
    """A question mark opens the list, and Escape only closes it."""
    opened.press("ArrowUp", "?")
    dialog = opened.page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_contain_text("Next error")
    zoomed = opened.page.evaluate(SPAN)
    opened.press("n", "Escape")
    expect(dialog).to_be_hidden()
    assert opened.page.evaluate(SPAN) == zoomed


def test_the_slow_receiver_is_seen(opened):
    """It is marked, counted, and compared with what it usually takes."""
    page = opened.page
    slow = page.locator("#falls tr.receiver", has_text="restock").filter(has_text="slow,")
    expect(slow.first).to_contain_text(re.compile(r"p50 \d.* · p99 \d.* · n=\d+"))
    expect(page.locator(".figures")).to_contain_text("slow receiver")


def test_a_finding_leads_to_its_row(opened):
    """The conclusion names the slow receiver; a finding's link opens and shows its row, below the heads that stay."""
    page = opened.page
    expect(page.locator(".concluded")).to_contain_text(re.compile(r"restock took \d.* in \d+ calls"))
    expect(page.locator(".ranked tbody tr", has_text="restock")).to_have_count(1)
    opened.press("[")
    link = page.locator('.finding .at a[href^="#p"]').last
    wanted = link.get_attribute("href").removeprefix("#")
    link.click()
    expect(page.locator(f"#{wanted} th:focus")).to_be_in_viewport()
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    head, tools = page.locator("#falls thead"), page.locator("#trace-tools")
    expect(head).to_be_in_viewport()
    bottom = tools.bounding_box()["y"] + tools.bounding_box()["height"]
    assert head.bounding_box()["y"] == pytest.approx(bottom, abs=2)


def test_the_trace_and_a_place_in_code_are_copied(site, visit, traces):
    """One click puts the report on the clipboard, another or a key the line that saved, and that is said."""
    live = visit(site, permissions=["clipboard-read", "clipboard-write"])
    page = live.page
    page.goto(site.url + traces[0])
    page.get_by_role("link", name="Copy as text").click()
    expect(page.locator("#signal-log-copied")).to_have_text("Copied as text")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert traces[0] in copied
    assert "restock took" in copied
    rows = page.locator("#falls tr.operation", has=page.locator(".site"))
    place = rows.first.locator(".site").text_content().rpartition(" in ")[0]
    rows.first.locator("a").focus()
    live.press("c")
    expect(page.locator("#signal-log-copied")).to_have_text(f"Copied {place}")
    assert page.evaluate("navigator.clipboard.readText()") == place
    page.get_by_role("link", name="Copy as pytest").click()
    expect(page.locator("#signal-log-copied")).to_have_text("Copied as pytest")
    rows.nth(1).locator(".site").click()
    expect(page.locator("#signal-log-copied")).to_have_text(re.compile(r"^Copied .+:\d+$"))


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1440)])
def test_for_a_screen_reader_it_is_a_table_with_buttons(site, visit, traces, scheme, width):
    """The overview is hidden from it, and everything else has roles and names, in every state and both schemes."""
    live = visit(site, color_scheme=scheme, viewport={"width": width, "height": 800})
    page = live.page
    page.goto(site.url + traces[0])
    expect(page.locator("#minimap")).to_have_attribute("aria-hidden", "true")
    expect(page.get_by_role("table").get_by_role("rowheader", name=re.compile("slow")).first).to_be_visible()
    expect(page.get_by_role("columnheader", name="Duration", exact=True)).to_be_visible()
    found = violations(page)
    for keys in (["ArrowUp", "e"], ["n"], ["["], ["?"]):
        live.press(*keys)
        found += [f"after {keys}: {one}" for one in violations(page)]
    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_scripts_the_rows_are_all_there(site, visit, traces):
    """There are no buttons that do nothing, and nothing is folded away."""
    page = visit(site, java_script_enabled=False).page
    page.goto(site.url + traces[0])
    expect(page.locator("#trace-tools")).to_be_hidden()
    expect(page.locator("#falls .caret")).to_have_count(0)
    expect(page.locator("#falls tr.receiver", has_text="no mail")).to_have_count(2)
    expect(page.get_by_role("link", name=re.compile("more like these")).first).to_be_visible()


def test_a_long_trace_paints_what_is_in_view(site, visit, traces):
    """With many rows, a key repaints those near the window; others follow when they come into view."""
    live = visit(site)
    page = live.page
    page.goto(site.url + traces[1])
    expect(page.locator("#trace-tools")).to_be_visible()
    rows = page.locator("#falls tr[data-level]").count()
    assert rows > 1_000
    painted = "() => document.querySelectorAll('#falls .chunk .fall:not([viewBox=\"0 0 1000 8\"])').length"
    live.press("ArrowUp")
    expect(bar(page)).not_to_have_attribute("viewBox", WHOLE)
    assert 5 < page.evaluate(painted) < 150
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    last = page.locator("#falls tr[data-level]").last
    expect(last).to_be_in_viewport()
    expect(last.locator(".fall")).not_to_have_attribute("viewBox", "0 0 1000 8")
    height = page.locator("#falls").bounding_box()["height"]
    assert height == pytest.approx(26 * rows, rel=0.02)
    live.press("[")
    assert page.locator("#falls").bounding_box()["height"] < height / 3
    live.press("]")
    assert page.locator("#falls").bounding_box()["height"] == pytest.approx(height, abs=26)


def test_the_panel_queries_a_receivers_times_once_a_selection_stays(site, visit, traces):
    """No request is made for rows passed on the way, and none again when events arrive."""
    live = visit(site)
    requests = []
    live.page.on("request", lambda request: "format=receivers" in request.url and requests.append(request.url))
    live.open("?object=slow&sender=auth.User")
    live.row("slow").first.click()
    panel = live.page.locator("#detail .receivers")
    expect(panel.locator("li").first).to_contain_text("restock")
    expect(panel.locator("li").first).to_contain_text(re.compile(r"p50 \d.* · p99 \d.* · n=\d+"))
    expect(panel.locator("li").first).to_contain_text("slow,")
    expect(panel.locator(".spread.late")).to_have_count(1)
    assert len(requests) == 2  # one for each signal of the operation
    for number in range(5):
        site.run(f"User.objects.create_user('slow passer {number}', password=None)")
    expect(live.page.locator("#new")).to_have_text("5 new operations")
    live.page.wait_for_timeout(600)
    assert len(requests) == 2
    assert violations(live.page) == []
