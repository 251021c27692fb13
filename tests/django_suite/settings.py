"""The settings for Django's ``runtests.py``: two databases, and a runner that records the results."""

import os
from urllib.parse import urlsplit

SECRET_KEY = "for-the-tests-only-" + "0123456789abcdef" * 3
USE_TZ = False
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
TEST_RUNNER = "tests.django_suite.recording.RecordingRunner"


def database(name: str) -> dict[str, object]:
    """Return SQLite in memory, as Django's developers use it, or the PostgreSQL that ``run`` has started."""
    url = urlsplit(os.environ.get("DJANGO_SUITE_POSTGRES", ""))
    if not url.hostname:
        return {"ENGINE": "django.db.backends.sqlite3"}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": url.username,
        "PASSWORD": url.password,
        "HOST": url.hostname,
        "PORT": url.port,
    }


DATABASES = {"default": database("django_suite"), "other": database("django_suite_other")}
