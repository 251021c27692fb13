"""Takes the screenshots of README and docs/debugging.md, with real traffic, light and dark, wide and narrow.

They go to var/screenshots/, or with --publish to where the README shows them. Uses its own database in a temporary
directory, not the one in var/.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.servers.browser import chromium
from tests.servers.daphne import Daphne, environment, manage

ROOT = Path(__file__).resolve().parent.parent
DRAFTS = ROOT / "var" / "screenshots"
PUBLISHED = ROOT / "docs" / "images"
ADMIN = ("mira", "long enough for mira")
SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
SECONDS_OF_TRAFFIC = 12


def main() -> None:
    """Start a site, generate traffic, and take screenshots while it runs."""
    target = PUBLISHED if "--publish" in sys.argv[1:] else DRAFTS
    target.mkdir(parents=True, exist_ok=True)
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
            photograph(page, target / f"live-{size}-{scheme}.png")
            if size == "wide":
                take_debugging_screenshots(page, url, target, scheme)
            context.close()


def take_debugging_screenshots(page: Page, url: str, target: Path, scheme: str) -> None:
    """The pages of docs/debugging.md: the slowest traces, the slowest of them, and the map of receivers."""
    page.goto(f"{url}/traces/?sort=duration&source=http")
    photograph(page, target / f"traces-{scheme}.png")
    page.locator("table.traces tbody a").first.click()
    page.wait_for_load_state()
    photograph(page, target / f"trace-{scheme}.png")
    page.goto(f"{url}/receivers/")
    photograph(page, target / f"receivers-{scheme}.png")


def photograph(page: Page, path: Path) -> None:
    """Write what the window shows to a file, and name it."""
    page.screenshot(path=path)
    print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
