"""What the toolbar's panel costs a request of ten saves, beside the toolbar's own SQL panel.

python -m tests.benchmarks.panel
"""

from __future__ import annotations

import itertools
import os
import statistics
import tempfile
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
os.environ.setdefault("DEBUG", "1")
os.environ.setdefault("DATABASE_URL", f"sqlite:///{tempfile.mkdtemp()}/panel.sqlite3")

import django
from django.core.management import call_command

PANELS = {
    "no panel": [],
    "SQLPanel": ["debug_toolbar.panels.sql.SQLPanel"],
    "SignalLogPanel": ["signal_log.show.panel.SignalLogPanel"],
}
SAVES = 10
ROUNDS = 60


def main() -> None:
    """Print the median of each, interleaved, so that a busy machine is busy for all alike."""
    django.setup()
    call_command("migrate", verbosity=0, run_syncdb=True)
    from debug_toolbar import middleware
    from debug_toolbar import settings as toolbar_settings
    from debug_toolbar.toolbar import DebugToolbar, debug_toolbar_urls
    from django.conf import settings
    from django.db import transaction
    from django.http import HttpRequest, HttpResponse
    from django.test import RequestFactory

    from observatory import urls
    from signal_log.capture.middleware import SignalLogMiddleware
    from tests.shop.models import Category

    settings.DEBUG = True
    settings.DEBUG_TOOLBAR_CONFIG = {"SHOW_TOOLBAR_CALLBACK": lambda request: True}
    urls.urlpatterns += debug_toolbar_urls()

    numbers = itertools.count()

    def view(request: HttpRequest) -> HttpResponse:
        with transaction.atomic():
            for _ in range(SAVES):
                Category.objects.create(name=str(next(numbers)))
        return HttpResponse("<html><body></body></html>")

    taken: dict[str, list[float]] = {name: [] for name in PANELS}
    for number in range(ROUNDS + 5):
        for name, panels in PANELS.items():
            settings.DEBUG_TOOLBAR_PANELS = panels
            DebugToolbar._panel_classes = None
            toolbar_settings.get_panels.cache_clear()
            toolbar_settings.get_config.cache_clear()
            middleware.show_toolbar_func_or_path.cache_clear()
            started = time.perf_counter()
            response = middleware.DebugToolbarMiddleware(SignalLogMiddleware(view))(RequestFactory().get("/"))
            assert name != "SignalLogPanel" or f"{SAVES} operations" in response.headers["Server-Timing"], (
                response.headers
            )
            if number >= 5:
                taken[name].append(time.perf_counter() - started)
    for name, times in taken.items():
        print(f"{name}: {statistics.median(times) * 1_000:.1f} ms")


if __name__ == "__main__":
    main()
