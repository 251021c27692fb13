"""The history, an event, a trace, an object and the admin in a real browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations

HOSTILE = "<script>window.broken=1</script><img src=x onerror=window.broken=1>\\u202egnp.exe"
LONG_CELLS = "([where, text]) => document.querySelectorAll(where).forEach((one) => { one.textContent = text })"
CUT = "(where) => [...document.querySelectorAll(where)].filter((one) => one.scrollWidth > one.clientWidth).length"


@pytest.fixture(scope="module")
def addresses(site):
    """Pages about an account with a hostile name that was created, renamed and rolled back."""
    facts = Path(site.env["DATABASE_URL"].removeprefix("sqlite:///") + ".facts")
    site.run(f"""
        hist = User.objects.create_user("hist", first_name="{HOSTILE}", password="a secret of hist")
        hist.first_name = "plain"; hist.save()
        hist.profile.headline = "one accurate measurement is worth a thousand opinions"; hist.profile.save()
        hist.profile.headline = "one accurate measurement is worth ten thousand opinions"; hist.profile.save()
        try:
            with transaction.atomic():
                hist.last_name = "undone"; hist.save(); raise RuntimeError("stop")
        except RuntimeError: pass
        User.objects.filter(username="mira").update(is_staff=True)
        User.objects.get(username="mira").user_permissions.add(
            *Permission.objects.filter(codename__in=["view_user", "export_signalevent"])
        )
        import signal_log
        with signal_log.context(actor=hist):
            hist.profile.location = "London"; hist.profile.save()
        open({str(facts)!r}, "w").write(str(hist.pk))
    """)
    return {
        "history": "/events/",
        "object": f"/objects/auth.User/{facts.read_text()}/",
        "admin list": "/admin/signal_log/signalevent/",
        "admin history": f"/admin/auth/user/{facts.read_text()}/history/",
    }


def test_the_lists_in_the_admin_are_lists(site, visit, addresses):
    """A row has at most three lines, whatever changed: no column is squeezed to one word per line."""
    page = visit(site, viewport={"width": 1440, "height": 900}).page
    for name, table, change in (("list", "#result_list", ".field-change"), ("history", ".recorded", "td:nth-child(3)")):
        field = {"list": "headline", "history": "first_name"}[name]
        page.goto(site.url + addresses[f"admin {name}"] + (f"?field={field}" if name == "list" else ""))
        expect(page.locator(f"{table} {change}", has_text=field).first).to_be_visible()
        heights = page.locator(f"{table} tbody tr").evaluate_all("rows => rows.map((row) => row.offsetHeight)")
        assert heights
        assert max(heights) < 70, name
    page.goto(site.url + addresses["admin list"])
    page.evaluate(LONG_CELLS, ["td.field-source", "command:import_the_whole_warehouse"])
    page.evaluate(LONG_CELLS, ["td.field-actor", "augusta.ada.king@countess.example.org"])
    assert page.evaluate(CUT, "#changelist .results") == 0
    page.goto(site.url + addresses["history"])
    page.evaluate(LONG_CELLS, [".log .s .value", "command:import_warehouse"])
    assert page.evaluate(CUT, ".log .s .value") == 0


def test_the_live_page_gives_away_what_it_shows_and_asks_what_is_often_asked(site, visit, addresses):
    """The file has the query and the span of the page, and a question's span stays relative in the address."""
    page = visit(site).open("?q=hist&since=now-1h").page
    page.get_by_role("button", name="Export").click()
    menu = page.locator("#export-menu")
    expect(menu.locator("p")).to_have_text("Every signal that matches, last 1 h, oldest first")
    assert violations(page) == []
    with page.expect_download() as download:
        menu.get_by_role("link", name="CSV").click()
    assert download.value.url.endswith("/events/?q=hist&since=now-1h&format=csv")
    assert "hist" in Path(download.value.path()).read_text(encoding="utf-8")
    expect(menu).to_be_hidden()
    page.get_by_role("button", name="View", exact=True).click()
    page.get_by_role("link", name="Deleted in the last day").click()
    expect(page.locator("#pills")).to_contain_text("post_delete")
    assert "since=now-1d" in page.url


