"""Follows the walk of docs/debugging.md with the code that stands there, and takes its pictures."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page

from scripts.picture import write_picture
from tests.servers.daphne import Daphne, environment, manage

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "debugging.md"
RECEIVERS = ROOT / "users" / "signals.py"
ADMIN = ("admin", "long enough for admin")
WIDTH, HEIGHT = 1200, 720
SCHEMES = ("light", "dark")
SECONDS_OF_TRAFFIC = 8
# The project, as if the page's code stood at the end of users/signals.py.
SETTINGS = """
import os
from django.apps import AppConfig
from observatory.settings import *
from observatory.settings import INSTALLED_APPS

class Walk(AppConfig):
    name = "walk_settings"

    def ready(self):
        import users.signals
        with open(os.environ["WALK_CODE"]) as code:
            exec(compile(code.read(), users.signals.__file__, "exec"), vars(users.signals))

INSTALLED_APPS = [*INSTALLED_APPS, "walk_settings.Walk"]
"""


def receivers() -> list[str]:
    """The receiver as the page gives it first, and mended; with the lines of the file above it left empty."""
    above = "\n" * (len(RECEIVERS.read_text().splitlines()) + 2)
    return [above + code for code in re.findall(r"```python\n(def sync_crm.*?)```", PAGE.read_text(), re.DOTALL)]


def take_pictures(browser: Browser, target: Path) -> None:
    """The five of them, light and dark."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "walk_settings.py").write_text(SETTINGS)
        slow, mended = (folder / f"{number}.py" for number in range(2))
        for path, code in zip((slow, mended), receivers(), strict=True):
            path.write_text(code)
        env = {
            "DATABASE_URL": f"sqlite:///{folder}/walk.sqlite3", "DJANGO_SETTINGS_MODULE": "walk_settings",
            "PYTHONPATH": f"{folder}:{ROOT}", "DEBUG_TOOLBAR": "1", "WALK_CODE": str(slow),
        }  # fmt: skip
        manage("migrate", "--no-input", "-v0", env=env)
        named = {"DJANGO_SUPERUSER_USERNAME": ADMIN[0], "DJANGO_SUPERUSER_PASSWORD": ADMIN[1]}
        named["DJANGO_SUPERUSER_EMAIL"] = "admin@example.org"
        manage("createsuperuser", "--no-input", env=env | named)
        make_traffic(env)
        page = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, reduced_motion="reduce").new_page()
        with Daphne(env) as site:
            log_in(page, site.url)
            walk(page, site.url, target)
            record(page, site.url, "before", "Ada L.")
        with Daphne(env | {"WALK_CODE": str(mended)}) as site:
            record(page, site.url, "after", "Ada Lo.")
            page.get_by_label("What differs from").select_option("before")
            page.get_by_role("button", name="Compare").click()
            photograph(page, target, "compared", height=500)
        page.context.close()


def make_traffic(env: dict[str, str]) -> None:
    """Invented people use the site for a while."""
    command = [sys.executable, "manage.py", "signal_traffic", "--rate", "3", "--seconds", str(SECONDS_OF_TRAFFIC)]
    subprocess.run(command, cwd=ROOT, env=environment(env), stdout=subprocess.DEVNULL, check=True)


def walk(page: Page, url: str, target: Path) -> None:
    """From the form to its trace, and to the pages that show more than one."""
    for scheme in SCHEMES:  # the strip takes the page's colours when it comes, and it comes once
        page.emulate_media(color_scheme=scheme)
        edit(page, url, f"Ada {scheme[0].upper()}")
        write_picture(page, target / f"debugging-strip-{scheme}.webp")
    page.locator("#signal-log-strip").get_by_role("link").click()
    page.locator("#trace-tools").wait_for()
    photograph(page, target, "trace", height=860)
    page.goto(f"{url}/")
    page.get_by_role("link", name="Slow").click()
    photograph(page, target, "traces", height=600, width=1440)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Receivers").click()
    photograph(page, target, "receivers", height=760)


def record(page: Page, url: str, name: str, known_as: str) -> None:
    """A session in which the name is changed three times; stopped, it shows its page."""
    page.goto(f"{url}/sessions/")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Start recording").click()
    for number in range(3):
        edit(page, url, f"{known_as} {number}")
    page.goto(f"{url}/sessions/")
    page.locator(".recording").get_by_role("button", name="stop").click()


def edit(page: Page, url: str, name: str) -> None:
    """Change the name of the account."""
    page.goto(f"{url}/accounts/profile/")
    page.get_by_label("Name", exact=False).first.fill(name)
    page.get_by_role("button", name="Save").click()
    page.wait_for_load_state()


def log_in(page: Page, url: str) -> None:
    """As the administrator."""
    page.goto(f"{url}/accounts/login/")
    page.fill("input[name=username]", ADMIN[0])
    page.fill("input[name=password]", ADMIN[1])
    page.press("input[name=password]", "Enter")
    page.wait_for_url(f"{url}/")


def photograph(page: Page, target: Path, name: str, height: int = HEIGHT, width: int = WIDTH) -> None:
    """Write what the window shows to two files, light and dark."""
    page.set_viewport_size({"width": width, "height": height})
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.evaluate("() => Promise.all(document.getAnimations().map((one) => one.finished))")
        write_picture(page, target / f"debugging-{name}-{scheme}.webp")
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
