"""A developer's day in a real browser: each fault of a shop is found from the live page in at most four clicks."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.live_site import OBSERVER, Database, LivePage, Site, copied, visiting
from tests.browser.steps import Steps

MOST_CLICKS = 4


@pytest.fixture(scope="module")
def shop(site_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The faulty shop."""
    running = Site(
        copied(site_database, tmp_path_factory.mktemp("shop")), DJANGO_SETTINGS_MODULE="tests.browser.faulty_settings"
    )
    running.run("""
        from django.apps import apps
        with connection.schema_editor() as editor:
            for model in apps.get_app_config("shop").get_models():
                if not model._meta.proxy: editor.create_model(model)
    """)
    yield running
    running.close()


@pytest.fixture(scope="module")
def developer(browser: Browser, shop: Site) -> Iterator[LivePage]:
    """A browser with somebody logged in; what it complains of fails the last test."""
    with visiting(browser, shop, OBSERVER) as live:
        live.page.add_init_script("localStorage.clear()")  # what another test has chosen
        yield live


@pytest.fixture
def steps(shop: Site, developer: LivePage) -> Steps:
    """The live page after a day of the shop, and no click yet."""
    shop.run("from tests.faulty import shift; shift()")
    return Steps(developer, MOST_CLICKS)


def test_a_slow_receiver(steps: Steps) -> None:
    """“Slow” leads to the slowest traces, each of which says what took the time."""
    steps.click(steps.link("Slow"))
    steps.click(steps.link("command:import_staff"))
    steps.is_told("tests.faulty.sync_crm took", "Do it after the response")


def test_a_double_connection(steps: Steps) -> None:
    """The map of receivers begins with what the newest traces have shown."""
    steps.click(steps.link("Receivers"))
    steps.is_told("tests.faulty.reindex ran more than once for one signal of shop.Category", "dispatch_uid")


def test_a_hidden_cascade(steps: Steps) -> None:
    """An item that nobody asked for: its trace shows what it belongs to, and the map where its receiver is."""
    steps.open_trace_of(steps.live.row("shelf in from a fixture"))
    rows = steps.page.locator("#falls tr[data-level]")
    expect(rows.filter(has_text="Category").first).to_contain_text("from a fixture")
    expect(rows.filter(has_text="open_shelf").first).to_be_visible()
    steps.click(steps.link("Receivers"))
    row = steps.page.locator("table.wired tr", has_text="open_shelf")
    expect(row).to_contain_text(re.compile(r"tests/faulty\.py:\d+"))
    expect(row).to_contain_text("created shop.Item × ")


def test_a_swallowed_exception(steps: Steps) -> None:
    """The live page marks what failed, though nobody was told."""
    steps.open_trace_of(steps.live.row("failed"))
    steps.is_told("tests.faulty.number_item went on after IntegrityError", "Let the exception through")


def test_a_receiver_that_saves_again(steps: Steps) -> None:
    """The second save of the same object names the receiver."""
    steps.open_trace_of(steps.live.row("set_stock"))
    steps.is_told("tests.faulty.set_stock, called for a save of shop.Item, saves the same object again", "in pre_save")


def test_one_save_for_each_of_many(steps: Steps) -> None:
    """By cascades, one row says that a label updated many items."""
    steps.click(steps.page.get_by_role("button", name="Cascades"))
    steps.open_trace_of(steps.live.row("command:order_labels"))
    steps.is_told("“updated shop.Item”, ran 12 times in tests.faulty.restock", "bulk_update")


def test_a_receiver_that_writes_on_fixtures(shop: Site, steps: Steps) -> None:
    """What the map found leads to the traces in which it was seen."""
    shop.run("from tests.faulty import shift; shift()")
    steps.click(steps.link("Receivers"))
    steps.click(steps.page.locator(".findings li", has_text="greet writes while").get_by_role("link"))
    steps.click(steps.link("command:load_fixture"))
    steps.is_told("tests.faulty.greet writes while a fixture is loaded", 'Return at once if kwargs["raw"] is true')


def record(page: Page, url: str, name: str) -> None:
    """Record the same work in this browser, under a name."""
    page.goto(f"{url}/sessions/")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Start recording").click()
    for act in ("stock_up", "import_staff", "open_shop", "order_labels"):
        page.goto(f"{url}/shop/{act}/")
    page.goto(f"{url}/sessions/")
    page.locator(".recording").get_by_role("button", name="stop").click()


def test_an_upgrade_that_connects_a_receiver_twice(shop: Site, developer: LivePage) -> None:
    """The same work, recorded before and after: the page says what runs more often, what less, and what does not."""
    page = developer.page
    record(page, shop.url, "before")
    page.goto(f"{shop.url}/shop/upgrade/")
    record(page, shop.url, "after")
    page.goto(f"{shop.url}/shop/downgrade/")
    page.goto(f"{shop.url}/sessions/")
    page.get_by_role("link", name="after").first.click()
    page.get_by_label("What differs from").select_option("before")
    page.get_by_role("button", name="Compare").click()
    for receiver, before, after in (("sync_crm", "× 1 · 1", "× 2 · 3"), ("reindex", "× 2 · ", "× 1 · ")):
        cells = page.locator("table.compared tr.changed", has_text=f"tests.faulty.{receiver}").locator("td")
        expect(cells.nth(2)).to_contain_text(before)
        expect(cells.nth(3)).to_contain_text(after)
    expect(page.locator("details.same")).to_contain_text("GET /shop/order_labels/")