def test_everything_works_without_scripts(site, visit, addresses):
    """Without scripts one can filter by the form, remove a filter by its pill, and walk to event, trace and object."""
    reader = visit(site, java_script_enabled=False)
    page = reader.page
    page.goto(site.url + "/events/")
    page.get_by_label("model").select_option("users.Profile")
    page.get_by_label("Object", exact=True).fill("hist")
    page.get_by_role("button", name="Search").click()
    assert "sender=users.Profile" in page.url
    expect(page.locator("table.log .model").first).to_have_text("Profile")
    page.get_by_role("link", name=re.compile("^model users.Profile")).click()
    assert "sender" not in page.url
    page.locator("table.log .k a").first.click()
    expect(page.locator(".facts").first).to_contain_text("Outcome")
    page.get_by_role("link", name="Full trace").click()
    expect(page.locator("table.falls")).to_contain_text("save")  # its receivers may be told later
    page.goto(site.url + addresses["object"])
    page.get_by_label("State at").fill("2100-01-01")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("table.state").first).to_contain_text("plain")
    page.get_by_role("link", name="Object history").click()
    page.get_by_label("Field", exact=True).select_option("headline")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator(".story .op")).to_have_count(3)
    page.locator(".story summary").first.click()
    expect(page.locator(".story .how").first).to_contain_text("ten thousand")


def test_search_by_keyboard(site, visit, addresses):
    """Pressing Enter in the search field narrows the list, and the words stay in the field."""
    page = visit(site).page
    page.goto(site.url + "/events/")
    page.get_by_label("Search objects").fill("ten thousand")
    page.keyboard.press("Enter")
    expect(page.locator("table.log tbody tr:not(.day)")).to_have_count(1)
    expect(page.get_by_label("Search objects")).to_have_value("ten thousand")


