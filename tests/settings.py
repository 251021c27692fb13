"""The project's settings with the tests' own shop installed and observed."""

from observatory.settings import *  # noqa: F403
from observatory.settings import INSTALLED_APPS, SIGNAL_LOG

INSTALLED_APPS = [*INSTALLED_APPS, "debug_toolbar", "tests.shop"]  # the toolbar for its panels' sake; it is not shown
SIGNAL_LOG = {
    **SIGNAL_LOG,
    "MODELS": [*SIGNAL_LOG["MODELS"], "shop.*"],
    "EXCLUDE": ["shop.Note"],
}
WHITENOISE_AUTOREFRESH = True  # static files as they are in the source; none have been collected
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick, for tests only
