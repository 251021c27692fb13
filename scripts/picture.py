"""Writes what a browser's window shows as WebP, which GitHub shows and which is a fifth of a PNG."""

import base64
from pathlib import Path

from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parent.parent
QUALITY = 80


def write_picture(page: Page, path: Path) -> None:
    """Write it to a file, and name it."""
    session = page.context.new_cdp_session(page)
    taken = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    path.write_bytes(base64.b64decode(taken["data"]))
    print(path.relative_to(ROOT))
