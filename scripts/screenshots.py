"""Takes pictures of every page, and those of README and docs/debugging.md, light and dark, wide and narrow.

They go to var/screenshots/, or with --publish to docs/images/, where only those are that the docs show. Names of pages
(tests/browser/pages.py) as arguments take these alone, `README` and `debugging` those of these two. Uses its own
database in a temporary directory, not the one in var/.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser

from scripts.debugging_walk import take_pictures
from scripts.every_page import take_all
from scripts.picture import ROOT, write_picture
from tests.servers.browser import chromium
from tests.servers.daphne import Daphne, environment, manage

DRAFTS = ROOT / "var" / "screenshots"
PUBLISHED = ROOT / "docs" / "images"
ADMIN = ("mira", "long enough for mira")
SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
SECONDS_OF_TRAFFIC = 12


def main() -> None:
    """Start a site, generate traffic, and take screenshots while it runs."""
    publish = "--publish" in sys.argv[1:]
    only = {name for name in sys.argv[1:] if not name.startswith("--")}
    pages = only - {"README", "debugging"}
    target = PUBLISHED if publish else DRAFTS
    target.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        if pages or not only:
            take_all(browser, target, publish=publish, only=pages)
        if not only or "debugging" in only:
            take_pictures(browser, target)
    if not only or "README" in only:
        take_of_traffic(target)


def take_of_traffic(target: Path) -> None:
    """The live page while invented people use the site."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"DATABASE_URL": f"sqlite:///{folder}/observatory.sqlite3", "LOG_LEVEL": "INFO"}
        manage("migrate", "--no-input", env=env)
        username, password = ADMIN
        by_environment = {"DJANGO_SUPERUSER_USERNAME": username, "DJANGO_SUPERUSER_PASSWORD": password}
        by_environment["DJANGO_SUPERUSER_EMAIL"] = "mira@example.org"
        manage("createsuperuser", "--no-input", env=env | by_environment)
        traffic = subprocess.Popen(
            [sys.executable, "manage.py", "signal_traffic", "--rate", "4", "--seconds", "120"],
            cwd=ROOT,
            env=environment(env),
            stdout=subprocess.DEVNULL,
        )
        try:
            with Daphne(env) as site, chromium() as browser:
                time.sleep(SECONDS_OF_TRAFFIC)
                take_screenshots(browser, site.url, target)
        finally:
            traffic.terminate()
            traffic.wait()


def take_screenshots(browser: Browser, url: str, target: Path) -> None:
    """One screenshot of the live page for each size and colour scheme."""
    for size, (width, height) in SIZES.items():
        for scheme in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                device_scale_factor=2 if size == "narrow" else 1,
                reduced_motion="reduce",
            )
            page = context.new_page()
            page.goto(f"{url}/accounts/login/?next=/")
            page.fill("input[name=username]", ADMIN[0])
            page.fill("input[name=password]", ADMIN[1])
            page.press("input[name=password]", "Enter")
            page.wait_for_url(f"{url}/")
            # Rows arrive over the websocket after the page has loaded.
            page.get_by_text("Profile").locator("visible=true").first.wait_for()
            page.wait_for_timeout(1500)
            write_picture(page, target / f"live-{size}-{scheme}.webp")
            context.close()


if __name__ == "__main__":
    main()
