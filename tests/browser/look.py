"""Looks at a page light and wide as well as dark and narrow; with ``SCREENSHOTS``, a folder, it takes pictures."""

from __future__ import annotations

import os

from playwright.sync_api import Page

from tests.browser.axe import violations

IS_WITHIN = """() => new Promise((told) => requestAnimationFrame(() => requestAnimationFrame(
  () => told(document.documentElement.scrollWidth <= innerWidth))))"""
"""Whether nothing is wider than the window, once that has its new size."""
HAS_SETTLED = "() => Promise.all(document.getAnimations().map((one) => one.finished))"
"""Until the colours of the other scheme have faded in."""
LOOKS = (("light", 1440), ("dark", 390))


def look(page: Page, name: str) -> list[str]:
    """What is wrong with the page, light and wide as well as dark and narrow."""
    found = []
    for scheme, width in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(IS_WITHIN), (name, width)
        page.evaluate(HAS_SETTLED)
        if folder := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=f"{folder}/{name}-{scheme}-{width}.png", full_page=True)
        found += [f"{name} {scheme}: {violation}" for violation in violations(page)]
    page.set_viewport_size({"width": 1440, "height": 800})
    return found