def test_a_story_is_walked_and_opened_by_keys(site, visit, addresses):
    """j and k go from operation to operation, Enter and o open one in place, O opens its event; Escape closes it."""
    page = visit(site).page
    page.goto(site.url + addresses["object"])
    for key in "jjk":
        page.keyboard.press(key)
    first = page.locator(".story details").first
    expect(first.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    expect(first.locator(".how")).to_be_visible()
    page.keyboard.press("Escape")
    expect(first.locator(".how")).to_be_hidden()
    page.keyboard.press("o")
    expect(first.locator(".how")).to_be_visible()
    page.keyboard.press("o")
    expect(first.locator(".how")).to_be_hidden()
    page.keyboard.press("n")
    expect(page.locator(".lost summary").first).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#said")).to_have_text(re.compile(r"^\d+ of \d+$"))
    page.keyboard.press("]")
    expect(page.locator("#said")).to_have_text("This is the last page")
    page.keyboard.press("O")
    expect(page).to_have_url(re.compile(r"/events/\d+/$"))


def test_lists_are_walked_by_keys_and_their_pages_turned(site, visit, addresses):
    """The row moved to gets the focus and is announced; at the ends it stays; [ and ] turn pages, ? lists the keys."""
    site.run("write_saves((f'walked {n}' for n in range(60)), sender='auth.User')")
    page = visit(site, permissions=["clipboard-read", "clipboard-write"]).page
    page.goto(site.url + "/events/")
    said, links = page.locator("#said"), page.locator("table.log tbody tr:not(.day) td.t a")
    for key in "jjjkk":
        page.keyboard.press(key)
    expect(links.first).to_be_focused()
    expect(said).to_have_text(re.compile(r"logged in, User mira, .*, mira, .*, 1 of 50$"))
    page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("y")
    expect(said).to_have_text("Link copied")
    assert page.evaluate("navigator.clipboard.readText()") == site.url + str(links.nth(1).get_attribute("href"))
    page.keyboard.press("G")
    expect(links.last).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_contain_text("Previous, next page")
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(links.last).to_be_focused()
    page.keyboard.press("]")
    expect(page).to_have_url(re.compile("before="))
    expect(said).to_be_attached()  # its keys are heard from now on
    page.keyboard.press("[")
    expect(page).to_have_url(re.compile("after="))
    expect(said).to_be_attached()
    page.keyboard.press("/")
    expect(page.get_by_label("Search objects")).to_be_focused()
    page.keyboard.press("Escape")
    third, fourth = (str(links.nth(place).get_attribute("href")) for place in (3, 4))
    links.nth(2).focus()
    page.keyboard.press("o")
    panel = page.get_by_role("complementary", name="Selected event")
    expect(panel.get_by_role("heading", level=1)).to_contain_text("walked")
    assert violations(page) == []
    page.keyboard.press("j")
    expect(panel.get_by_role("link", name="Open", exact=True)).to_have_attribute("href", site.url + third)
    page.keyboard.press(".")
    expect(panel).to_be_focused()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(links.nth(3)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(site.url + third)
    expect(said).to_be_attached()
    page.keyboard.press("j")
    expect(page).to_have_url(site.url + fourth)
    page.goto(site.url + "/traces/")
    page.keyboard.press("j")
    expect(page.locator("table.traces tbody a").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/traces/[-0-9a-f]{36}/"))
    live = visit(site).open("?")
    expect(live.row("walked").first).to_be_visible()
    live.press("j", "x")
    expect(live.page.locator("#copied")).to_have_text("The list hides nothing around this event")


def test_rows_of_every_list_open_in_a_panel(site, visit, addresses):
    """Not only events: o shows what a row is of, Enter goes to its page, and links in the panel lead to that, too."""
    site.run("from signal_log.audit import pins; from signal_log import SignalEvent")
    site.run("pins.pin(SignalEvent.objects.filter(object_repr='hist').earliest('pk').pk)")
    site.run("from signal_log.telemetry import recorded; recorded.start('walked', 'client')")
    page = visit(site, viewport={"width": 1440, "height": 900}).page
    for path, what, words in (("pins", "event", "hist"), ("sessions", "session", "walked"), ("traces", "trace", "")):
        page.goto(f"{site.url}/{path}/")
        expect(page.locator("#said")).to_be_attached()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("Open in the panel")
        page.keyboard.press("Escape")
        page.keyboard.press("o")
        panel = page.get_by_role("complementary", name=f"Selected {what}")
        expect(panel.get_by_role("heading", level=1)).to_contain_text(words)
        assert violations(page) == [], path
        page.keyboard.press("Escape")
        expect(panel).to_be_hidden()
    page.keyboard.press("o")
    expect(panel.get_by_role("heading", name="Conclusion")).to_be_visible()
    inside = panel.locator("a").evaluate_all("links => links.map((link) => link.href)")
    assert {address.partition("#")[0] for address in inside if "#" in address} <= {inside[0]}


def test_the_pages_of_objects_and_actors_are_searched(site, visit, addresses):
    """By the query of the history; the key goes to the field, which keeps what was typed."""
    page = visit(site).page
    page.goto(site.url + addresses["object"])
    page.get_by_role("button", name="Keys").wait_for()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search")).to_be_focused()
    page.keyboard.type("headline: thousand")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("q=headline"))
    expect(page.get_by_role("searchbox", name="Search")).to_have_value("headline: thousand")
    expect(page.locator(".story .op")).to_have_count(2)
    page.goto(site.url + addresses["object"].replace("objects/auth.User", "actors") + "?q=London")
    expect(page.get_by_role("searchbox", name="Search")).to_have_value("London")
    expect(page.locator(".story .op")).to_have_count(1)


def test_keys_typed_before_the_palette_is_there_are_in_its_field(site, visit, addresses):
    """They are no shortcuts of the page either."""
    page = visit(site).page
    held = []

    def hold(route):
        held.append(route)

    page.route(re.compile(r"/palette[.\w]*\.js"), hold)
    page.goto(site.url + "/events/")
    expect(page.locator("#said")).to_be_attached()
    page.keyboard.press("Control+k")
    page.keyboard.type("/jrx")
    page.keyboard.press("Backspace")
    page.wait_for_function("document.activeElement === document.body")
    held.pop().continue_()
    field = page.get_by_role("combobox", name="Go to")
    expect(field).to_have_value("/jr")
    page.keyboard.type("y")
    expect(field).to_have_value("/jry")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_the_palette_goes_to_any_page_by_keyboard(site, visit, addresses, scheme, width):
    """Ctrl+K opens it on every page; it lists pages and finds objects by name; Esc gives the focus back."""
    live = visit(site, color_scheme=scheme, viewport={"width": width, "height": 800})
    live.open()
    live.page.locator("#follow").focus()
    live.press("Control+k")
    field, options = live.page.get_by_role("combobox", name="Go to"), live.page.get_by_role("option")
    expect(field).to_be_focused()
    expect(options.first).to_have_text("page Live")
    live.press("Escape")
    expect(live.page.locator("#follow")).to_be_focused()
    live.press("Control+k")
    expect(field).to_be_focused()
    live.page.keyboard.type("trac")
    expect(options.first).to_have_text("page Traces")
    live.press("Enter")
    expect(live.page).to_have_url(site.url + "/traces/")
    expect(live.page.locator("[data-palette]").first).not_to_have_attribute("hidden", "")  # keys are listened to
    live.press("Control+k")
    expect(field).to_be_focused()
    live.page.keyboard.type("hist")
    expect(options.filter(has_text="object")).to_have_count(2)  # the account and its profile
    live.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    assert field.get_attribute("aria-activedescendant") == options.nth(1).get_attribute("id")
    assert violations(live.page) == []
    field.fill(
        addresses["object"].split("/")[-3].lower().removeprefix("auth.") + "/" + addresses["object"].split("/")[-2]
    )
    options.filter(has_text="object").first.click()
    expect(live.page).to_have_url(site.url + addresses["object"])


def test_a_reader_without_the_permission_gets_a_clear_page(site, visit):
    """The browser shows a clear page with a way on."""
    reader = visit(site, "eve")
    reader.expected.append("403 (Forbidden)")
    reader.page.goto(site.url + "/events/")
    expect(reader.page.get_by_role("heading")).to_contain_text("You do not have access")


@pytest.mark.parametrize(("name", "suffix"), [("CSV", "csv"), ("JSON Lines", "jsonl")])
def test_the_filtered_events_can_be_downloaded(site, visit, addresses, name, suffix, tmp_path):
    """The download works without scripts, and the file is complete and holds nothing else."""
    reader = visit(site, java_script_enabled=False)
    reader.page.goto(site.url + "/events/?sender=users.Profile&q=hist")
    expect(reader.page.locator(".under")).to_contain_text("Export matches: CSV · JSON Lines · CloudEvents")
    with reader.page.expect_download() as download:
        reader.page.get_by_role("link", name=name, exact=True).click()
    saved_as = download.value.suggested_filename
    assert re.fullmatch(rf"signals_(localhost|127\.0\.0\.1)_to-[-0-9TZ]+_q_sender\.{suffix}", saved_as)
    download.value.save_as(tmp_path / saved_as)
    text = (tmp_path / saved_as).read_text()
    assert "one accurate measurement" in text
    assert "auth.User," not in text
    assert text.count("sha256") == 1


def test_a_value_of_any_page_is_a_way(site, visit, addresses):
    """A filter's link and the key `v` open the menu, which adds to what is asked; an event leads to the history."""
    reader = visit(site)
    page, menu = reader.page, reader.page.locator(".ways")
    page.goto(f"{site.url}/events/?q=object:hist since:now-1d")
    row = page.locator(".log tbody tr", has_text="London").first
    row.locator("a.model").click()
    expect(menu.get_by_role("menuitem")).to_have_text(["⊕Only this model", "⊖Not this model", "=Copy"])
    page.keyboard.press("Escape")
    row.locator("a.kind").focus()
    page.keyboard.press("v")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(menu.locator("p")).to_contain_text("new value London")
    assert violations(page) == []
    page.keyboard.press("Enter")
    page.wait_for_url("**since%3Anow-1d*")
    expect(page.locator("#f-q")).to_have_value("object:hist location: new:London since:now-1d")
    expect(page.locator(".log tbody tr:not(.day)")).to_have_count(1)
    page.locator(".log tbody a.kind").click()
    page.locator(".diff ins [data-way]").first.focus()
    page.keyboard.press("Enter")
    menu.get_by_role("menuitem", name="Not this new value").click()
    expect(page.locator("#f-q")).to_have_value("-(location: new:London)")
