"""Questions to a log of 100,000 events in a real browser, each with the steps that its answer may take."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.live_site import OBSERVER, Database, LivePage, Site, copied, visiting
from tests.browser.steps import Steps

SCENE = """
    from django.apps import apps
    from django.db import IntegrityError
    import signal_log
    from tests.benchmarks.large_log_sqlite import fill
    from tests.faulty import import_staff
    with connection.schema_editor() as editor:
        for model in apps.get_app_config("shop").get_models():
            if not model._meta.proxy: editor.create_model(model)
    fill(100_000)
    mira = User.objects.get(username="mira")
    mira.user_permissions.add(*Permission.objects.filter(codename__in=["export_signalevent", "add_sharedview"]))
    maud, grace = (User.objects.create_user(name, f"{name}@old.example") for name in ("maud", "grace"))
    with signal_log.context(actor=grace, source="command:correct"):
        maud.email = "maud@new.example"
        maud.save()
    with signal_log.context(source="command:import_staff"):
        import_staff()
"""
FAILURE = """
    try:
        with transaction.atomic(): User.objects.create_user("maud")
    except IntegrityError: pass
"""
By = Callable[[Steps, Locator], None]


def by_mouse(steps: Steps, what: Locator) -> None:
    """Click."""
    steps.click(what)


def by_keyboard(steps: Steps, what: Locator) -> None:
    """Tab, and Enter."""
    steps.press(what)


each_way = pytest.mark.parametrize("do", [by_mouse, by_keyboard])


@pytest.fixture(scope="module")
def log(site_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with as many events, and what the questions are about."""
    folder = tmp_path_factory.mktemp("questions")
    running = Site(copied(site_database, folder), DJANGO_SETTINGS_MODULE="tests.browser.faulty_settings")
    running.run(SCENE)
    yield running
    running.close()


@pytest.fixture(scope="module")
def reader(browser: Browser, log: Site) -> Iterator[LivePage]:
    """A browser with somebody logged in; what it complains of fails the last test."""
    with visiting(browser, log, OBSERVER) as live:
        yield live


@each_way
def test_which_receiver_made_saves_slow(reader: LivePage, do: By) -> None:
    """Three steps: the slowest traces, and in the first of them what took the time."""
    steps = Steps(reader, 3)
    do(steps, steps.link("Slow"))
    expect(steps.page.locator("main")).to_contain_text("tests.faulty.sync_crm")
    do(steps, steps.link("command:import_staff"))
    steps.is_told("tests.faulty.sync_crm took", "Do it after the response")


@each_way
def test_who_changed_this_address_and_from_what(reader: LivePage, do: By) -> None:
    """Three steps: what the field is now, and the row and the panel say the rest."""
    steps = Steps(reader, 3)
    steps.enter("email:maud@new.example")
    row = steps.live.model("User")
    expect(row).to_contain_text("grace")
    if do is by_mouse:
        steps.click(row)
    else:
        steps.step("j")
        steps.live.press(*"j" * (1 + steps.live.texts(".obj b").index("User")))
    changed = steps.page.locator("#detail .diff div", has_text="email")
    expect(changed.locator("del")).to_have_text("maud@old.example")
    expect(changed.locator("ins")).to_have_text("maud@new.example")
    expect(steps.page.locator("#detail .facts")).to_contain_text("grace")


@each_way
def test_what_failed_in_the_last_minute_as_a_file_and_for_others(log: Site, reader: LivePage, do: By) -> None:
    """One step to see them, two more for a file of them, two to share what is seen; its time stays relative."""
    log.run(FAILURE)
    name = f"failed lately {do.__name__}"
    steps = Steps(reader, 1)
    do(steps, steps.link("Failed"))
    expect(steps.live.row("UNIQUE constraint failed").first).to_be_visible(timeout=15_000)
    assert set(steps.live.texts(".kind")) == {"failed"}
    assert "since=now-1m" in steps.page.url or "since%3Anow-1m" in steps.page.url

    steps.most, steps.taken = 2, 0
    do(steps, steps.page.get_by_role("button", name="Export"))
    with steps.page.expect_download() as download:
        do(steps, steps.page.locator("#export-menu").get_by_role("link", name="CSV"))
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert any("UNIQUE constraint failed" in line for line in lines)
    assert not any("person " in line for line in lines)

    steps.most, steps.taken = 2, 0
    do(steps, steps.page.get_by_role("button", name="View", exact=True))
    field = steps.page.get_by_label("View name")
    if do is by_keyboard:
        steps.tab_to(field)
    else:
        field.focus()
    steps.page.keyboard.type(name)
    with steps.page.expect_response("**/views/"):
        do(steps, steps.page.get_by_role("button", name="Share", exact=True))
    view = steps.page.locator("#view-menu").get_by_role("link", name=name)
    expect(view).to_have_attribute("href", re.compile("now-1m"))


@each_way
def test_everything_that_ever_happened_to_somebody(reader: LivePage, do: By) -> None:
    """One step from her row."""
    steps = Steps(reader, 2)
    steps.enter("model:User maud -failed")
    expect(steps.live.rows.first).to_contain_text("maud")
    steps.live.press("j")  # this is her row
    do(steps, steps.page.locator("#detail").get_by_role("link", name="Object"))
    expect(steps.page.get_by_role("heading", level=1)).to_contain_text("maud")
    expect(steps.page.locator("main")).to_contain_text("maud@old.example")
    expect(steps.page.locator(".story .op")).not_to_have_count(1)
