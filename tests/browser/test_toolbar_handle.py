"""The debug toolbar's handle stands where it covers nothing, for those who have it."""

from __future__ import annotations

from contextlib import closing

from playwright.sync_api import expect

from tests.browser.live_site import QUICK, STRANGER, Address, Worker, copied, on
from tests.servers.daphne import Daphne

# What of the page lies under the handle: the innermost element, and whether it has text or can be used there.
BELOW = """
() => {
  const root = document.getElementById("djDebugRoot");
  const box = (root.shadowRoot ?? root).getElementById("djDebugToolbarHandle").getBoundingClientRect();
  root.style.display = "none";
  const covered = new Set();
  for (let x = box.left; x <= box.right; x += 2)
    for (let y = box.top; y <= box.bottom; y += 2) {
      const there = document.elementFromPoint(Math.min(x, innerWidth - 1), y);
      if (there?.closest("a, button, input, tr, [role=row], h1, h2")) covered.add(there.outerHTML.slice(0, 80));
    }
  root.style.display = "";
  return [box.width, box.height, innerWidth - box.right, box.top, [...covered]];
}
"""


def test_the_handle_covers_no_row(site_database, tmp_path, visit):
    """At the width of a telephone and of a desk, on each kind of page; who sees no events has none."""
    env = on(copied(site_database, tmp_path)) | {"DEBUG_TOOLBAR": "1"}
    with closing(Daphne(env, application=QUICK)) as server, closing(Worker(env)) as worker:
        worker.run("[User.objects.create_user(f'crew{number}') for number in range(40)]")
        stranger = visit(Address(server.url), STRANGER)
        stranger.page.goto(f"{server.url}/accounts/profile/")
        expect(stranger.page.locator("#djDebugRoot")).to_have_count(0)
        for width in (390, 1440):
            live = visit(Address(server.url), viewport={"width": width, "height": 800})
            for address in ("/", "/events/", "/accounts/profile/"):
                live.page.goto(server.url + address)
                expect(live.page.locator("#djShowToolBarButton")).to_be_visible()
                wide, high, right, top, covered = live.page.evaluate(BELOW)
                assert 0 < wide <= 20
                assert 0 < high <= 20
                assert (right, top) == (0, 0)
                assert covered == [], (width, address)
