"""Takes pictures of every page at three widths, light and dark, of a site on which people have been busy."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page

from scripts.picture import write_picture
from tests.browser.live_site import OBSERVER, STRANGER, Site, make_database
from tests.browser.look import HAS_SETTLED
from tests.browser.pages import ANONYMOUS, OWN, PAGES, fill, visit

SIZES: Final = ((1440, 900), (1920, 1080), (390, 844))
SCHEMES: Final = ("light", "dark")
PUBLISHED: Final = ("live-panel", "history", "event", "object", "trace", "receivers", "sessions", "seals")
"""Those that docs/ux.md shows, at the first and the last width."""
# Each at its own pace, and ten minutes in all, which are over in a moment.
BUSY: Final = """
    from datetime import timedelta
    from random import Random
    from django.test import override_settings
    from observatory.traffic.actions import Actions
    from observatory.traffic.population import Population
    from observatory.traffic.visitor import allowed_host, traffic_settings
    from signal_log import clock
    rng, real = Random("pictures"), clock.now
    population = Population(rng)
    with override_settings(**traffic_settings()), population.marking():
        actions = Actions(population, rng, 12, allowed_host())
        for ago in sorted((rng.triangular(8, 570, 60) for _ in range(150)), reverse=True):
            clock.now = lambda ago=ago: real() - timedelta(seconds=ago)
            actions.do(actions.draw())
    clock.now = real
"""


def take_all(browser: Browser, target: Path, *, publish: bool = False, only: Collection[str] = ()) -> None:
    """Write ``<page>-<width>-<scheme>.webp`` for each page, for some of them, or for those that are published."""
    widths = (SIZES[0], SIZES[-1]) if publish else SIZES
    wanted = set(only or (PUBLISHED if publish else PAGES | OWN | ANONYMOUS))
    with tempfile.TemporaryDirectory() as folder:
        site = Site(make_database(Path(folder) / "site.sqlite3"))
        try:
            site.run(BUSY)
            facts = fill(site, "Ada")
            for who, pages in ((OBSERVER, PAGES), (STRANGER, OWN), ("", ANONYMOUS)):
                context = browser.new_context(reduced_motion="reduce")
                if who:
                    context.add_cookies(site.cookies(who))  # type: ignore[arg-type]
                page = context.new_page()
                for name in wanted & set(pages):
                    visit(page, site.url + pages[name].format(**facts))
                    _photograph(page, target, name, widths)
                context.close()
        finally:
            site.close()


def _photograph(page: Page, target: Path, name: str, sizes: tuple[Any, ...]) -> None:
    """Write what the window shows, at each size and in each scheme."""
    for width, height in sizes:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(1200 if name.startswith("live") else 50)  # what a live page counts comes each second
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.evaluate(HAS_SETTLED)
            write_picture(page, target / f"page-{name}-{width}-{scheme}.webp")
