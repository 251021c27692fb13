"""The project's settings with the tests' own apps installed and observed."""

from observatory.settings import *  # noqa: F403
from observatory.settings import INSTALLED_APPS, SIGNAL_LOG, STORAGES

INSTALLED_APPS = [*INSTALLED_APPS, "taggit", "tests.shop", "tests.relations"]
if "debug_toolbar" not in INSTALLED_APPS:  # its panels are tested; it is not shown
    INSTALLED_APPS.append("debug_toolbar")
    DEBUG_TOOLBAR_PANELS = ["signal_log.show.panel.SignalLogPanel", "observatory.toolbar.HistoryPanel"]
SIGNAL_LOG = {
    **SIGNAL_LOG,
    "MODELS": [*SIGNAL_LOG["MODELS"], "shop.*", "relations.*"],
    "EXCLUDE": ["shop.Note"],
}
# Static files are served from their source: nothing has been collected and hashed.
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_AUTOREFRESH = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast, for tests only
