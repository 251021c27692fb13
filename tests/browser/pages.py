"""Names every page that people see, and opens it on a site whose log `tests/browser/full_log.py` has filled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page, expect

from tests.browser.live_site import Site

LIVE: Final = {
    "live": "/?source=!migration",
    "live-panel": "/?source=!migration&event={event}",
    "live-cascades": "/?view=cascades&source=!migration",
    "live-empty": "/?q=nothing-has-this",
    "live-wrong": "/?q=took%3A%3Esoon",
}
HISTORY: Final = {
    "history": "/events/",
    "history-signals": "/events/?every=1&q=ada",
    "history-wrong": "/events/?since=yesterday",
    "history-unfinished": "/events/?q=%28ada",
    "history-empty": "/events/?actor=nobody",
    "event": "/events/{event}/",
    "event-missing": "/events/999999/",
    "object": "/objects/auth.User/{ada}/",
    "object-then": "/objects/auth.User/{ada}/?at=2100-01-01",
    "object-between": "/objects/auth.User/{ada}/?from=2000-01-01",
    "object-report": "/objects/auth.User/{ada}/?format=report",
    "object-gone": "/objects/auth.User/{gone}/",
    "object-by-query": "/objects/auth.User/?pk={ada}",
    "actor": "/actors/{ada}/",
    "actor-by-query": "/actors/?pk={ada}",
    "restore": "/restore/?label=auth.User&pk={gone}",
    "past-writes": "/past-writes/",
    "pins": "/pins/",
    "logs": "/logs/?q=eve",
}
DEBUGGING: Final = {
    "traces": "/traces/",
    "traces-empty": "/traces/?status=599",
    "trace": "/traces/{trace}/",
    "trace-compared": "/traces/{first}/?with={second}",
    "receivers": "/receivers/",
    "sessions": "/sessions/",
    "session": "/sessions/{after}/",
    "session-trace": "/sessions/{after}/?trace={caught}",
    "session-compared": "/sessions/{after}/?with={before}",
}
AUDIT: Final = {
    "seals": "/seals/",
    "holds": "/holds/",
    "relays": "/relays/",
    "redact": "/redact/?label=auth.User&pk={ada}",
}
PAGES: Final = LIVE | HISTORY | DEBUGGING | AUDIT
"""For who may see events."""
OWN: Final = {
    f"account-{name.replace('/', '-')}": f"/accounts/{name}/"
    for name in ("profile", "password", "password/done", "delete")
}
"""For who is logged in."""
ANONYMOUS: Final = {
    f"account-{name.replace('/', '-')}": f"/accounts/{name}/"
    for name in ("register", "login", "reset", "reset/sent", "reset/done", "reset/MQ/spent-link")
}
ADMIN: Final = {
    "admin-list": "/admin/signal_log/signalevent/",
    "admin-event": "/admin/signal_log/signalevent/{event}/change/",
    "admin-history": "/admin/auth/user/{ada}/history/",
}
"""Of the log, in Django's own frame, which has faults of its own."""
NO_PAGES: Final = {
    "shared_views", "take_away", "stop_session", "sealed_file", "sealed_file_of", "restore_form", "logout",
    "event_notes", "session_notes",
}  # fmt: skip
"""What answers with JSON, a file, the admin's page or only to a POST."""


def fill(site: Site, *name: str) -> dict[str, Any]:
    """Fill the site's log, with somebody of this name in it; return what the addresses need."""
    facts = Path(site.env["DATABASE_URL"].removeprefix("sqlite:///") + ".facts")
    site.run(f"from tests.browser.full_log import fill; fill({str(facts)!r}, *{name!r})")
    told: dict[str, Any] = json.loads(facts.read_text())
    return told


def visit(page: Page, url: str) -> None:
    """Open a page and wait until it shows what it has."""
    page.goto(url)
    if page.locator("body.live").count():
        expect(page.locator("#state")).not_to_have_attribute("data-tone", "wait")
        expect(page.locator("#rows .row:not([hidden]), #empty-state:not([hidden])").first).to_be_visible()
