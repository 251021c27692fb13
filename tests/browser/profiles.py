"""The browser's profiles: tests that visit one site after the other share one, of which only static files stay.

A profile that is new fetches the hundred files of a page again, which takes longer than most of what tests then do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, Page

ON_PAGE: Final = {"viewport", "color_scheme", "reduced_motion"}
"""Options that a page can be given as well as a profile."""


@contextmanager
def opened(browser: Browser, url: str, free: list[BrowserContext] | None, options: dict[str, Any]) -> Iterator[Page]:
    """Open a page in a profile without a trace of other tests; ``free`` are those of this site that nobody uses."""
    shared = free if options.keys() <= ON_PAGE else None
    context = shared.pop() if shared else browser.new_context(**({} if shared is not None else options))
    try:
        page = context.new_page()
        if shared is not None:
            _prepare(page, url, **options)
        yield page
    except BaseException:
        context.close()
        raise
    if shared is None:
        context.close()
        return
    for one in context.pages:
        one.close()
    context.clear_cookies()
    shared.append(context)


def _prepare(page: Page, url: str, viewport: Any, **media: Any) -> None:
    """Forget what pages of this site have stored: now, since a page that closes may store something."""
    session = page.context.new_cdp_session(page)
    session.send("Storage.clearDataForOrigin", {"origin": url, "storageTypes": "all"})
    session.detach()
    page.set_viewport_size(viewport)
    if media:
        page.emulate_media(**media)
